"""Two looks at samples, and what each of them cannot see (Goodfellow et al. 2016, 20.14)."""

import math
from typing import NamedTuple

from torch import Tensor

__all__ = ["Nearest", "nearest", "parzen_log_density"]


class Nearest(NamedTuple):
    """Row of each sample's nearest neighbour, and the squared distance to it, shape (N,)."""

    row: Tensor
    squared_distance: Tensor


def nearest(samples: Tensor, data: Tensor) -> Nearest:
    """For each sample the nearest example: is it a copy?

    For bits the squared distance is the number of bits that differ. Distance in pixels misses
    copies that are shifted by a pixel.

    Parameters
    ----------
    samples : Tensor, shape (N, D)
    data : Tensor, shape (M, D)
    """
    _check(samples, data)
    squared, row = _squared_distances(samples, data).min(1)
    return Nearest(row, squared)


def parzen_log_density(points: Tensor, samples: Tensor, width: float) -> Tensor:
    """Log density of points under Gaussians set around samples: a Parzen window estimate.

    For years the likelihood of models that have none. In many dimensions it says little: it ranks
    centres of the training data above exact draws from the truth (Theis et al. 2016).

    Parameters
    ----------
    points : Tensor, shape (N, D)
    samples : Tensor, shape (M, D)
    width : float
        Standard deviation of each Gaussian.

    Returns
    -------
    Tensor, shape (N,)
        In nats, of a *density*: not to be compared with the probability of bits.
    """
    _check(points, samples)
    if not width > 0:
        raise ValueError(f"expected a width above 0, got {width}")
    log_kernel = -_squared_distances(points, samples) / (2 * width**2)
    constant = math.log(len(samples)) + points.shape[1] * math.log(width * math.sqrt(2 * math.pi))
    return log_kernel.logsumexp(1) - constant


def _squared_distances(first: Tensor, second: Tensor) -> Tensor:
    product = first @ second.T
    return ((first**2).sum(1)[:, None] + (second**2).sum(1) - 2 * product).clamp(min=0)


def _check(first: Tensor, second: Tensor) -> None:
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1] or not len(second):
        raise ValueError(
            "expected points of shapes (N, D) and (M, D), M at least 1, "
            f"got {tuple(first.shape)} and {tuple(second.shape)}"
        )
