"""Simulated annealing: a chain that cools down into the states of lowest energy."""

from collections.abc import Iterable
from copy import deepcopy

import torch
from torch import Tensor

from deepbook.boltzmann.energy.energy_model import EnergyModel

__all__ = ["anneal", "geometric_temperatures"]


def geometric_temperatures(hot: float, cold: float, steps: int) -> list[float]:
    """``steps`` temperatures from ``hot`` to ``cold``, each the same fraction of the one before.

    Raises
    ------
    ValueError
        Unless ``hot >= cold > 0`` and there are at least 2 steps.
    """
    if not hot >= cold > 0 or steps < 2:
        raise ValueError(
            "expected hot >= cold > 0 and at least 2 steps, "
            f"got hot={hot}, cold={cold} and {steps} steps"
        )
    ratio = (cold / hot) ** (1 / (steps - 1))
    return [hot * ratio**step for step in range(steps)]


@torch.no_grad()
def anneal(
    model: EnergyModel,
    state: Tensor,
    temperatures: Iterable[float],
    generator: torch.Generator | None = None,
) -> Tensor:
    """Simulated annealing: one step of the chain at each temperature (Kirkpatrick et al. 1983).

    At temperature ``T`` the distribution is ``exp(-E / T) / Z(T)``; a schedule that falls slowly
    enough ends in the states of lowest energy. Hidden units that are summed out belong to
    ``E``: an RBM ends in the visible units of its lowest ``E(v, h)``.

    Parameters
    ----------
    model : EnergyModel
    state : Tensor, shape (N, *state shape)
        Where each of N runs starts.
    temperatures : iterable of float
        The schedule, above 0; see ``geometric_temperatures``.
    generator : torch.Generator, optional

    Returns
    -------
    Tensor, shape (N, *state shape)

    Raises
    ------
    ValueError
        If a temperature is not above 0.
    """
    tempered = deepcopy(model)
    pairs = list(zip(tempered.parameters(), model.parameters(), strict=True))
    for temperature in temperatures:
        if not temperature > 0:
            raise ValueError(f"expected temperatures above 0, got {temperature}")
        # the energy is linear in the parameters: E / T has the parameters divided by T
        for ours, theirs in pairs:
            ours.copy_(theirs / temperature)
        state = tempered.gibbs_step(state, generator)
    return state
