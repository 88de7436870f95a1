"""The restricted Boltzmann machine with binary units."""

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from deepbook.boltzmann.energy.harmonium import Harmonium
from deepbook.boltzmann.energy.layers import check_layers
from deepbook.units import bernoulli, check_units, log_odds

__all__ = ["RBM"]


class RBM(Harmonium):
    """Restricted Boltzmann machine with binary units.

    Energy ``E(v, h) = -b.v - c.h - v W h`` (Goodfellow et al. 2016, section 20.2).

    Parameters
    ----------
    visible_size, hidden_size : int
        Number of visible and hidden units.
    weight_scale : float
        Standard deviation of the initial weights; biases start at zero.
    generator : torch.Generator, optional
        For the initial weights, on ``device``; the global one if not given.
    device, dtype : optional
        Of the parameters, as in torch.

    Attributes
    ----------
    weight : Tensor, shape (visible_size, hidden_size)
    visible_bias : Tensor, shape (visible_size,)
    hidden_bias : Tensor, shape (hidden_size,)

    Raises
    ------
    ValueError
        If a layer has no unit, or the weight scale is negative.
    """

    def __init__(
        self,
        visible_size: int,
        hidden_size: int,
        *,
        weight_scale: float = 0.01,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_layers(visible_size, hidden_size, weight_scale)
        self.visible_size, self.hidden_size = visible_size, hidden_size
        kind = {"device": device, "dtype": dtype}
        noise = torch.randn(visible_size, hidden_size, generator=generator, **kind)  # type: ignore[arg-type]
        self.weight = nn.Parameter(weight_scale * noise)
        self.visible_bias = nn.Parameter(torch.zeros(visible_size, **kind))  # type: ignore[arg-type]
        self.hidden_bias = nn.Parameter(torch.zeros(hidden_size, **kind))  # type: ignore[arg-type]

    def energy(self, visible: Tensor, hidden: Tensor) -> Tensor:
        """Energy of joint states in nats.

        Parameters
        ----------
        visible : Tensor, shape (..., visible_size), values in [0, 1]
        hidden : Tensor, shape (..., hidden_size), values in [0, 1]

        Returns
        -------
        Tensor, shape (...)
            Batch dimensions broadcast.

        Raises
        ------
        ValueError, TypeError
            If a size, a value or the dtype is wrong; so in every method.
        """
        self.check_visible(visible)
        self.check_hidden(hidden)
        # the energy of section 20.2
        return (
            -visible @ self.visible_bias
            - hidden @ self.hidden_bias
            - (visible @ self.weight * hidden).sum(-1)
        )

    def free_energy(self, visible: Tensor) -> Tensor:
        """Free energy ``F(v) = -log sum_h exp(-E(v, h))`` in nats, shape (...)."""
        self.check_visible(visible)
        # the sum over h factorises over hidden units: one softplus each
        return -visible @ self.visible_bias - softplus(self._hidden_input(visible)).sum(-1)

    def hidden_free_energy(self, hidden: Tensor) -> Tensor:
        """``-log sum_v exp(-E(v, h))`` in nats, shape (...)."""
        self.check_hidden(hidden)
        return -hidden @ self.hidden_bias - softplus(self._visible_input(hidden)).sum(-1)

    def hidden_mean(self, visible: Tensor) -> Tensor:
        """``P(h = 1 | v)``, shape (..., hidden_size)."""
        self.check_visible(visible)
        return torch.sigmoid(self._hidden_input(visible))

    def visible_mean(self, hidden: Tensor) -> Tensor:
        """``P(v = 1 | h)``, shape (..., visible_size)."""
        self.check_hidden(hidden)
        return torch.sigmoid(self._visible_input(hidden))

    @torch.no_grad()
    def sample_visible(self, hidden: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw ``v`` given ``h``: zeros and ones, shape (..., visible_size)."""
        return bernoulli(self.visible_mean(hidden), generator)

    @torch.no_grad()
    def statistics(self, state: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        """Weighted means of ``v h``, ``v`` and ``h``, with ``h`` at its mean given ``v``."""
        hidden = self.hidden_mean(state)
        if weights is None:
            weighted = state / len(state)
            hidden_bias = hidden.mean(0)
        else:
            weighted = state * weights[:, None]
            hidden_bias = weights @ hidden
        return {
            "weight": weighted.T @ hidden,
            "visible_bias": weighted.sum(0),
            "hidden_bias": hidden_bias,
        }

    def initial_state(self, count: int) -> Tensor:
        """Visible units that are all 0, shape (count, visible_size)."""
        return self.visible_bias.new_zeros(count, self.visible_size)

    @torch.no_grad()
    def log_partition_without_couplings(self) -> Tensor:
        """``log Z`` where ``weight`` is zero: one softplus for each unit; shape ()."""
        if self.weight.count_nonzero():
            raise ValueError("expected a machine whose weights are all zero")
        return softplus(self.visible_bias).sum() + softplus(self.hidden_bias).sum()

    @torch.no_grad()
    def initialize_biases_(self, visible: Tensor) -> None:
        """Set ``visible_bias`` to the log-odds of each unit in the data.

        Parameters
        ----------
        visible : Tensor, shape (N, visible_size)
        """
        self.check_visible(visible)
        self.visible_bias.copy_(log_odds(visible))

    @torch.no_grad()
    def without_couplings(self, visible: Tensor | None = None) -> Self:
        """The machine with zero weights, and visible biases at the data's log-odds."""
        result = type(self)(
            self.visible_size,
            self.hidden_size,
            weight_scale=0.0,
            device=self.device,
            dtype=self.dtype,
        )
        if visible is not None:
            result.initialize_biases_(visible)
        return result

    def check_visible(self, visible: Tensor) -> None:
        """Raise unless ``visible`` has ``visible_size`` values in [0, 1] of the model's dtype."""
        check_units(visible, self.visible_size, self.dtype, "visible")

    def check_hidden(self, hidden: Tensor) -> None:
        """Raise unless ``hidden`` has ``hidden_size`` values in [0, 1] of the model's dtype."""
        check_units(hidden, self.hidden_size, self.dtype, "hidden")

    def _hidden_input(self, visible: Tensor) -> Tensor:
        return visible @ self.weight + self.hidden_bias

    def _visible_input(self, hidden: Tensor) -> Tensor:
        return hidden @ self.weight.T + self.visible_bias
