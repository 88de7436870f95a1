"""Convolutions as matrices: Toeplitz, doubly block Toeplitz, circulant, and nearly empty."""

import math

import torch
from torch import Tensor

from deepbook.convolution.padded_inputs import ConvGeometry, Paddings, Setting

__all__ = ["circulant", "conv1d_matrix", "conv2d_matrix", "toeplitz"]


def toeplitz(column: Tensor, row: Tensor) -> Tensor:
    """The matrix with equal numbers along each diagonal.

    Parameters
    ----------
    column : Tensor, shape (n,)
        The first column.
    row : Tensor, shape (m,)
        The first row; where they meet, the column counts.

    Returns
    -------
    Tensor, shape (n, m)
    """
    if column.ndim != 1 or row.ndim != 1:
        raise ValueError(
            f"expected a column and a row, got shapes {tuple(column.shape)} and {tuple(row.shape)}"
        )
    diagonals = torch.cat([row[1:].flip(0), column])
    i = torch.arange(len(column), device=column.device)
    j = torch.arange(len(row), device=column.device)
    return diagonals[i[:, None] - j + len(row) - 1]


def circulant(column: Tensor) -> Tensor:
    """The square matrix whose columns are the first one turned round and round.

    Its eigenvectors are those of the discrete Fourier transform, its eigenvalues the transform
    of ``column`` (Goodfellow et al. 2016, section 9.1, name it).

    Parameters
    ----------
    column : Tensor, shape (n,)

    Returns
    -------
    Tensor, shape (n, n)
    """
    if column.ndim != 1:
        raise ValueError(f"expected a column, got shape {tuple(column.shape)}")
    i = torch.arange(len(column), device=column.device)
    return column[(i[:, None] - i) % len(column)]


def conv1d_matrix(
    kernel: Tensor,
    size: int,
    *,
    stride: Setting = 1,
    padding: Paddings = 0,
    dilation: Setting = 1,
    sparse: bool = False,
) -> Tensor:
    """The matrix that a convolutional layer with one channel multiplies a sequence by.

    With the stride 1 and zeros as padding it is a Toeplitz matrix, with circular padding a
    circulant one (Goodfellow et al. 2016, section 9.1).

    Parameters
    ----------
    kernel : Tensor, shape (K,)
    size : int
        Of the input.
    stride, padding, dilation
        As :func:`deepbook.convolution.conv1d` takes them.
    sparse : bool
        As a sparse tensor, which holds only what is not always zero.

    Returns
    -------
    Tensor, shape (outputs, size)

    Raises
    ------
    ValueError
        If the kernel has other dimensions, or a number is out of range.
    """
    return _matrix(kernel, (size,), stride, padding, dilation, sparse)


def conv2d_matrix(
    kernel: Tensor,
    size: tuple[int, int],
    *,
    stride: Setting = 1,
    padding: Paddings = 0,
    dilation: Setting = 1,
    sparse: bool = False,
) -> Tensor:
    """The matrix that a convolutional layer with one channel multiplies a flat picture by.

    With the stride 1 and zeros as padding it is doubly block Toeplitz: a Toeplitz matrix of
    blocks, each of which is Toeplitz (Goodfellow et al. 2016, section 9.1).

    Parameters
    ----------
    kernel : Tensor, shape (KH, KW)
    size : (H, W)
        Of the input, which is flattened row by row.
    stride, padding, dilation
        As :func:`deepbook.convolution.conv2d` takes them.
    sparse : bool
        As a sparse tensor, which holds only what is not always zero.

    Returns
    -------
    Tensor, shape (OH * OW, H * W)

    Raises
    ------
    ValueError
        If the kernel has other dimensions, or a number is out of range.
    """
    return _matrix(kernel, tuple(size), stride, padding, dilation, sparse)


def _matrix(
    kernel: Tensor,
    size: tuple[int, ...],
    stride: Setting,
    padding: Paddings,
    dilation: Setting,
    sparse: bool,
) -> Tensor:
    if kernel.ndim != len(size):
        raise ValueError(
            f"expected a kernel of {len(size)} dimensions, got shape {tuple(kernel.shape)}"
        )
    geometry = ConvGeometry.of(size, kernel.shape, stride, padding, dilation)
    # number the inputs from 1, and pad and slide as a convolution does: margins of zeros get a 0
    numbers = torch.arange(1, math.prod(size) + 1, device=kernel.device).reshape(size)
    padded = geometry.pad(numbers)
    met = torch.stack([padded[geometry.taps(*k)].flatten() for k in geometry.weights()])
    rows = torch.arange(geometry.places, device=kernel.device).expand_as(met)
    values = kernel.reshape(-1, 1).expand(met.shape)
    inside = met > 0
    indices = torch.stack([rows[inside], met[inside] - 1])
    shape = (geometry.places, math.prod(size))
    # where a short input wraps around more than once, entries meet and are summed
    matrix = torch.sparse_coo_tensor(indices, values[inside], shape, check_invariants=True)
    return matrix.coalesce() if sparse else matrix.to_dense()
