"""Wake-sleep: two networks teach each other, with no gradient through a draw."""

from itertools import pairwise

import torch
from torch import Tensor

from deepbook.boltzmann.bounds import bernoulli_log_likelihood
from deepbook.boltzmann.sigmoid_belief import Recognition, SigmoidBeliefNetwork
from deepbook.boltzmann.states import bernoulli

__all__ = ["wake_sleep_loss"]


def wake_sleep_loss(
    model: SigmoidBeliefNetwork,
    recognition: Recognition,
    visible: Tensor,
    generator: torch.Generator | None = None,
) -> Tensor:
    """A loss whose gradient is wake-sleep's step for both networks (Hinton et al. 1995).

    Awake, the recognition network says what may have caused the data, and the model learns to make
    the data from it. Asleep, the model dreams, and the recognition network learns to find the
    causes of the dream. Draws are constants, so neither phase moves the other's parameters.

    Parameters
    ----------
    visible : Tensor, shape (N, visible_size), zeros and ones

    Returns
    -------
    Tensor, shape ()
        ``-log p(v, h)`` of the wake phase plus ``-log q(h | v)`` of the dreams, means in nats.
    """
    with torch.no_grad():
        awake = bernoulli(recognition(visible).sigmoid(), generator)
    dream, cause = model.sample(len(visible), generator)
    wake = -model.log_joint(visible, awake).mean()
    return wake - bernoulli_log_likelihood(cause, recognition(dream)).mean()
