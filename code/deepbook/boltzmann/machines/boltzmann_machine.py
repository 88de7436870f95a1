"""The general Boltzmann machine: any two binary units may be coupled."""

from collections.abc import Sequence
from typing import Unpack

import torch
from torch import Tensor
from torch.nn.functional import softplus

from deepbook.boltzmann.energy.energy_model import EnergyModel, shares
from deepbook.boltzmann.energy.states import state_blocks
from deepbook.boltzmann.energy.two_layers import InitialWeights, TwoLayers
from deepbook.boltzmann.machines.hidden_sums import mean_moments, sum_out_hidden
from deepbook.units import bernoulli, check_units

__all__ = ["BoltzmannMachine"]


class BoltzmannMachine(TwoLayers, EnergyModel):
    """Boltzmann machine with binary units, all of them coupled (Ackley, Hinton, Sejnowski 1985).

    Energy ``E(x) = -x W x / 2 - b.x`` with ``W`` symmetric and its diagonal zero (Goodfellow et
    al. 2016, section 20.1). The state ``x`` holds all units, first the visible, then the hidden.

    Parameters
    ----------
    visible_size, hidden_size : int
        Number of visible and hidden units; without hidden units the machine is fully visible.
    weight_scale, generator, device, dtype
        As of ``RBM``.

    Attributes
    ----------
    weight : Tensor, shape (size * (size - 1) / 2,)
        Each coupling once, in the order of ``pairs``; ``weight_matrix`` gives ``W``.
    visible_bias : Tensor, shape (visible_size,)
    hidden_bias : Tensor, shape (hidden_size,)
    pairs : Tensor, shape (2, size * (size - 1) / 2), int64
        The two units of each coupling, the one that comes first above the other.

    Raises
    ------
    ValueError
        If there is no visible unit, or a negative number of hidden ones, or the weight scale is
        negative.
    """

    pairs: Tensor

    def __init__(
        self, visible_size: int, hidden_size: int = 0, **options: Unpack[InitialWeights]
    ) -> None:
        if visible_size < 1 or hidden_size < 0:
            raise ValueError(
                "expected at least 1 visible and 0 hidden units, "
                f"got {visible_size} and {hidden_size}"
            )
        size = visible_size + hidden_size
        pairs = torch.triu_indices(size, size, 1, device=options.get("device"))
        super().__init__((visible_size,), (hidden_size,), (pairs.shape[1],), **options)
        self.visible_size, self.hidden_size, self.size = visible_size, hidden_size, size
        self.register_buffer("pairs", pairs, persistent=False)

    def weight_matrix(self) -> Tensor:
        """The couplings as a symmetric matrix ``W`` with zero diagonal, shape (size, size)."""
        upper = self.weight.new_zeros(self.size, self.size)
        upper = upper.index_put(tuple(self.pairs), self.weight)
        return upper + upper.T

    def bias(self) -> Tensor:
        """The biases of all units, shape (size,)."""
        return torch.cat([self.visible_bias, self.hidden_bias])

    def energy(self, state: Tensor) -> Tensor:
        """Energy of states of all units in nats.

        Parameters
        ----------
        state : Tensor, shape (..., size), values in [0, 1]

        Returns
        -------
        Tensor, shape (...)

        Raises
        ------
        ValueError, TypeError
            If a size, a value or the dtype is wrong; so in every method.
        """
        self.check_state(state)
        return self._energy(state)

    def free_energy(self, visible: Tensor) -> Tensor:
        """``F(v) = -log sum_h exp(-E(v, h))`` in nats, by enumerating the hidden units.

        Parameters
        ----------
        visible : Tensor, shape (N, visible_size)

        Returns
        -------
        Tensor, shape (N,)

        Raises
        ------
        ValueError
            If there are more than ``MAX_UNITS`` hidden units.
        """
        self.check_visible(visible)
        return self._free_energy(visible)

    @torch.no_grad()
    def distribution(self) -> Tensor:
        """``p(x)`` for each of ``all_states(size)``, shape (2 ** size,)."""
        blocks = state_blocks(self.size, dtype=self.dtype, device=self.device)
        return torch.cat([self._log_unnormalised(block) for block in blocks]).softmax(0)

    @torch.no_grad()
    def visible_distribution(self) -> Tensor:
        """``p(v)`` for each of ``all_states(visible_size)``, shape (2 ** visible_size,)."""
        # the hidden units come last, so they count fastest
        return self.distribution().reshape(2**self.visible_size, -1).sum(1)

    def gibbs_step(
        self,
        state: Tensor,
        generator: torch.Generator | None = None,
        units: Sequence[int] | None = None,
    ) -> Tensor:
        """A sequential sweep: draw unit after unit given all the others (section 17.4).

        Parameters
        ----------
        state : Tensor, shape (N, size)
        generator : torch.Generator, optional
        units : sequence of int, optional
            The units to draw, in this order; the others are clamped. All units if not given.
        """
        self.check_state(state)
        return self._gibbs_step(state, generator, units)

    @torch.no_grad()
    def random_scan_step(self, state: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw one unit given all others, in each state another unit, chosen at random.

        Unlike a sweep in a fixed order, this step has detailed balance.
        """
        self.check_state(state)
        count = len(state)
        unit = torch.randint(self.size, (count,), generator=generator, device=state.device)
        rows = self.weight_matrix()[unit]
        on = torch.sigmoid((rows * state).sum(1) + self.bias()[unit])
        return state.scatter(1, unit[:, None], bernoulli(on, generator)[:, None])

    def sample_hidden(
        self, visible: Tensor, generator: torch.Generator | None = None, *, steps: int = 10
    ) -> Tensor:
        """Hidden units after some sweeps with the visible ones clamped, from a random start.

        Parameters
        ----------
        visible : Tensor, shape (N, visible_size)
        steps : int
            Number of sweeps: hidden units coupled to one another need some to forget the start.

        Returns
        -------
        Tensor, shape (N, hidden_size)
        """
        return self.chain_from_data(visible, generator, steps=steps)[:, self.visible_size :]

    def chain_from_data(
        self, visible: Tensor, generator: torch.Generator | None = None, *, steps: int = 10
    ) -> Tensor:
        """The visible units with hidden units by ``sample_hidden``, shape (N, size)."""
        self.check_visible(visible)
        return self._chain_from_data(visible, generator, steps)

    def initial_state(self, count: int) -> Tensor:
        """Units that are all 0, shape (count, size)."""
        return self.weight.new_zeros(count, self.size)

    def check_state(self, state: Tensor) -> None:
        """Raise unless ``state`` has ``size`` values in [0, 1] of the model's dtype."""
        check_units(state, self.size, self.dtype, "visible and hidden")

    def _energy(self, state: Tensor) -> Tensor:
        # each coupling stands twice in W: hence the half
        return -(state @ self.weight_matrix() * state).sum(-1) / 2 - state @ self.bias()

    def _log_unnormalised(self, state: Tensor) -> Tensor:
        return -self._energy(state)

    def _free_energy(self, visible: Tensor) -> Tensor:
        return sum_out_hidden(visible, self.weight_matrix(), *self._biases())

    @torch.no_grad()
    def _gibbs_step(
        self,
        state: Tensor,
        generator: torch.Generator | None = None,
        units: Sequence[int] | None = None,
    ) -> Tensor:
        state, weight, bias = state.clone(), self.weight_matrix(), self.bias()
        for unit in range(self.size) if units is None else units:
            # the diagonal of W is zero: a unit's own value has no say
            on = torch.sigmoid(state @ weight[unit] + bias[unit])
            state[:, unit] = bernoulli(on, generator)
        return state

    def _chain_from_data(
        self, visible: Tensor, generator: torch.Generator | None = None, steps: int = 10
    ) -> Tensor:
        half = visible.new_full((len(visible), self.hidden_size), 0.5)
        state = torch.cat([visible, bernoulli(half, generator)], dim=1)
        for _ in range(steps):
            state = self._gibbs_step(state, generator, range(self.visible_size, self.size))
        return state

    @torch.no_grad()
    def _statistics(self, state: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        # x_i x_j for each pair of units, and x
        weighted = state / len(state) if weights is None else state * weights[:, None]
        return self._from_moments(weighted.T @ state, weighted.sum(0))

    @torch.no_grad()
    def _data_statistics(self, visible: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        weights = shares(visible, weights)
        moment, mean = mean_moments(visible, weights, self.weight_matrix(), *self._biases())
        return self._from_moments(moment, mean)

    def _log_partition_without_couplings(self) -> Tensor:
        # one softplus for each unit
        return softplus(self.bias()).sum()

    def _biases(self) -> tuple[Tensor, Tensor]:
        return self.visible_bias, self.hidden_bias

    def _from_moments(self, moment: Tensor, mean: Tensor) -> dict[str, Tensor]:
        first, second = self.pairs
        visible, hidden = mean.split([self.visible_size, self.hidden_size])
        return {"weight": moment[first, second], "visible_bias": visible, "hidden_bias": hidden}
