"""Losses for examples without labels."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, softmax

from deepbook.regularization.checks import check_probability

__all__ = [
    "PseudoLabels",
    "consistency_loss",
    "prediction_entropy",
    "pseudo_label_loss",
    "pseudo_labels",
]


class PseudoLabels(NamedTuple):
    """The likeliest class of each example, (N,), and whether it is sure enough, (N,), bool."""

    labels: Tensor
    confident: Tensor


def pseudo_labels(logits: Tensor, threshold: float) -> PseudoLabels:
    """What a model would call the examples, and where it is sure (Lee 2013).

    Parameters
    ----------
    logits : Tensor, shape (N, K)
    threshold : float, between 0 and 1
        A probability of at least this is sure.

    Returns
    -------
    PseudoLabels
        Without a gradient.
    """
    _check_logits(logits)
    check_probability("a threshold", threshold)
    highest, labels = softmax(logits.detach(), -1).max(-1)
    return PseudoLabels(labels, highest >= threshold)


def pseudo_label_loss(
    logits: Tensor, threshold: float, guess_logits: Tensor | None = None
) -> Tensor:
    """Cross-entropy with pseudo-labels, over the examples where these are sure.

    Divided by the number of *all* examples, as in FixMatch: so it grows as the model becomes
    sure, and is 0 where it is sure of nothing.

    Parameters
    ----------
    logits : Tensor, shape (N, K)
        What is trained. In FixMatch, of a strong augmentation.
    threshold : float, between 0 and 1
    guess_logits : Tensor, shape (N, K), optional
        What the labels are taken from, without a gradient; the logits themselves if not given
        (Lee 2013). In FixMatch, of a weak augmentation of the same examples (Sohn et al. 2020).

    Returns
    -------
    Tensor, shape ()
    """
    guess_logits = logits if guess_logits is None else guess_logits
    _check_pair(logits, guess_logits)
    labels, confident = pseudo_labels(guess_logits, threshold)
    chosen = log_softmax(logits, -1).gather(1, labels[:, None])[:, 0]
    return -torch.where(confident, chosen, torch.zeros_like(chosen)).mean()


def consistency_loss(first: Tensor, second: Tensor) -> Tensor:
    """Mean squared difference of two predictions for the same examples.

    The Pi-model's (Laine and Aila 2017): two passes with different noise, dropout or augmentation
    should agree. The gradient flows through both; ``detach`` one that is to teach the other.

    Parameters
    ----------
    first, second : Tensor, shape (N, K)
        Logits.

    Returns
    -------
    Tensor, shape ()
        A mean over examples and classes of differences of *probabilities*.
    """
    _check_pair(first, second)
    return (softmax(first, -1) - softmax(second, -1)).square().mean()


def prediction_entropy(logits: Tensor) -> Tensor:
    """Entropy of each prediction in nats: to be made small (Grandvalet and Bengio 2005).

    Parameters
    ----------
    logits : Tensor, shape (..., K)

    Returns
    -------
    Tensor, shape (...)
        From 0, sure, to ``log K``. Its mean over unlabelled examples is a loss: it pushes the
        decision boundary out of where examples are dense.
    """
    log_p = log_softmax(logits, -1)
    # where a probability is 0 its logarithm may be infinite, and the product is 0
    return -(log_p.exp() * log_p.clamp(min=torch.finfo(log_p.dtype).min)).sum(-1)


def _check_logits(logits: Tensor) -> None:
    if logits.ndim != 2:
        raise ValueError(f"expected logits of shape (N, K), got {tuple(logits.shape)}")


def _check_pair(first: Tensor, second: Tensor) -> None:
    _check_logits(first)
    if first.shape != second.shape:
        raise ValueError(
            f"expected two sets of logits of one shape, got {tuple(first.shape)} and "
            f"{tuple(second.shape)}"
        )
