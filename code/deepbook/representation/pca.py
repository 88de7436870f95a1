"""Principal components: what a linear autoencoder finds."""

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["PrincipalComponents", "largest_angle", "principal_components"]


class PrincipalComponents(NamedTuple):
    """Mean (D,), orthonormal directions (count, D), and the data's variance along each (count,)."""

    mean: Tensor
    directions: Tensor
    variances: Tensor

    def reconstruct(self, x: Tensor) -> Tensor:
        """The nearest point to ``x``, shape (..., D), of the plane through the mean."""
        return self.mean + (x - self.mean) @ self.directions.T @ self.directions


def principal_components(x: Tensor, count: int) -> PrincipalComponents:
    """The ``count`` directions of greatest variance (Goodfellow et al. 2016, section 5.8.1).

    Parameters
    ----------
    x : Tensor, shape (N, D)
    count : int
        At most D, and fewer than N.

    Returns
    -------
    PrincipalComponents
        Greatest variance first; variances are sums of squares over N.

    Raises
    ------
    ValueError
        If there are not so many directions.
    """
    if x.ndim != 2:
        raise ValueError(f"expected data of shape (N, D), got {tuple(x.shape)}")
    if not 1 <= count <= min(x.shape[1], len(x) - 1):
        raise ValueError(
            f"expected 1 to {min(x.shape[1], len(x) - 1)} components of data of shape "
            f"{tuple(x.shape)}, got {count}"
        )
    mean = x.mean(0)
    _, singular, directions = torch.linalg.svd(x - mean, full_matrices=False)
    return PrincipalComponents(mean, directions[:count], singular[:count] ** 2 / len(x))


def largest_angle(first: Tensor, second: Tensor) -> Tensor:
    """Largest principal angle between the spans of two sets of rows, in radians.

    Parameters
    ----------
    first, second : Tensor, shape (count, D)
        Independent rows, not necessarily orthonormal.

    Returns
    -------
    Tensor, shape ()
        0 where the spans are the same, pi / 2 where one holds a direction orthogonal to the other.
    """
    if first.shape != second.shape or first.ndim != 2:
        raise ValueError(
            "expected two matrices of the same shape, "
            f"got {tuple(first.shape)} and {tuple(second.shape)}"
        )
    a, b = torch.linalg.qr(first.T).Q, torch.linalg.qr(second.T).Q
    # the sine: what of b lies outside the span of a; exact for small angles, where the cosine is 1
    return torch.asin(torch.linalg.matrix_norm(b - a @ (a.T @ b), 2).clamp(max=1))
