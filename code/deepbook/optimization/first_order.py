"""What the first-order optimizers share: a walk over the groups, and checks at the door."""

import math
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim import Optimizer

from deepbook.training.history import NonFiniteError

__all__ = ["FirstOrderOptimizer"]


class FirstOrderOptimizer(Optimizer):
    """An optimizer that needs each parameter's gradient and nothing else.

    A subclass says in ``_update`` what a step does to one parameter. Settings and the names of
    the state are those of its twin in ``torch.optim``: what that saved is loaded here, unless it
    asks for what this class lacks. A parameter whose gradient is None stays as it is, and so does
    its state. ``weight_decay`` is added to the gradient, where a class says nothing else.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        As for every ``torch.optim.Optimizer``; a group may have its own settings.
    **settings
        The defaults of the groups.

    Raises
    ------
    ValueError
        If a setting is not finite or out of its range, also in a group.
    NonFiniteError
        By ``step``, if an entry of a gradient is NaN or infinite.
    TypeError
        By ``step``, if a gradient is sparse or complex. Then nothing has been changed yet.
    """

    # below what number a setting has to stay; none may be negative
    _limits: ClassVar[dict[str, float]] = {
        "lr": math.inf,
        "weight_decay": math.inf,
        "eps": math.inf,
        "momentum": 1.0,
        "dampening": math.inf,
        "alpha": 1.0,
    }
    _decay_in_gradient = True
    # what torch's twins have and ours lack, with what must stand in a group that is loaded
    _lacking: ClassVar[dict[str, Any]] = {
        **dict.fromkeys(("amsgrad", "maximize", "centered", "nesterov", "lr_decay"), False),
        **dict.fromkeys(("momentum", "dampening", "decoupled_weight_decay"), False),
    }

    def __init__(self, params: Any, **settings: Any) -> None:
        super().__init__(params, settings)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Check the settings of a group, and add it."""
        for name, value in {**self.defaults, **param_group}.items():
            limit = self._limits.get(name)
            if limit is not None and not (isinstance(value, int | float) and 0 <= value < limit):
                raise ValueError(f"expected {name} in [0, {limit}), got {value}")
        super().add_param_group(param_group)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a state back, also one that torch's twin saved.

        Raises
        ------
        ValueError
            If its groups have settings that this class cannot follow.
        """
        defaults = state.get("defaults") or self.defaults  # a copy has none yet
        for group in state["param_groups"]:
            for name, value in group.items():
                wanted = self._lacking.get(name, value)
                if name not in defaults and value != wanted:
                    raise ValueError(
                        f"expected a state with {name} {wanted} for {type(self).__name__}, "
                        f"got one with {value}"
                    )
        super().__setstate__(state)
        for group in self.param_groups:
            for name, value in self.defaults.items():
                group.setdefault(name, value)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss and the gradients anew.

        Returns
        -------
        What the closure returned, or None.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        active = [[p for p in group["params"] if p.grad is not None] for group in self.param_groups]
        gradients: Any = [[p.grad for p in parameters] for parameters in active]
        for number, group in enumerate(self.param_groups):
            self._check_gradients(gradients[number], group, number)
        for parameters, own, group in zip(active, gradients, self.param_groups, strict=True):
            if parameters:
                if self._decay_in_gradient and (decay := group["weight_decay"]):
                    # decay / 2 * ||w||^2 has this gradient; the caller's own stays as it is
                    own = list(torch._foreach_add(own, parameters, alpha=decay))
                self._update_group(parameters, own, group)
        return loss

    def _update_group(
        self, parameters: list[Tensor], gradients: list[Tensor], group: dict[str, Any]
    ) -> None:
        for parameter, gradient in zip(parameters, gradients, strict=True):
            self._update(parameter, gradient, self.state[parameter], group)

    def _update(
        self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        raise NotImplementedError(f"{type(self).__name__} does not say what its step is")

    def _check_gradients(self, gradients: list[Tensor], group: dict[str, Any], number: int) -> None:
        # a finite sum has finite parts only, and one sum costs little beside a step
        total = sum([gradient.sum().item() for gradient in gradients])
        dense = all([gradient.layout is torch.strided for gradient in gradients])
        if not (dense and not isinstance(total, complex) and math.isfinite(total)):
            self._refuse(group, number)

    def _refuse(self, group: dict[str, Any], number: int) -> None:
        for i, parameter in enumerate(group["params"]):
            gradient = parameter.grad
            if gradient is None:
                continue
            place = f"parameter {i} of group {number}, shape {tuple(parameter.shape)}"
            dense = gradient.layout is torch.strided
            if not dense or gradient.is_complex():
                raise TypeError(
                    f"expected a dense, real gradient for {type(self).__name__}, "
                    f"got a {'complex' if dense else 'sparse'} one: {place}"
                )
            # finite numbers may have a sum that overflows: that is no fault
            if bad := int((~gradient.isfinite()).sum()):
                raise NonFiniteError(
                    f"{bad} of {gradient.numel()} entries of the gradient are NaN or infinite: "
                    f"{place}, learning rate {group['lr']:g}; no weight has been changed"
                )
