"""Chains at several temperatures that swap their states."""

import itertools
from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor

from deepbook.boltzmann.energy.energy_model import EnergyModel

__all__ = ["ParallelTempering"]

_STATE = ("states", "walkers", "offered", "accepted")


class ParallelTempering:
    """Chains at several temperatures that swap states (Goodfellow et al. 2016, section 17.5.1).

    Level ``i`` samples ``model.between(base, betas[i])``. Neighbours offer each other their
    states, and a Metropolis step decides; so every level keeps its own distribution, and the last
    one, at ``beta = 1``, samples the model itself, while states that were mixed where it is warm
    come down to it.

    Parameters
    ----------
    model : EnergyModel
        May be trained between calls of ``run``: its parameters are read anew in each.
    betas : sequence of float
        Inverse temperatures, rising, the last one 1; if the first is 0 it samples the base, each
        step an independent draw.
    chains : int
        How many such ladders run side by side.
    base : EnergyModel, optional
        ``model.without_couplings()`` if not given.

    Attributes
    ----------
    states : Tensor, shape (levels, chains, *state shape)
    walkers : Tensor, shape (levels, chains), int64
        At which level each state started, to follow it up and down.
    offered, accepted : Tensor, shape (levels - 1,)
        Swaps between each level and the next so far.

    Raises
    ------
    ValueError
        If ``betas`` are not as described, or there is no chain.
    """

    def __init__(
        self,
        model: EnergyModel,
        betas: Sequence[float],
        chains: int,
        *,
        base: EnergyModel | None = None,
    ) -> None:
        betas = [float(beta) for beta in betas]
        rising = all(a < b for a, b in itertools.pairwise(betas))
        if len(betas) < 2 or not rising or betas[0] < 0 or betas[-1] != 1:
            raise ValueError(
                f"expected at least 2 betas that rise from 0 or more to 1, got {betas}"
            )
        if chains < 1:
            raise ValueError(f"expected at least 1 chain, got {chains}")
        self.model, self.betas = model, betas
        self.base = model.without_couplings() if base is None else base
        self.base.check_parameters()
        self._levels = [deepcopy(model) for _ in betas]
        start = model.initial_state(chains)
        self.states = torch.stack([start] * len(betas))
        levels = torch.arange(len(betas), device=start.device)
        self.walkers = levels[:, None].repeat(1, chains)
        self.offered = torch.zeros(len(betas) - 1, device=start.device, dtype=torch.int64)
        self.accepted = torch.zeros_like(self.offered)

    @torch.no_grad()
    def run(self, steps: int, generator: torch.Generator | None = None) -> Tensor:
        """Take steps: a Gibbs step at each level, then offers of swaps between all neighbours.

        Returns
        -------
        Tensor, shape (chains, *state shape)
            The states at ``beta = 1``.

        Raises
        ------
        ValueError
            If ``steps`` is negative.
        """
        if steps < 0:
            raise ValueError(f"expected at least 0 steps, got {steps}")
        self.model.check_state(self.states)
        return self._run(steps, generator)

    def _run(self, steps: int, generator: torch.Generator | None) -> Tensor:
        base, model = dict(self.base.named_parameters()), dict(self.model.named_parameters())
        for beta, level in zip(self.betas, self._levels, strict=True):
            for name, parameter in level.named_parameters():
                parameter.copy_(torch.lerp(base[name], model[name], beta))
        for _ in range(steps):
            self.states = torch.stack(
                [
                    level._gibbs_step(state, generator)
                    for level, state in zip(self._levels, self.states, strict=True)
                ]
            )
            for lower in range(len(self.betas) - 1):
                self._swap(lower, generator)
        return self.states[-1]

    @property
    def swap_rates(self) -> Tensor:
        """Share of the offers between each level and the next that were accepted, NaN before any.

        Shape (levels - 1,). A rate near zero is a gap that nothing crosses: more levels are needed
        there.
        """
        return self.accepted / self.offered

    def state_dict(self) -> dict[str, Tensor]:
        """What a checkpoint needs beside the model and the base."""
        return {name: getattr(self, name).clone() for name in _STATE}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on where ``state_dict`` was taken."""
        for name in _STATE:
            ours = getattr(self, name)
            if state[name].shape != ours.shape:
                raise ValueError(
                    f"expected {name} of shape {tuple(ours.shape)}, got {tuple(state[name].shape)}"
                )
            ours.copy_(state[name])

    def _swap(self, lower: int, generator: torch.Generator | None) -> None:
        """Offer the states of a level and the next to each other, in each chain."""
        cold, warm = self._levels[lower + 1], self._levels[lower]
        of_warm, of_cold = self.states[lower], self.states[lower + 1]
        # Metropolis: the swapped pair's probability over that of the pair as it is
        log_ratio = (
            warm._log_unnormalised(of_cold)
            - warm._log_unnormalised(of_warm)
            + cold._log_unnormalised(of_warm)
            - cold._log_unnormalised(of_cold)
        )
        uniform = torch.rand(
            log_ratio.shape, dtype=log_ratio.dtype, device=log_ratio.device, generator=generator
        )
        swapped = (uniform < log_ratio.exp()).nonzero()[:, 0]
        pair = torch.tensor([lower, lower + 1], device=swapped.device)[:, None]
        for carried in (self.states, self.walkers):
            carried[pair, swapped] = carried[pair.flip(0), swapped]
        self.offered[lower] += len(uniform)
        self.accepted[lower] += len(swapped)
