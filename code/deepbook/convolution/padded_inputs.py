"""The settings of a convolution, one entry a dimension, and inputs with their margins."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from deepbook.convolution.geometry import Padding, output_size, padding_sizes

__all__ = ["ConvGeometry", "Paddings", "Setting", "spread"]

# one for all dimensions, or one each
Setting = int | tuple[int, ...]
Paddings = int | str | tuple[Padding, ...]


@dataclass(frozen=True)
class ConvGeometry:
    """Sizes and settings of one convolution; :meth:`of` makes it from what users write.

    Attributes
    ----------
    size, kernel, stride, dilation, output : tuple of int
        One entry a dimension.
    padding : tuple of (before, after)
    circular : tuple of bool
        Whether the margin of a dimension comes from its other end; else it is zeros.
    """

    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    circular: tuple[bool, ...]
    output: tuple[int, ...]

    @classmethod
    def of(
        cls,
        size: Sequence[int],
        kernel: Sequence[int],
        stride: Setting = 1,
        padding: Paddings = 0,
        dilation: Setting = 1,
    ) -> "ConvGeometry":
        """Spread settings over the dimensions, and count the outputs.

        Parameters
        ----------
        size, kernel : sequence of int
        stride, dilation : int, or one each
        padding : int or name, or one int, pair (before, after) or name each
            As :func:`deepbook.convolution.padding_sizes` takes them.

        Raises
        ------
        ValueError
            If a number is out of range, there is not one for each dimension, or the kernel fits
            nowhere.
        """
        dims = len(size)
        if len(kernel) != dims:
            raise ValueError(f"expected {dims} kernel sizes, got {tuple(kernel)}")
        strides = spread("strides", stride, dims)
        dilations = spread("dilations", dilation, dims)
        paddings: tuple[Padding, ...] = spread("paddings", padding, dims)
        rows = list(zip(size, kernel, strides, paddings, dilations, strict=True))
        return cls(
            tuple(size),
            tuple(kernel),
            strides,
            dilations,
            tuple(padding_sizes(p, n, k, s, d) for n, k, s, p, d in rows),
            tuple(p == "circular" for p in paddings),
            tuple(output_size(*row) for row in rows),
        )

    @property
    def padded(self) -> tuple[int, ...]:
        """Size of the input with its margins."""
        pairs = zip(self.size, self.padding, strict=True)
        return tuple(n + before + after for n, (before, after) in pairs)

    @property
    def places(self) -> int:
        """How many outputs."""
        return math.prod(self.output)

    def pad(self, x: Tensor) -> Tensor:
        """An input of shape (..., *size) with its margins, shape (..., *padded)."""
        self.check_input(x)
        x = functional.pad(x, self._zeros(1))
        for dim, indices in self._wrapped(x):
            x = x.index_select(dim, indices)
        return x

    def pad_adjoint(self, padded: Tensor) -> Tensor:
        """The transpose of :meth:`pad`: margins cut off, or added where they came from."""
        for dim, indices in self._wrapped(padded):
            shape = list(padded.shape)
            shape[dim] = self.size[dim]
            padded = padded.new_zeros(shape).index_add(dim, indices, padded)
        return functional.pad(padded, self._zeros(-1))

    def taps(self, *place: int) -> tuple[Any, ...]:
        """The index, into a padded input, of what one weight multiplies for all outputs."""
        rows = zip(place, self.dilation, self.stride, self.output, strict=True)
        return (..., *(slice(k * d, k * d + (out - 1) * s + 1, s) for k, d, s, out in rows))

    def weights(self) -> Iterator[tuple[int, ...]]:
        """The places in the kernel, row by row."""
        return itertools.product(*map(range, self.kernel))

    def check_input(self, x: Tensor) -> None:
        """Raise ``ValueError`` if the last dimensions are not ``size``."""
        if tuple(x.shape[-len(self.size) :]) != self.size:
            raise ValueError(f"expected an input of shape (..., {self.size}), got {x.shape}")

    def _zeros(self, sign: int) -> list[int]:
        """What ``functional.pad`` takes, last dimension first."""
        rows = zip(self.padding[::-1], self.circular[::-1], strict=True)
        return [0 if wrap else sign * size for pair, wrap in rows for size in pair]

    def _wrapped(self, x: Tensor) -> list[tuple[int, Tensor]]:
        """Dimensions, counted from the end, that wrap around, and where each place comes from."""
        return [
            (dim - len(self.size), torch.arange(-before, n + after, device=x.device) % n)
            for dim, (n, (before, after)) in enumerate(zip(self.size, self.padding, strict=True))
            if self.circular[dim]
        ]


def spread(what: str, setting: int | str | tuple, dims: int) -> tuple:
    """One setting for each dimension, from one for all or one each."""
    if isinstance(setting, (int, str)):
        return (setting,) * dims
    if len(setting) != dims:
        raise ValueError(f"expected one number or {dims} {what}, got {setting}")
    return tuple(setting)
