"""The mean of contrastive divergence, exactly."""

import torch
from torch import Tensor

from deepbook.boltzmann.energy.states import all_states
from deepbook.boltzmann.learning.likelihood_gradients import Statistics
from deepbook.boltzmann.machines.restricted import RBM
from deepbook.boltzmann.sampling.transition_matrices import visible_transition_matrix

__all__ = ["expected_cd_gradient"]


@torch.no_grad()
def expected_cd_gradient(model: RBM, visible: Tensor, steps: int) -> Statistics:
    """The mean of what ``ContrastiveDivergence(steps)`` returns, exactly, for a small machine.

    Its negative phase is that of the data's distribution, moved on by ``steps`` applications of
    the visible chain's transition matrix; it becomes the model's as the second eigenvalue's power
    falls (Goodfellow et al. 2016, sections 17.3 and 18.2).

    Parameters
    ----------
    model : RBM
    visible : Tensor, shape (N, visible_size), values 0 and 1
    steps : int

    Returns
    -------
    dict
        For each name in ``named_parameters`` a tensor of that parameter's shape.

    Raises
    ------
    ValueError
        If ``steps`` is negative, a value is not 0 or 1, or the machine has too many units.
    """
    if steps < 0:
        raise ValueError(f"expected at least 0 steps, got {steps}")
    positive = model.data_statistics(visible)
    if not bool(((visible == 0) | (visible == 1)).all()):
        raise ValueError("expected visible units that are 0 or 1")
    transition = visible_transition_matrix(model)
    states = all_states(model.visible_size, dtype=model.dtype, device=model.device)
    # the place of each example among all states: its bits, read as a number
    places = 2 ** torch.arange(model.visible_size - 1, -1, -1, device=visible.device)
    number = (visible.long() * places).sum(-1)
    distribution = number.bincount(minlength=len(states)).to(states) / len(visible)
    for _ in range(steps):
        distribution = distribution @ transition
    negative = model._statistics(states, distribution)
    return {name: positive[name] - negative[name] for name in positive}
