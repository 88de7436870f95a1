"""Kernels that are a product of a column and a row, or a short sum of such products."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import conv2d

__all__ = ["SeparableFactors", "kernel_rank", "separable_conv2d", "separable_factors"]


class SeparableFactors(NamedTuple):
    """Columns and rows whose outer products add up to a kernel.

    Attributes
    ----------
    columns : Tensor, shape (..., rank, height)
    rows : Tensor, shape (..., rank, width)
    discarded : Tensor, shape (..., min(height, width) - rank)
        The singular values left out.
    """

    columns: Tensor
    rows: Tensor
    discarded: Tensor

    @property
    def kernel(self) -> Tensor:
        """The kernel that they make, shape (..., height, width)."""
        return self.columns.mT @ self.rows

    @property
    def error(self) -> Tensor:
        """Frobenius distance from the kernel factored, shape (...)."""
        return self.discarded.square().sum(-1).sqrt()


def kernel_rank(kernel: Tensor, tolerance: float | None = None) -> Tensor:
    """How many products of a column and a row make the kernel: its rank as a matrix.

    Parameters
    ----------
    kernel : Tensor, shape (..., height, width)
    tolerance : float, optional
        Singular values below this part of the largest count as 0; by default the larger side times
        the precision of the numbers.

    Returns
    -------
    Tensor of integers, shape (...)
    """
    if kernel.ndim < 2:
        raise ValueError(f"expected a kernel (..., height, width), got {tuple(kernel.shape)}")
    return torch.linalg.matrix_rank(kernel, rtol=tolerance)


def separable_factors(kernel: Tensor, rank: int = 1) -> SeparableFactors:
    """The best approximation of a kernel by ``rank`` products of a column and a row.

    The singular value decomposition, cut off: no other sum of so many products is nearer in the
    Frobenius norm (Eckart and Young 1936).

    Parameters
    ----------
    kernel : Tensor, shape (..., height, width)
    rank : int
        From 1 to the smaller side.

    Returns
    -------
    SeparableFactors
    """
    if kernel.ndim < 2:
        raise ValueError(f"expected a kernel (..., height, width), got {tuple(kernel.shape)}")
    if not 1 <= rank <= min(kernel.shape[-2:]):
        raise ValueError(f"expected a rank from 1 to {min(kernel.shape[-2:])}, got {rank}")
    left, values, right = torch.linalg.svd(kernel, full_matrices=False)
    root = values[..., :rank, None].sqrt()
    return SeparableFactors(
        left.mT[..., :rank, :] * root, right[..., :rank, :] * root, values[..., rank:]
    )


def separable_conv2d(x: Tensor, columns: Tensor, rows: Tensor) -> Tensor:
    """Each channel cross-correlated with columns, then with rows, added up over the rank.

    Goodfellow et al. 2016, section 9.8. Valid positions only.

    Parameters
    ----------
    x : Tensor, shape (N, C, H, W)
    columns : Tensor, shape (rank, height)
    rows : Tensor, shape (rank, width)

    Returns
    -------
    Tensor, shape (N, C, H - height + 1, W - width + 1)
    """
    if x.ndim != 4 or columns.ndim != 2 or rows.ndim != 2 or len(columns) != len(rows):
        raise ValueError(
            "expected inputs (N, C, H, W) and as many columns as rows, "
            f"got {tuple(x.shape)}, {tuple(columns.shape)} and {tuple(rows.shape)}"
        )
    maps = x.flatten(0, 1)[:, None]
    between = conv2d(maps, columns[:, None, :, None])
    outputs = conv2d(between, rows[:, None, None, :], groups=len(rows)).sum(1)
    return outputs.view(*x.shape[:2], *outputs.shape[1:])
