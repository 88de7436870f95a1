"""Several networks of one shape as one module."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from deepbook.training.counts import check_count

__all__ = ["StackedModels"]


class StackedModels(nn.Module):
    """Networks of one shape as one module, with the networks along a first axis.

    ``torch.func`` turns the loop over networks into larger products: ten small networks cost
    little more than one. Random layers such as dropout draw for each network anew.

    Parameters
    ----------
    models : sequence of torch.nn.Module
        Of one class and shape. Their weights are copied; ``unstack`` gives them back.

    Raises
    ------
    ValueError
        If there is none.
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        super().__init__()
        check_count("model", len(models))
        parameters, buffers = stack_module_state(list(models))
        # a module's names have dots, which a parameter's may not have
        self._names = {name: name.replace(".", "/") for name in (*parameters, *buffers)}
        for name, value in parameters.items():
            self.register_parameter(self._names[name], nn.Parameter(value.detach()))
        for name, value in buffers.items():
            self.register_buffer(self._names[name], value)
        self._skeleton = [deepcopy(models[0]).to("meta")]  # in a list: no submodule
        self.count = len(models)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs, shape (models, examples, ...), of inputs that all networks share."""
        return self._call(x, None)

    def each(self, x: Tensor) -> Tensor:
        """Outputs, shape (models, examples, ...), where network ``i`` gets ``x[i]``."""
        if len(x) != self.count:
            raise ValueError(f"expected inputs of {self.count} networks, got {len(x)}")
        return self._call(x, 0)

    def _call(self, x: Tensor, in_dim: int | None) -> Tensor:
        self._skeleton[0].train(self.training)
        state = {name: getattr(self, own) for name, own in self._names.items()}

        def one(state: dict[str, Tensor], x: Tensor) -> Any:
            return functional_call(self._skeleton[0], state, (x,))

        outputs: Tensor = vmap(one, in_dims=(0, in_dim), randomness="different")(state, x)
        return outputs

    @torch.no_grad()
    def unstack(self, models: Sequence[nn.Module]) -> None:
        """Copy weights and buffers into the networks that they came from, or others like them."""
        if len(models) != self.count:
            raise ValueError(f"expected {self.count} networks, got {len(models)}")
        for i, model in enumerate(models):
            model.load_state_dict(
                {name: getattr(self, own)[i] for name, own in self._names.items()}
            )
