"""Two layers of units with no links inside a layer: the shape of every restricted machine."""

from abc import abstractmethod

import torch
from torch import Tensor

from deepbook.boltzmann.energy.energy_model import EnergyModel
from deepbook.units import bernoulli

__all__ = ["Harmonium"]


class Harmonium(EnergyModel):
    """A bipartite machine (Smolensky 1986): given one layer, the other's units are independent.

    Its state is the visible layer. A subclass says what its visible units are; hidden units are
    binary. Shapes below are those of one layer, without the batch dimensions ``...``.
    """

    @abstractmethod
    def energy(self, visible: Tensor, hidden: Tensor) -> Tensor:
        """``E(v, h)`` in nats, broadcast over the batch dimensions."""

    @abstractmethod
    def free_energy(self, visible: Tensor) -> Tensor:
        """``F(v) = -log sum_h exp(-E(v, h))`` in nats, shape (...)."""

    @abstractmethod
    def hidden_free_energy(self, hidden: Tensor) -> Tensor:
        """``-log sum_v exp(-E(v, h))`` in nats, shape (...): an integral where v is real."""

    @abstractmethod
    def hidden_mean(self, visible: Tensor) -> Tensor:
        """``E[h | v]``, which is ``P(h = 1 | v)``."""

    @abstractmethod
    def visible_mean(self, hidden: Tensor) -> Tensor:
        """``E[v | h]``."""

    @torch.no_grad()
    def sample_hidden(self, visible: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw the hidden units given the visible ones: zeros and ones of ``hidden_mean``'s shape.

        Each by itself; a machine whose hidden units exclude each other draws them otherwise.
        """
        return bernoulli(self.hidden_mean(visible), generator)

    @abstractmethod
    def sample_visible(self, hidden: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """A draw of the visible units given the hidden ones."""

    @abstractmethod
    def check_visible(self, visible: Tensor) -> None:
        """Raise unless the visible units have this machine's shape, dtype and range."""

    @abstractmethod
    def initialize_biases_(self, visible: Tensor) -> None:
        """Set the visible biases to the data's base rates (Hinton 2012, section 8.1)."""

    def log_unnormalised(self, state: Tensor) -> Tensor:
        """``-F(v)``, shape (...)."""
        return -self.free_energy(state)

    def gibbs_step(self, state: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw all hidden units, then all visible ones (block Gibbs, section 17.4)."""
        return self.sample_visible(self.sample_hidden(state, generator), generator)
