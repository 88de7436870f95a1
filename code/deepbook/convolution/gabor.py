"""Gabor functions: what simple cells of the visual cortex respond to."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from deepbook.data.summaries import Summarised

__all__ = ["GaborFilters", "gabor_function"]


def gabor_function(
    x: Tensor,
    y: Tensor,
    *,
    amplitude: Tensor | float = 1.0,
    beta_x: Tensor | float = 0.1,
    beta_y: Tensor | float = 0.1,
    frequency: Tensor | float = 1.0,
    phase: Tensor | float = 0.0,
    x0: Tensor | float = 0.0,
    y0: Tensor | float = 0.0,
    angle: Tensor | float = 0.0,
) -> Tensor:
    """A cosine under a Gaussian: ``alpha exp(-beta_x x'^2 - beta_y y'^2) cos(f x' + phi)``.

    ``x'`` and ``y'`` are the coordinates seen from ``(x0, y0)``, turned by ``angle`` (Goodfellow et
    al. 2016, eqs. 9.15 to 9.17, after Gabor 1946 and Daugman 1985). The wave runs along ``x'``.

    Parameters
    ----------
    x, y : Tensor
        Coordinates; they and the parameters are broadcast.
    amplitude : Tensor or float
        alpha, of any sign.
    beta_x, beta_y : Tensor or float
        How fast the Gaussian falls along ``x'`` and ``y'``; its variance there is
        ``1 / (2 beta)``.
    frequency : Tensor or float
        f, in radians per unit of length.
    phase, angle : Tensor or float
        phi and tau, in radians. At the angle 0 the wave runs along x, at pi / 2 along y.

    Returns
    -------
    Tensor, of the shape to which all are broadcast
    """
    cos, sin = torch.cos(torch.as_tensor(angle)), torch.sin(torch.as_tensor(angle))
    # Goodfellow 9.16 and 9.17
    along = (x - x0) * cos + (y - y0) * sin
    across = -(x - x0) * sin + (y - y0) * cos
    # Goodfellow 9.15
    envelope = torch.exp(-beta_x * along**2 - beta_y * across**2)
    return amplitude * envelope * torch.cos(frequency * along + phase)


@dataclass(frozen=True, eq=False, repr=False)
class GaborFilters(Summarised):
    """Parameters of N Gabor functions, for ``gabor_function``.

    Attributes
    ----------
    amplitude, beta_x, beta_y, frequency, phase, x0, y0, angle : Tensor, shape (N,)
        Lengths in pixels, from the middle of a filter.
    """

    amplitude: Tensor
    beta_x: Tensor
    beta_y: Tensor
    frequency: Tensor
    phase: Tensor
    x0: Tensor
    y0: Tensor
    angle: Tensor

    def __len__(self) -> int:
        return len(self.amplitude)

    def on_grid(self, height: int, width: int) -> Tensor:
        """The functions at the pixels of a filter, shape (N, height, width).

        Columns are x, rows are y (downwards); the middle of the filter is (0, 0).

        Raises
        ------
        ValueError
            If a size is less than one.
        """
        x, y = pixel_grid(height, width, self.amplitude)
        values = {field.name: getattr(self, field.name)[:, None, None] for field in fields(self)}
        return gabor_function(x, y, **values)


def pixel_grid(height: int, width: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Columns and rows of pixels, counted from the middle, each of shape (height, width)."""
    if min(height, width) < 1:
        raise ValueError(f"expected at least 1 row and column, got {height} x {width}")
    rows, columns = (
        torch.arange(size, dtype=like.dtype, device=like.device) - (size - 1) / 2
        for size in (height, width)
    )
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return x, y
