"""Running chains at one temperature, and at falling ones: Gibbs sampling, simulated annealing."""

from collections.abc import Iterable
from copy import deepcopy

import torch
from torch import Tensor

from deepbook.boltzmann.energy_model import EnergyModel

__all__ = [
    "anneal",
    "geometric_temperatures",
    "record_chain",
    "run_chain",
]


def run_chain(
    model: EnergyModel, state: Tensor, steps: int, generator: torch.Generator | None = None
) -> Tensor:
    """The states after some steps of the model's chain (Goodfellow et al. 2016, section 17.3).

    Parameters
    ----------
    model : EnergyModel
    state : Tensor, shape (N, *state shape)
        Where each of N chains starts; ``model.initial_state(N)`` gives zeros.
    steps : int
        How many times ``gibbs_step`` is taken.
    generator : torch.Generator, optional
        On the state's device; the global one if not given.

    Returns
    -------
    Tensor, shape (N, *state shape)

    Raises
    ------
    ValueError
        If ``steps`` is negative.
    """
    if steps < 0:
        raise ValueError(f"expected at least 0 steps, got {steps}")
    for _ in range(steps):
        state = model.gibbs_step(state, generator)
    return state


def record_chain(
    model: EnergyModel,
    state: Tensor,
    steps: int,
    generator: torch.Generator | None = None,
    *,
    every: int = 1,
) -> Tensor:
    """What ``run_chain`` passes through: the states after each ``every`` steps.

    Returns
    -------
    Tensor, shape (steps // every, N, *state shape)

    Raises
    ------
    ValueError
        If ``every`` is below 1, or ``steps`` below ``every``.
    """
    if not 1 <= every <= steps:
        raise ValueError(f"expected every from 1 to steps, got every={every} and steps={steps}")
    recorded = []
    for _ in range(steps // every):
        state = run_chain(model, state, every, generator)
        recorded.append(state)
    return torch.stack(recorded)


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
