"""Two layers of units with no links inside a layer: the shape of every restricted machine."""

from abc import abstractmethod

import torch
from torch import Tensor
from torch.nn.functional import softplus

from deepbook.boltzmann.energy.energy_model import EnergyModel, shares
from deepbook.units import bernoulli

__all__ = ["Harmonium"]


class Harmonium(EnergyModel):
    """A bipartite machine (Smolensky 1986): given one layer, the other's units are independent.

    Its state is the visible layer. A subclass says what its visible units are; hidden units are
    binary. Shapes below are those of one layer, without the batch dimensions ``...``. Doors and
    their underscored methods are as in ``EnergyModel``; what stands here of the latter is for
    ``E(v, h) = visible_energy(v) - c.h - v W h`` with a matrix ``W``.
    """

    visible_size: int
    weight: Tensor
    visible_bias: Tensor
    hidden_bias: Tensor

    def energy(self, visible: Tensor, hidden: Tensor) -> Tensor:
        """``E(v, h)`` in nats, broadcast over the batch dimensions."""
        self.check_state(visible)
        self.check_hidden(hidden)
        return self._energy(visible, hidden)

    def free_energy(self, visible: Tensor) -> Tensor:
        """``F(v) = -log sum_h exp(-E(v, h))`` in nats, shape (...)."""
        self.check_state(visible)
        return self._free_energy(visible)

    def hidden_free_energy(self, hidden: Tensor) -> Tensor:
        """``-log sum_v exp(-E(v, h))`` in nats, shape (...): an integral where v is real."""
        self.check_hidden(hidden)
        return self._hidden_free_energy(hidden)

    def hidden_mean(self, visible: Tensor) -> Tensor:
        """``E[h | v]``, which is ``P(h = 1 | v)``."""
        self.check_state(visible)
        return self._hidden_mean(visible)

    def visible_mean(self, hidden: Tensor) -> Tensor:
        """``E[v | h]``."""
        self.check_hidden(hidden)
        return self._visible_mean(hidden)

    def sample_hidden(self, visible: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw the hidden units given the visible ones: zeros and ones of ``hidden_mean``'s shape.

        Each by itself; a machine whose hidden units exclude each other draws them otherwise.
        """
        self.check_state(visible)
        return self._sample_hidden(visible, generator)

    def sample_visible(self, hidden: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """A draw of the visible units given the hidden ones."""
        self.check_hidden(hidden)
        return self._sample_visible(hidden, generator)

    def initial_state(self, count: int) -> Tensor:
        """Visible units that are all 0, shape (count, visible_size)."""
        return self.visible_bias.new_zeros(count, self.visible_size)

    @abstractmethod
    def check_hidden(self, hidden: Tensor) -> None:
        """Raise unless the hidden units have this machine's shape, dtype and range."""

    def _energy(self, visible: Tensor, hidden: Tensor) -> Tensor:
        # the energy of section 20.2
        return (
            self._visible_energy(visible)
            - hidden @ self.hidden_bias
            - (visible @ self.weight * hidden).sum(-1)
        )

    def _free_energy(self, visible: Tensor) -> Tensor:
        # the sum over h factorises over hidden units: one softplus each
        return self._visible_energy(visible) - softplus(self._hidden_input(visible)).sum(-1)

    @abstractmethod
    def _hidden_free_energy(self, hidden: Tensor) -> Tensor: ...

    def _hidden_mean(self, visible: Tensor) -> Tensor:
        return torch.sigmoid(self._hidden_input(visible))

    def _visible_mean(self, hidden: Tensor) -> Tensor:
        return torch.sigmoid(self._visible_input(hidden))

    @torch.no_grad()
    def _sample_hidden(self, visible: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return bernoulli(self._hidden_mean(visible), generator)

    @torch.no_grad()
    def _sample_visible(self, hidden: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return bernoulli(self._visible_mean(hidden), generator)

    def _visible_energy(self, visible: Tensor) -> Tensor:
        """What the energy has of the visible units alone."""
        return -visible @ self.visible_bias

    def _hidden_input(self, visible: Tensor) -> Tensor:
        return visible @ self.weight + self.hidden_bias

    def _visible_input(self, hidden: Tensor) -> Tensor:
        return hidden @ self.weight.T + self.visible_bias

    def _log_unnormalised(self, state: Tensor) -> Tensor:
        return -self._free_energy(state)

    def _gibbs_step(self, state: Tensor, generator: torch.Generator | None = None) -> Tensor:
        # all hidden units, then all visible ones: block Gibbs, section 17.4
        return self._sample_visible(self._sample_hidden(state, generator), generator)

    @torch.no_grad()
    def _statistics(self, state: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        # v h, v and h, with h at its mean given v
        hidden, weights = self._hidden_mean(state), shares(state, weights)
        weighted = state.flatten(1) * weights[:, None]
        return {
            "weight": (weighted.T @ hidden).view_as(self.weight),
            "visible_bias": weighted.sum(0).view_as(self.visible_bias),
            "hidden_bias": weights @ hidden,
        }
