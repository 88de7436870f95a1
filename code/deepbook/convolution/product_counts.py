"""How many multiplications the ways to convolve take for one layer."""

from dataclasses import dataclass
from math import ceil, log2

__all__ = ["ConvLayer"]


@dataclass(frozen=True)
class ConvLayer:
    """A layer of square kernels at valid positions, stride 1, for one example.

    Products are of real numbers; a complex product counts as four. Sums, and for Winograd the
    transforms by constants, are not counted.

    Parameters
    ----------
    height, width : int
        Of the input.
    in_channels, out_channels : int
    size : int
        Side of a kernel.

    Examples
    --------
    >>> from deepbook.convolution import ConvLayer
    >>> layer = ConvLayer(height=4, width=4, in_channels=1, out_channels=1, size=3)
    >>> layer.direct(), layer.winograd(2)
    (36, 16)
    """

    height: int
    width: int
    in_channels: int
    out_channels: int
    size: int

    def __post_init__(self) -> None:
        if min(self.in_channels, self.out_channels, self.size) < 1:
            raise ValueError(f"expected positive channels and size, got {self}")
        if min(self.height, self.width) < self.size:
            raise ValueError(f"expected an input of at least {self.size}, got {self}")

    @property
    def outputs(self) -> int:
        """Pixels of an output map."""
        return (self.height - self.size + 1) * (self.width - self.size + 1)

    def direct(self) -> int:
        """Loops over outputs and weights: ``outputs * O * C * size^2``."""
        return self.outputs * self.out_channels * self.in_channels * self.size**2

    def im2col(self) -> int:
        """One matrix product: the weights as (O, C size^2), the patches as (C size^2, outputs).

        The same products as ``direct``, in another order.
        """
        return self.out_channels * (self.in_channels * self.size**2) * self.outputs

    def separable(self, rank: int = 1) -> int:
        """Each kernel as ``rank`` columns and rows, the columns first."""
        if not 1 <= rank <= self.size:
            raise ValueError(f"expected a rank from 1 to {self.size}, got {rank}")
        columns = (self.height - self.size + 1) * self.width * self.size
        rows = self.outputs * self.size
        return self.out_channels * self.in_channels * rank * (columns + rows)

    def depthwise_separable(self) -> int:
        """A kernel for each channel, then a matrix for each pixel: another function."""
        return self.outputs * self.in_channels * (self.size**2 + self.out_channels)

    def winograd(self, m: int = 2) -> int:
        """Tiles of ``m x m`` outputs with ``(m + size - 1)^2`` products each."""
        if m < 1:
            raise ValueError(f"expected a positive m, got {m}")
        tiles = ceil((self.height - self.size + 1) / m) * ceil((self.width - self.size + 1) / m)
        return tiles * (m + self.size - 1) ** 2 * self.in_channels * self.out_channels

    def fft(self, *, kernels_too: bool = True) -> int:
        """Transforms of a power of two in each direction, and a product at each frequency.

        The symmetry of real numbers' spectra, which halves all of it, is not used.

        Parameters
        ----------
        kernels_too : bool
            Whether the kernels are transformed as well, or have been before.
        """
        down, right = (
            1 << (side + self.size - 2).bit_length() for side in (self.height, self.width)
        )
        one = down * right * int(log2(down * right)) // 2
        kernels = self.in_channels * self.out_channels if kernels_too else 0
        transforms = self.in_channels + self.out_channels + kernels
        return 4 * (transforms * one + down * right * self.in_channels * self.out_channels)
