"""Running a machine's chain, and recording it."""

import torch
from torch import Tensor

from deepbook.boltzmann.energy.energy_model import EnergyModel

__all__ = ["record_chain", "run_chain"]


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
    model.check_state(state)
    return model._chain(state, steps, generator)


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
    model.check_state(state)
    recorded = []
    for _ in range(steps // every):
        state = model._chain(state, every, generator)
        recorded.append(state)
    return torch.stack(recorded)
