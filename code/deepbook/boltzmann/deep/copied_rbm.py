"""A restricted machine with several copies of a layer."""

from typing import Any, Unpack

import torch
from torch import Tensor
from torch.nn.functional import softplus

from deepbook.boltzmann.energy.energy_model import shares
from deepbook.boltzmann.energy.harmonium import Harmonium
from deepbook.boltzmann.energy.two_layers import InitialWeights
from deepbook.boltzmann.machines.restricted import RBM
from deepbook.units import check_units

__all__ = ["CopiedRBM"]


class CopiedRBM(Harmonium):
    """A restricted machine with several copies of a layer that share their weights.

    In a deep Boltzmann machine the first hidden layer hears from below and from above. A machine
    trained alone hears from one side only, so it is given two copies of that side: of the visible
    layer for the first machine, of the hidden layer for the last (Salakhutdinov and Hinton 2009).
    It is an ``RBM`` with block-wise equal weights, so everything holds for it that holds for one.
    Its state is all visible copies side by side, and its data are one of them.

    Parameters
    ----------
    visible_size, hidden_size : int
        Of one copy.
    visible_copies, hidden_copies : int
    weight_scale, generator, device, dtype
        As of ``RBM``.

    Attributes
    ----------
    rbm : RBM
        One copy of each layer. It holds the parameters: ``rbm.weight`` and so on by name, for
        short ``weight``, ``visible_bias`` and ``hidden_bias``.

    Raises
    ------
    ValueError
        If a layer has no unit or no copy.
    """

    def __init__(
        self,
        visible_size: int,
        hidden_size: int,
        *,
        visible_copies: int = 1,
        hidden_copies: int = 1,
        **options: Unpack[InitialWeights],
    ) -> None:
        numbers = (visible_size, hidden_size, visible_copies, hidden_copies)
        if min(numbers) < 1:
            raise ValueError(f"expected at least 1 unit and 1 copy of each layer, got {numbers}")
        super().__init__()
        self.rbm = RBM(visible_size, hidden_size, **options)
        self.visible_size, self.hidden_size = visible_size, hidden_size
        self.visible_copies, self.hidden_copies = visible_copies, hidden_copies

    @property
    def weight(self) -> Tensor:  # type: ignore[override]
        """Of one copy, shape (visible_size, hidden_size)."""
        return self.rbm.weight

    @property
    def visible_bias(self) -> Tensor:  # type: ignore[override]
        """Of one copy, shape (visible_size,)."""
        return self.rbm.visible_bias

    @property
    def hidden_bias(self) -> Tensor:  # type: ignore[override]
        """Of one copy, shape (hidden_size,)."""
        return self.rbm.hidden_bias

    def copy_visible(self, visible: Tensor) -> Tensor:
        """Data of shape (..., visible_size) as a state (..., visible_copies * visible_size)."""
        self.check_visible(visible)
        return self._copy_visible(visible)

    def recognise(self, visible: Tensor) -> Tensor:
        """Hidden means of one copy, shape (..., hidden_size), for data in every visible copy."""
        self.check_visible(visible)
        return self._hidden_mean(self._copy_visible(visible))[..., : self.hidden_size]

    def initial_state(self, count: int) -> Tensor:
        """Visible copies that are all 0, shape (count, visible_copies * visible_size)."""
        return self._copy_visible(self.rbm.initial_state(count))

    def initialize_biases_(self, visible: Tensor) -> None:
        """Set ``visible_bias`` to the log-odds of each unit in data (N, visible_size)."""
        self.rbm.initialize_biases_(visible)

    def check_visible(self, visible: Tensor) -> None:
        """Raise unless ``visible`` is data of shape (..., visible_size), with values in [0, 1]."""
        self.rbm.check_visible(visible)

    def check_state(self, state: Tensor) -> None:
        """Raise unless ``state`` holds all visible copies, with values in [0, 1]."""
        check_units(state, self.visible_copies * self.visible_size, self.dtype, "visible")

    def check_hidden(self, hidden: Tensor) -> None:
        """Raise unless ``hidden`` holds all hidden copies, with values in [0, 1]."""
        check_units(hidden, self.hidden_copies * self.hidden_size, self.dtype, "hidden")

    def _energy(self, visible: Tensor, hidden: Tensor) -> Tensor:
        # copies share everything, so the energy knows only their sums
        return self.rbm._energy(self._sum_visible(visible), self._sum_hidden(hidden))

    def _free_energy(self, visible: Tensor) -> Tensor:
        summed = softplus(self._hidden_input(visible)).sum(-1)
        return self._visible_energy(visible) - self.hidden_copies * summed

    def _hidden_free_energy(self, hidden: Tensor) -> Tensor:
        summed = softplus(self._visible_input(hidden)).sum(-1)
        return -self._sum_hidden(hidden) @ self.hidden_bias - self.visible_copies * summed

    def _hidden_mean(self, visible: Tensor) -> Tensor:
        return torch.cat([super()._hidden_mean(visible)] * self.hidden_copies, -1)

    def _visible_mean(self, hidden: Tensor) -> Tensor:
        return self._copy_visible(super()._visible_mean(hidden))

    def _visible_energy(self, visible: Tensor) -> Tensor:
        return self.rbm._visible_energy(self._sum_visible(visible))

    def _hidden_input(self, visible: Tensor) -> Tensor:
        # of one copy: all get the same
        return self.rbm._hidden_input(self._sum_visible(visible))

    def _visible_input(self, hidden: Tensor) -> Tensor:
        return self.rbm._visible_input(self._sum_hidden(hidden))

    @torch.no_grad()
    def _statistics(self, state: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        # products and units, summed over the copies
        v, h = self._sum_visible(state), self._sum_hidden(self._hidden_mean(state))
        weights = shares(v, weights)
        return {
            "rbm.weight": (v * weights[:, None]).T @ h,
            "rbm.visible_bias": weights @ v,
            "rbm.hidden_bias": weights @ h,
        }

    def _data_statistics(self, visible: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        return self._statistics(self._copy_visible(visible), weights)

    def _chain_from_data(self, visible: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return self._copy_visible(visible)

    def _log_partition_without_couplings(self) -> Tensor:
        visible, hidden = softplus(self.visible_bias).sum(), softplus(self.hidden_bias).sum()
        return self.visible_copies * visible + self.hidden_copies * hidden

    def _copy_visible(self, visible: Tensor) -> Tensor:
        return torch.cat([visible] * self.visible_copies, -1)

    def _sum_visible(self, visible: Tensor) -> Tensor:
        return visible.unflatten(-1, (self.visible_copies, self.visible_size)).sum(-2)

    def _sum_hidden(self, hidden: Tensor) -> Tensor:
        return hidden.unflatten(-1, (self.hidden_copies, self.hidden_size)).sum(-2)

    def _arguments(self) -> dict[str, Any]:
        return {
            **self.rbm._arguments(),
            "visible_copies": self.visible_copies,
            "hidden_copies": self.hidden_copies,
        }
