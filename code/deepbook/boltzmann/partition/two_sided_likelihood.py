"""A test log-likelihood from estimates of ``log Z`` that err to opposite sides."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from deepbook.boltzmann.energy.energy_model import EnergyModel
from deepbook.boltzmann.partition.annealed_importance_sampling import ais, reverse_ais
from deepbook.boltzmann.partition.bridge_sampling import Estimate
from deepbook.boltzmann.partition.exact_likelihood import log_likelihood
from deepbook.boltzmann.sampling.markov_chains import run_chain

__all__ = ["TwoSidedLikelihood", "two_sided_log_likelihood"]


@dataclass(frozen=True)
class TwoSidedLikelihood:
    """Mean ``log p(v)`` in nats, seen from both sides.

    Attributes
    ----------
    optimistic : float
        With ``log Z`` from ``forward``, which tends to be too small.
    pessimistic : float
        With ``log Z`` from ``backward``, which tends to be too large where the chains start at
        samples of the model.
    forward, backward : Estimate
    """

    optimistic: float
    pessimistic: float
    forward: Estimate
    backward: Estimate


@torch.no_grad()
def two_sided_log_likelihood(
    model: EnergyModel,
    visible: Tensor,
    starts: Tensor,
    base: EnergyModel | None = None,
    temperatures: int | Sequence[float] = 1000,
    chains: int = 100,
    steps: int = 1000,
    generator: torch.Generator | None = None,
) -> TwoSidedLikelihood:
    """Estimate the likelihood of data by AIS and by reverse AIS.

    From exact samples that is bidirectional Monte Carlo (Grosse, Ghahramani and Adams 2015).

    Parameters
    ----------
    model : EnergyModel
        With a method ``free_energy(visible)``.
    visible : Tensor, shape (N, *visible shape)
    starts : Tensor, shape (M, *state shape)
        Where the chains of the backward side start, before their ``steps`` of Gibbs sampling:
        training data, or the chains of the training. The first ``chains`` are used.
    base, temperatures, chains, generator
        As in ``ais``.
    steps : int
        The backward side is a bound only if the chains have forgotten their starts by then.

    Raises
    ------
    TypeError, ValueError
        As in ``log_likelihood`` and ``ais``.
    """
    forward = ais(model, base, temperatures, chains, generator)
    samples = run_chain(model, starts[:chains], steps, generator)
    backward = reverse_ais(model, samples, base, temperatures, generator)
    # log p(v) = log p*(v) - log Z
    unnormalised = float(log_likelihood(model, visible, log_z=0.0).mean())
    return TwoSidedLikelihood(
        optimistic=unnormalised - forward.log_z,
        pessimistic=unnormalised - backward.log_z,
        forward=forward,
        backward=backward,
    )
