"""Annealed importance sampling, in both directions."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from deepbook.boltzmann.energy.energy_model import EnergyModel
from deepbook.boltzmann.partition.annealing_paths import annealing_path
from deepbook.boltzmann.partition.bridge_sampling import Estimate
from deepbook.progress import progress

__all__ = ["ais", "reverse_ais"]


@torch.no_grad()
def ais(
    model: EnergyModel,
    base: EnergyModel | None = None,
    temperatures: int | Sequence[float] = 1000,
    chains: int = 100,
    generator: torch.Generator | None = None,
) -> Estimate:
    """Annealed importance sampling of ``log Z`` (Neal 2001; section 18.7.1).

    Every chain starts at an exact draw of the base and follows the machines between it and the
    model. Before each step it multiplies its weight by the ratio of the next machine's ``p*`` to
    this one's; the step is then one of the next machine.

    Parameters
    ----------
    model : EnergyModel
    base : EnergyModel, optional
        A machine without couplings; ``model.without_couplings()`` if not given. One with the
        base rates of the data, ``model.without_couplings(data)``, needs fewer temperatures.
    temperatures : int or increasing sequence from 0 to 1
        The inverse temperatures ``beta``; a number means so many equal steps. Ten times as many
        do more good than ten times the chains.
    chains : int
    generator : torch.Generator, optional

    Returns
    -------
    Estimate
        ``log_z`` tends to be too small.

    Raises
    ------
    ValueError
        If the temperatures do not rise from 0 to 1, there are fewer than 2 chains, the base has
        couplings, or a weight is not finite.
    """
    base = model.without_couplings() if base is None else base
    log_z_base = float(base.log_partition_without_couplings())
    if chains < 2:
        raise ValueError(f"expected at least 2 chains, got {chains}")
    # without couplings, one step from anywhere is an exact draw
    state = base.gibbs_step(base.initial_state(chains), generator)
    betas = _inverse_temperatures(temperatures)
    log_weights = _anneal(base, model, state, betas, generator)
    return Estimate.from_log_weights(log_weights, log_z_base)


@torch.no_grad()
def reverse_ais(
    model: EnergyModel,
    samples: Tensor,
    base: EnergyModel | None = None,
    temperatures: int | Sequence[float] = 1000,
    generator: torch.Generator | None = None,
) -> Estimate:
    """Annealed importance sampling from the model to the base.

    From exact samples it is one half of bidirectional Monte Carlo (Grosse, Ghahramani and Adams
    2015). RAISE (Burda, Grosse and Salakhutdinov 2015) is something else: it walks from a test
    example, and bounds the likelihood of the annealed model from below.

    Parameters
    ----------
    model, base, temperatures, generator
        As in ``ais``.
    samples : Tensor, shape (chains, *state shape)
        Exact samples of the model: then ``log_z`` is too large on average. From the end of long
        Gibbs runs, which may have missed a mode, it is a diagnostic and no bound.

    Returns
    -------
    Estimate
        ``log_z`` tends to be too large.

    Raises
    ------
    ValueError
        As in ``ais``.
    """
    base = model.without_couplings() if base is None else base
    log_z_base = float(base.log_partition_without_couplings())
    betas = _inverse_temperatures(temperatures)[::-1]
    log_weights = _anneal(base, model, samples, betas, generator)
    return Estimate.from_log_weights(log_weights, log_z_base, reverse=True)


def _anneal(
    base: EnergyModel,
    model: EnergyModel,
    state: Tensor,
    betas: Sequence[float],
    generator: torch.Generator | None,
) -> Tensor:
    base.check_parameters()
    model.check_state(state)
    path = annealing_path(base, model)
    log_weights = torch.zeros(len(state), dtype=torch.float64, device=state.device)
    for here, there in progress(list(pairwise(betas)), "annealing"):
        log_ratio, state = path.cross(state, here, there, generator)
        log_weights += log_ratio
    return log_weights


def _inverse_temperatures(temperatures: int | Sequence[float]) -> list[float]:
    if isinstance(temperatures, int):
        if temperatures < 1:
            raise ValueError(f"expected at least 1 step between temperatures, got {temperatures}")
        return [step / temperatures for step in range(temperatures + 1)]
    betas = [float(beta) for beta in temperatures]
    rising = all(here < there for here, there in pairwise(betas))
    if len(betas) < 2 or betas[0] != 0 or betas[-1] != 1 or not rising:
        raise ValueError("expected inverse temperatures that rise from 0 to 1")
    return betas
