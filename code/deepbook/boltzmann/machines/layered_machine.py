"""Layers of binary units with links between neighbours only: what a deep machine is made of."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from deepbook.boltzmann.energy.energy_model import EnergyModel, shares
from deepbook.units import bernoulli, check_units, log_odds

__all__ = ["LayeredMachine"]


class LayeredMachine(EnergyModel):
    """The energy, the chain and the statistics of ``DBM``, where all is in closed form.

    Given the odd layers, the even ones are independent, and the other way round
    (Goodfellow et al. 2016, figure 20.3). So a step of the chain draws all even layers, then all
    odd ones, and its state is the odd layers h1, h3, ... side by side.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        weight_scale: float = 0.01,
        sweeps: int = 10,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if len(sizes) < 3 or min(sizes) < 1:
            raise ValueError(
                "expected sizes of a visible and two or more hidden layers, at least 1 unit each, "
                f"got {list(sizes)}"
            )
        if not weight_scale >= 0 or sweeps < 1:
            raise ValueError(
                "expected a weight scale of at least 0 and at least 1 sweep, "
                f"got {weight_scale} and {sweeps}"
            )
        self.sizes, self.sweeps = tuple(sizes), sweeps
        self.visible_size, self.state_size = sizes[0], sum(sizes[1::2])
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for below, above in pairwise(sizes):
            noise = torch.randn(below, above, generator=generator, device=device, dtype=dtype)
            self.weights.append(nn.Parameter(weight_scale * noise))
        for size in sizes:
            self.biases.append(nn.Parameter(torch.zeros(size, device=device, dtype=dtype)))

    def energy(self, layers: Sequence[Tensor]) -> Tensor:
        """Energy of joint states, one tensor (..., sizes[l]) a layer, in nats; shape (...)."""
        result = -(layers[0] @ self.biases[0])
        for below, above, weight, bias in zip(
            layers[:-1], layers[1:], self.weights, self.biases[1:], strict=True
        ):
            result = result - above @ bias - (below @ weight * above).sum(-1)
        return result

    def layer_input(self, layers: Sequence[Tensor], index: int) -> Tensor:
        """What the units of one layer add up from the layer below and the layer above."""
        total: Tensor = self.biases[index]
        if index > 0:
            total = total + layers[index - 1] @ self.weights[index - 1]
        if index + 1 < len(self.sizes):
            total = total + layers[index + 1] @ self.weights[index].T
        return total

    def visible_mean(self, state: Tensor) -> Tensor:
        """``P(v = 1 | h1)``, shape (..., visible_size)."""
        return torch.sigmoid(self.layer_input(self.with_odd(state), 0))

    @torch.no_grad()
    def sample_visible(self, state: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw ``v`` given the chain's state."""
        return bernoulli(self.visible_mean(state), generator)

    def initial_state(self, count: int) -> Tensor:
        """Odd layers that are all 0, shape (count, state_size)."""
        return self.biases[0].new_zeros(count, self.state_size)

    @torch.no_grad()
    def initialize_biases_(self, visible: Tensor) -> None:
        """Set the visible biases to the log-odds of each unit in the data."""
        self.check_visible(visible)
        self.biases[0].copy_(log_odds(visible))

    def check_visible(self, visible: Tensor) -> None:
        """Raise unless ``visible`` has ``visible_size`` values in [0, 1] of the model's dtype."""
        check_units(visible, self.visible_size, self.dtype, "visible")

    def check_state(self, state: Tensor) -> None:
        """Raise unless ``state`` has ``state_size`` values in [0, 1] of the model's dtype."""
        check_units(state, self.state_size, self.dtype, "odd hidden")

    def with_odd(self, state: Tensor) -> list[Tensor]:
        """The list of all layers, with a state's odd ones; the even ones are still empty."""
        self.check_state(state)
        return self._with_odd(state)

    def _log_unnormalised(self, state: Tensor) -> Tensor:
        # all even layers summed out
        layers = self._with_odd(state)
        return self._log_hidden(layers) + softplus(self.layer_input(layers, 0)).sum(-1)

    @torch.no_grad()
    def _gibbs_step(self, state: Tensor, generator: torch.Generator | None = None) -> Tensor:
        # all even layers given the odd ones, then all odd layers
        layers = self._with_odd(state)
        for start in (0, 1):
            for index in range(start, len(self.sizes), 2):
                mean = torch.sigmoid(self.layer_input(layers, index))
                layers[index] = bernoulli(mean, generator)
        return torch.cat(layers[1::2], -1)

    @torch.no_grad()
    def _statistics(self, state: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        # each layer and the products of neighbours, even layers at their means
        layers = self._with_odd(state)
        for index in range(0, len(self.sizes), 2):
            layers[index] = torch.sigmoid(self.layer_input(layers, index))
        return self._products(layers, weights)

    def _log_partition_without_couplings(self) -> Tensor:
        # one softplus for each unit
        return torch.cat([softplus(bias) for bias in self.biases]).sum()

    def _with_odd(self, state: Tensor) -> list[Tensor]:
        layers = [state.new_empty(0)] * len(self.sizes)
        layers[1::2] = state.split(self.sizes[1::2], dim=-1)
        return layers

    def _log_hidden(self, layers: list[Tensor]) -> Tensor:
        # odd layers' biases, and the softplus of each even hidden unit
        linear = [layers[i] @ self.biases[i] for i in range(1, len(layers), 2)]
        summed = [softplus(self.layer_input(layers, i)).sum(-1) for i in range(2, len(layers), 2)]
        return torch.stack(linear + summed).sum(0)

    def _products(self, layers: list[Tensor], weights: Tensor | None) -> dict[str, Tensor]:
        weights = shares(layers[0], weights)
        result = {f"biases.{i}": weights @ layer for i, layer in enumerate(layers)}
        for i in range(len(self.weights)):
            result[f"weights.{i}"] = (layers[i] * weights[:, None]).T @ layers[i + 1]
        return result

    def _arguments(self) -> dict[str, Any]:
        return {"sizes": self.sizes, "sweeps": self.sweeps}
