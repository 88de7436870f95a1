"""Cross-correlation and convolution of one signal or picture with one kernel."""

import itertools

import torch
from torch import Tensor

from deepbook.convolution.padded_inputs import ConvGeometry, Paddings

__all__ = ["convolve", "cross_correlate", "cross_correlate_loops"]


def cross_correlate(x: Tensor, kernel: Tensor, padding: Paddings = "valid") -> Tensor:
    """Slide a kernel over a signal or a picture: what networks call convolution.

    ``S(i, j) = sum_mn I(i + m, j + n) K(m, n)`` (Goodfellow et al. 2016, eq. 9.6).

    Parameters
    ----------
    x : Tensor, shape (n,) or (height, width)
    kernel : Tensor, with as many dimensions
    padding : int or name, or one int, pair (before, after) or name a dimension
        ``"valid"``, ``"same"``, ``"full"`` or ``"circular"``, see ``padding_sizes``. SciPy's
        ``"same"`` puts the odd zero of an even kernel in front, ours behind.

    Returns
    -------
    Tensor, with as many dimensions

    Raises
    ------
    ValueError
        If the dimensions are others, or the kernel fits nowhere.

    Examples
    --------
    >>> import torch
    >>> from deepbook.convolution import convolve, cross_correlate
    >>> x, kernel = torch.tensor([1, 0, 0]), torch.tensor([1, 2])
    >>> cross_correlate(x, kernel).tolist(), convolve(x, kernel).tolist()
    ([1, 0], [2, 0])
    """
    geometry = _geometry(x, kernel, padding)
    padded = geometry.pad(x)
    out = torch.zeros((), dtype=torch.result_type(x, kernel), device=x.device)
    for place in geometry.weights():
        out = out + padded[geometry.taps(*place)] * kernel[place]  # Goodfellow 9.6
    return out


def convolve(x: Tensor, kernel: Tensor, padding: Paddings = "valid") -> Tensor:
    """Convolve a signal or a picture with a kernel: cross-correlate with the kernel flipped.

    ``S(i, j) = sum_mn I(i - m, j - n) K(m, n)`` (Goodfellow et al. 2016, eq. 9.5). It commutes
    if the padding is ``"full"``. Arguments, result and errors are those of
    :func:`cross_correlate`.
    """
    return cross_correlate(x, kernel.flip(tuple(range(kernel.ndim))), padding)


def cross_correlate_loops(x: Tensor, kernel: Tensor, padding: Paddings = "valid") -> Tensor:
    """:func:`cross_correlate` as the formula says it, one output after the other."""
    geometry = _geometry(x, kernel, padding)
    padded = geometry.pad(x)
    out = padded.new_zeros(geometry.output, dtype=torch.result_type(x, kernel))
    for place in itertools.product(*map(range, geometry.output)):
        for offset in geometry.weights():
            seen = tuple(i + m for i, m in zip(place, offset, strict=True))
            out[place] += padded[seen] * kernel[offset]  # Goodfellow 9.6
    return out


def _geometry(x: Tensor, kernel: Tensor, padding: Paddings) -> ConvGeometry:
    if x.ndim not in (1, 2) or kernel.ndim != x.ndim:
        raise ValueError(
            f"expected a signal or a picture and a kernel with as many dimensions, "
            f"got shapes {tuple(x.shape)} and {tuple(kernel.shape)}"
        )
    return ConvGeometry.of(x.shape, kernel.shape, 1, padding)
