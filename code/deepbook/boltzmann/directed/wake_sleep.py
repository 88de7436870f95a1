"""Two ways to train a model of bits with its inference network: no gradient passes a drawn bit."""

import torch
from torch import Tensor

from deepbook.boltzmann.directed.likelihood_bounds import bernoulli_log_likelihood
from deepbook.boltzmann.directed.sigmoid_belief import Recognition, SigmoidBeliefNetwork
from deepbook.units import bernoulli

__all__ = ["score_function_loss", "wake_sleep_loss"]


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


def score_function_loss(
    model: SigmoidBeliefNetwork,
    recognition: Recognition,
    visible: Tensor,
    samples: int,
    generator: torch.Generator | None = None,
) -> Tensor:
    """A loss whose gradient is, on average, that of minus the evidence lower bound.

    The inference network's part is REINFORCE (section 20.9.1; Mnih and Gregor 2014): each draw's
    ``log p(v, h) - log q(h | v)`` above the mean of the other draws for the same ``v``, times the
    slope of ``log q``. In contrast to wake-sleep both networks climb one and the same bound.

    Parameters
    ----------
    visible : Tensor, shape (N, visible_size), zeros and ones
    samples : int
        Draws for each example, at least 2.

    Returns
    -------
    Tensor, shape ()
        Its gradient is what counts, not its value.
    """
    if samples < 2:
        raise ValueError(f"expected at least 2 samples, got {samples}")
    logits = recognition(visible)
    probability = logits.detach().sigmoid().expand(samples, *logits.shape)
    hidden = bernoulli(probability, generator)
    log_p, log_q = model.log_joint(visible, hidden), bernoulli_log_likelihood(hidden, logits)
    gain = (log_p - log_q).detach()
    above_others = gain - (gain.sum(0) - gain) / (samples - 1)
    return -(log_p + above_others * log_q).mean()
