"""Losses: negative log-likelihoods of what the output layer describes.

Goodfellow et al. (2016), section 6.2, computed so that nothing overflows. With
``reduction="mean"`` (the default) the examples' losses are averaged, with "sum" they are
added, with "none" they are returned one by one.
"""

import math

import torch
from torch import Tensor

from deepbook.feedforward.activation_functions import softplus


def half_squared_error(predictions: Tensor, targets: Tensor, reduction: str = "mean") -> Tensor:
    """Half the sum of squared errors of each example.

    The negative log-likelihood of a Gaussian of variance 1, but for a constant
    (section 6.2.1.1).

    Parameters
    ----------
    predictions, targets : Tensor, same shape (N, ...)
        The first dimension counts examples; the squares are summed over the others.

    Returns
    -------
    Tensor, shape (), or (N,) for "none"
    """
    _check_same_shape("targets", targets, predictions)
    squares = 0.5 * (predictions - targets) ** 2
    return _reduce(squares.flatten(1).sum(1) if squares.dim() > 1 else squares, reduction)


def binary_cross_entropy_with_logits(
    logits: Tensor, targets: Tensor, reduction: str = "mean"
) -> Tensor:
    """Cross-entropy of sigmoid outputs, from what goes into the sigmoid (section 6.2.2.2).

    Parameters
    ----------
    logits, targets : Tensor, same shape
        Targets between 0 and 1. Each entry is an example, as for torch.

    Raises
    ------
    ValueError
        If the shapes differ or a target lies outside [0, 1].
    """
    _check_same_shape("targets", targets, logits)
    if not ((targets >= 0) & (targets <= 1)).all():
        raise ValueError("expected targets between 0 and 1, got one outside")
    # -log sigmoid(z) = softplus(-z), -log(1 - sigmoid(z)) = softplus(z)
    return _reduce(targets * softplus(-logits) + (1 - targets) * softplus(logits), reduction)


def cross_entropy(logits: Tensor, targets: Tensor, reduction: str = "mean") -> Tensor:
    """Cross-entropy of softmax outputs, from what goes into the softmax (section 6.2.2.3).

    Parameters
    ----------
    logits : Tensor, shape (..., K)
    targets : Tensor, shape (...), int64 class numbers 0 ... K-1

    Raises
    ------
    TypeError
        If the targets are not int64.
    ValueError
        If the shapes do not fit or a class number is out of range.

    Examples
    --------
    >>> import torch
    >>> from deepbook.feedforward import cross_entropy
    >>> cross_entropy(torch.zeros(5, 10), torch.arange(5))  # knows nothing: log 10
    tensor(2.3026)
    """
    if targets.dtype != torch.int64:
        raise TypeError(f"expected class numbers as int64, got {targets.dtype}")
    if logits.dim() == 0 or targets.shape != logits.shape[:-1]:
        raise ValueError(
            f"expected logits (..., K) and targets (...), "
            f"got {tuple(logits.shape)} and {tuple(targets.shape)}"
        )
    classes = logits.shape[-1]
    if not ((targets >= 0) & (targets < classes)).all():
        raise ValueError(
            f"expected class numbers 0 to {classes - 1}, "
            f"got {targets.min().item()} to {targets.max().item()}"
        )
    chosen = log_softmax(logits).gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return _reduce(-chosen, reduction)


def gaussian_nll(
    mean: Tensor, targets: Tensor, variance: Tensor, reduction: str = "mean"
) -> Tensor:
    """Negative log-density of a Gaussian, in nats, with its constant (section 6.2.2.4).

    Parameters
    ----------
    mean, targets : Tensor, same shape
    variance : Tensor that broadcasts to it, positive

    Raises
    ------
    ValueError
        If the shapes differ or a variance is not positive.
    """
    _check_same_shape("targets", targets, mean)
    if not (variance > 0).all():
        raise ValueError(f"expected positive variances, got {variance.min().item():.3g}")
    return _reduce(
        0.5 * (torch.log(2 * math.pi * variance) + (targets - mean) ** 2 / variance), reduction
    )


def mixture_density_nll(
    logits: Tensor, means: Tensor, log_scales: Tensor, targets: Tensor, reduction: str = "mean"
) -> Tensor:
    """Negative log-density of a mixture of K Gaussians whose parameters a network gives out.

    Section 6.2.2.4 and eq. 6.35 (Bishop 1994), with diagonal covariances.

    Parameters
    ----------
    logits : Tensor, shape (N, K)
        Softmax turns them into the components' probabilities.
    means : Tensor, shape (N, K) or (N, K, D)
    log_scales : Tensor, shape of ``means``
        Logarithms of the standard deviations.
    targets : Tensor, shape (N,) or (N, D)

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    fits = means.shape[:2] == logits.shape and targets.shape == means.shape[:1] + means.shape[2:]
    if logits.dim() != 2 or means.dim() > 3 or not fits:
        raise ValueError(
            "expected logits (N, K), means (N, K) or (N, K, D) and targets (N,) or (N, D), got "
            f"{tuple(logits.shape)}, {tuple(means.shape)} and {tuple(targets.shape)}"
        )
    _check_same_shape("log_scales", log_scales, means)
    distance = (targets.unsqueeze(1) - means) * torch.exp(-log_scales)
    log_density = -0.5 * distance**2 - log_scales - 0.5 * math.log(2 * math.pi)
    if means.dim() == 3:
        log_density = log_density.sum(-1)  # independent dimensions
    return _reduce(-logsumexp(log_softmax(logits) + log_density), reduction)


def logsumexp(x: Tensor, dim: int = -1) -> Tensor:
    """``log(sum(exp(x)))`` along ``dim``, which disappears; no overflow (section 4.1)."""
    largest = _largest(x, dim)
    return torch.log(torch.exp(x - largest).sum(dim)) + largest.squeeze(dim)


def softmax(x: Tensor, dim: int = -1) -> Tensor:
    """``exp(x) / sum(exp(x))`` along ``dim`` (eq. 6.29): positive, with sum 1.

    Examples
    --------
    >>> import torch
    >>> from deepbook.feedforward import softmax
    >>> softmax(torch.tensor([1000.0, 1000.0, 0.0]))  # exp(1000) overflows, this does not
    tensor([0.5000, 0.5000, 0.0000])
    """
    shifted = torch.exp(x - _largest(x, dim))
    return shifted / shifted.sum(dim, keepdim=True)


def log_softmax(x: Tensor, dim: int = -1) -> Tensor:
    """Logarithm of softmax (eq. 6.30), also where softmax rounds to 0."""
    shifted = x - _largest(x, dim)
    return shifted - torch.log(torch.exp(shifted).sum(dim, keepdim=True))


def _largest(x: Tensor, dim: int) -> Tensor:
    # The shift cancels, so no gradient need flow through it. Infinity minus infinity
    # is not a number: where the largest is infinite there is nothing to shift.
    largest = x.detach().amax(dim, keepdim=True)
    return torch.where(largest.isinf(), torch.zeros_like(largest), largest)


def _reduce(losses: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return losses.mean()
    if reduction == "sum":
        return losses.sum()
    if reduction == "none":
        return losses
    raise ValueError(f"expected reduction mean, sum or none, got {reduction!r}")


def _check_same_shape(name: str, given: Tensor, like: Tensor) -> None:
    if given.shape != like.shape:
        raise ValueError(f"expected {name} of shape {tuple(like.shape)}, got {tuple(given.shape)}")
