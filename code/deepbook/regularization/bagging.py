"""Bagging: the same model on data drawn with replacement, and the mean of what they say."""

from typing import NamedTuple

import torch
from torch import Tensor

from deepbook.training.counts import check_count

__all__ = [
    "ErrorMoments",
    "bootstrap_rows",
    "ensemble_error",
    "ensemble_mean",
    "error_moments",
    "out_of_bag",
]


def bootstrap_rows(examples: int, members: int, generator: torch.Generator | None = None) -> Tensor:
    """Rows of as many data sets, each as large as the one they are drawn from.

    Parameters
    ----------
    examples, members : int
    generator : torch.Generator, optional
        A CPU generator; the global one if not given.

    Returns
    -------
    Tensor of int64, shape (members, examples)
        Drawn with replacement: a data set misses about ``1/e`` of the examples (Goodfellow et al.
        2016, section 7.11).
    """
    check_count("example", examples)
    check_count("member", members)
    return torch.randint(examples, (members, examples), generator=generator)


def out_of_bag(rows: Tensor, examples: int) -> Tensor:
    """Which examples a member never saw, shape (members, examples), bool.

    Parameters
    ----------
    rows : Tensor of int64, shape (members, draws)
    examples : int
    """
    if rows.ndim != 2:
        raise ValueError(f"expected rows of shape (members, draws), got {tuple(rows.shape)}")
    missed = torch.ones(len(rows), examples, dtype=torch.bool, device=rows.device)
    return missed.scatter_(1, rows, False)


def ensemble_mean(logits: Tensor) -> Tensor:
    """Arithmetic mean of the members' probabilities (eq. 7.52).

    Parameters
    ----------
    logits : Tensor, shape (members, ..., K)

    Returns
    -------
    Tensor, shape (..., K)
        Not what the mean of the logits gives: that is the geometric mean, normalised anew.
    """
    if logits.ndim < 2:
        raise ValueError(f"expected logits of shape (members, ..., K), got {tuple(logits.shape)}")
    return logits.softmax(-1).mean(0)


class ErrorMoments(NamedTuple):
    """Mean square ``v`` of one member's error, and mean product ``c`` of two members'."""

    variance: float
    covariance: float


def error_moments(errors: Tensor) -> ErrorMoments:
    """Estimate ``v`` and ``c`` of eq. 7.51 from the members' errors.

    Parameters
    ----------
    errors : Tensor, shape (members, examples)
        Prediction less target; at least two members. As in the formula their mean is not taken
        off: a bias that all share is part of ``c``, and no ensemble averages it away.

    Returns
    -------
    ErrorMoments
        Means over members, pairs of members, and examples.
    """
    if errors.ndim != 2 or len(errors) < 2 or errors.shape[1] < 1:
        raise ValueError(
            f"expected errors of shape (members, examples), 2 members or more, got shape "
            f"{tuple(errors.shape)}"
        )
    members = len(errors)
    products = errors @ errors.T / errors.shape[1]
    own = float(products.diagonal().sum())
    return ErrorMoments(own / members, (float(products.sum()) - own) / (members * (members - 1)))


def ensemble_error(moments: ErrorMoments, members: int) -> float:
    """Mean squared error of the mean of so many members: ``v / k + (k - 1) c / k`` (eq. 7.51).

    Where errors are independent (``c = 0``) it falls like ``1 / k``, where they are the same
    (``c = v``) not at all.
    """
    k = check_count("member", members)
    return moments.variance / k + (k - 1) * moments.covariance / k
