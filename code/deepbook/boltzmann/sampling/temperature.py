"""One step of a machine's chain at a temperature of its own."""

from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor

from deepbook.boltzmann.energy.energy_model import EnergyModel

__all__ = ["tempered_step"]


def tempered_step(
    model: EnergyModel, generator: torch.Generator | None = None
) -> Callable[[Tensor, float], Tensor]:
    """A Gibbs step for ``exp(-E / T) / Z(T)``, for ``deepbook.optimization.anneal``.

    Hidden units that are summed out belong to ``E``: an RBM that is cooled down ends in the
    visible units of its lowest ``E(v, h)``.

    Parameters
    ----------
    model : EnergyModel
        As it is at each step; never changed.
    generator : torch.Generator, optional

    Returns
    -------
    callable
        ``step(state, temperature)``; a state has shape (N, *state shape), a temperature is
        above 0.
    """
    tempered = deepcopy(model)
    pairs = list(zip(tempered.parameters(), model.parameters(), strict=True))

    @torch.no_grad()
    def step(state: Tensor, temperature: float) -> Tensor:
        # the energy is linear in the parameters: E / T has the parameters divided by T
        for ours, theirs in pairs:
            ours.copy_(theirs / temperature)
        return tempered.gibbs_step(state, generator)

    return step
