"""Convolution as a product of spectra."""

import cmath
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

__all__ = ["fft_conv1d", "fft_conv2d", "fft_convolve_loops", "fft_radix2", "transform_size"]

Extent = Literal["valid", "same", "full"]


def transform_size(length: int) -> int:
    """The smallest size of at least ``length`` without a prime factor above 5.

    Raises
    ------
    ValueError
        If the length is not positive.

    Examples
    --------
    >>> from deepbook.convolution import transform_size
    >>> [transform_size(n) for n in (7, 31, 100)]
    [8, 32, 100]
    """
    if length < 1:
        raise ValueError(f"expected a positive length, got {length}")
    size = length
    while True:
        rest = size
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return size
        size += 1


def _extent(length: int, kernel: int, mode: Extent) -> slice:
    """Where a mode's outputs stand among the ``length + kernel - 1`` full ones."""
    if mode == "full":
        return slice(0, length + kernel - 1)
    if mode == "same":  # torch pads (kernel - 1) // 2 before
        first = kernel - 1 - (kernel - 1) // 2
        return slice(first, first + length)
    if mode == "valid":
        if kernel > length:
            raise ValueError(f"expected a kernel of at most {length}, got {kernel}")
        return slice(kernel - 1, length)
    raise ValueError(f"expected 'valid', 'same' or 'full', got {mode!r}")


def _correlate(x: Tensor, weight: Tensor, mode: Extent, dimensions: int) -> Tensor:
    if x.ndim != dimensions + 2 or weight.ndim != dimensions + 2:
        raise ValueError(
            f"expected inputs and weights of {dimensions + 2} dimensions, "
            f"got {tuple(x.shape)} and {tuple(weight.shape)}"
        )
    if x.shape[1] != weight.shape[1]:
        raise ValueError(f"expected {weight.shape[1]} input channels, got {x.shape[1]}")
    axes = tuple(range(-dimensions, 0))
    sizes = [(x.shape[axis], weight.shape[axis]) for axis in axes]
    keep = [_extent(length, kernel, mode) for length, kernel in sizes]
    # a shorter transform would wrap: the end of the output would be added to its start
    n = [transform_size(length + kernel - 1) for length, kernel in sizes]
    spectrum = torch.fft.rfftn(x, n, axes)
    # cross-correlation is convolution with the kernel turned round
    response = torch.fft.rfftn(weight.flip(axes), n, axes)
    product = torch.einsum("nc...,oc...->no...", spectrum, response)
    full = torch.fft.irfftn(product, n, axes)
    return full[(..., *keep)]


def fft_conv1d(x: Tensor, weight: Tensor, mode: Extent = "valid") -> Tensor:
    """Cross-correlation, as torch's ``conv1d``, by fast Fourier transforms.

    Parameters
    ----------
    x : Tensor, shape (N, C, L), real
    weight : Tensor, shape (O, C, K)
    mode : "valid", "same" or "full"

    Returns
    -------
    Tensor, shape (N, O, L - K + 1), (N, O, L) or (N, O, L + K - 1)

    Raises
    ------
    ValueError
        If shapes do not fit each other or the mode is none of the three.
    """
    return _correlate(x, weight, mode, 1)


def fft_conv2d(x: Tensor, weight: Tensor, mode: Extent = "valid") -> Tensor:
    """Cross-correlation, as torch's ``conv2d``, by fast Fourier transforms.

    Goodfellow et al. 2016, section 9.8: convolution is a product of spectra, point by point.

    Parameters
    ----------
    x : Tensor, shape (N, C, H, W), real
    weight : Tensor, shape (O, C, height, width)
    mode : "valid", "same" or "full"

    Returns
    -------
    Tensor, shape (N, O, H', W')

    Raises
    ------
    ValueError
        If shapes do not fit each other or the mode is none of the three.
    """
    return _correlate(x, weight, mode, 2)


def fft_radix2(values: Sequence[Any], *, inverse: bool = False) -> list[Any]:
    """The discrete Fourier transform of a power of two of numbers, by halves.

    ``n / 2 log2(n)`` complex products (Cooley and Tukey 1965), the factors that are 1 included.
    Numbers may be of any class that adds, subtracts and multiplies with complex numbers, such as
    ``Counted``.

    Parameters
    ----------
    values : sequence of n numbers
    inverse : bool
        The inverse without its division by n.

    Returns
    -------
    list of n numbers
    """
    n = len(values)
    if n < 1 or n & (n - 1):
        raise ValueError(f"expected a power of two of numbers, got {n}")
    if n == 1:
        return list(values)
    even = fft_radix2(values[::2], inverse=inverse)
    odd = fft_radix2(values[1::2], inverse=inverse)
    sign = 1 if inverse else -1
    turned = [v * cmath.exp(sign * 2j * cmath.pi * k / n) for k, v in enumerate(odd)]
    return [a + b for a, b in zip(even, turned, strict=True)] + [
        a - b for a, b in zip(even, turned, strict=True)
    ]


def fft_convolve_loops(x: Sequence[Any], kernel: Sequence[Any]) -> list[Any]:
    """The full *convolution* of two sequences by three transforms.

    Parameters
    ----------
    x : sequence of L numbers
    kernel : sequence of K numbers

    Returns
    -------
    list of L + K - 1 numbers, complex
    """
    length = len(x) + len(kernel) - 1
    n = 1 << (length - 1).bit_length()
    spectra = [fft_radix2([*part, *[part[0] - part[0]] * (n - len(part))]) for part in (x, kernel)]
    product = [a * b for a, b in zip(*spectra, strict=True)]
    return [value / n for value in fft_radix2(product, inverse=True)[:length]]
