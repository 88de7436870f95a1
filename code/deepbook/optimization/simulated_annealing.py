"""Simulated annealing: a chain that cools down into the states of lowest energy."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

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
    step: Callable[[Tensor, float], Tensor], state: Tensor, temperatures: Iterable[float]
) -> Tensor:
    """Simulated annealing: one step of a chain at each temperature (Kirkpatrick et al. 1983).

    At temperature ``T`` a chain for the energy ``E`` tends to ``exp(-E / T) / Z(T)``; a schedule
    that falls slowly enough ends in the states of lowest energy.

    Parameters
    ----------
    step : callable
        ``step(state, temperature)``, the next state; for a Boltzmann machine it is
        ``deepbook.boltzmann.tempered_step``.
    state : Tensor, shape (N, *state shape)
        Where each of N runs starts.
    temperatures : iterable of float
        The schedule, above 0; see ``geometric_temperatures``.

    Returns
    -------
    Tensor, shape (N, *state shape)

    Raises
    ------
    ValueError
        If a temperature is not above 0.
    """
    for temperature in temperatures:
        if not temperature > 0:
            raise ValueError(f"expected temperatures above 0, got {temperature}")
        state = step(state, temperature)
    return state
