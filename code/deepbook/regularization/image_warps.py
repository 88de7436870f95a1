"""Pictures bent: rotated, shifted, scaled, sheared, or each pixel moved by itself."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, pad

from deepbook.regularization.checks import check_not_negative, check_positive
from deepbook.regularization.draws import normal

__all__ = ["affine_warp", "displacement_warp", "pixel_grid", "smooth_displacements"]


def pixel_grid(height: int, width: int, like: Tensor) -> Tensor:
    """Row and column of each pixel, shape (height, width, 2), with dtype and device of ``like``."""
    rows = torch.arange(height, dtype=like.dtype, device=like.device)
    columns = torch.arange(width, dtype=like.dtype, device=like.device)
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"), -1)


def affine_warp(
    images: Tensor,
    *,
    rotation: Tensor | float = 0.0,
    scale: Tensor | float = 1.0,
    stretch: Tensor | float = 1.0,
    shear: Tensor | float = 0.0,
    shift: Tensor | Sequence[float] = (0.0, 0.0),
    centre: Sequence[float] | None = None,
) -> Tensor:
    """Scale, stretch, shear, rotate and shift pictures, in this order, each in its own way.

    Parameters
    ----------
    images : Tensor, shape (N, ..., height, width), floating point
        Outside of them everything is 0.
    rotation : float or Tensor, shape (N,)
        Degrees, anticlockwise as one sees it.
    scale : float or Tensor, shape (N,)
        Above 1 for larger.
    stretch : float or Tensor, shape (N,)
        By this factor taller and narrower.
    shear : float or Tensor, shape (N,)
        Degrees by which upright strokes lean to the right, like italics.
    shift : pair of float, or Tensor of shape (N, 2)
        Pixels down and to the right.
    centre : pair of float, optional
        Row and column that scale, shear and rotation leave where they are; if not given, the
        middle of the grid, ((height - 1) / 2, (width - 1) / 2). MNIST's ink is centred on
        (14, 14), half a pixel beside it: about the middle of the grid, a turned digit is also
        shifted by an amount that tells the angle.

    Returns
    -------
    Tensor, shape of ``images``
        Differentiable, also by the parameters. With those of the identity, the very same numbers.

    Raises
    ------
    ValueError, TypeError
        If a shape does not fit, a factor is not positive, or the pictures are not floating point.
    """
    check_images(images)
    count, (height, width) = len(images), images.shape[-2:]
    turn = torch.deg2rad(_each("rotation", rotation, (count,), images))
    lean = torch.deg2rad(_each("shear", shear, (count,), images)).tan()
    size = _each("scale", scale, (count,), images)
    tall = _each("stretch", stretch, (count,), images)
    for what, factors in {"scales": size, "stretches": tall}.items():
        if not bool((factors > 0).all()):
            raise ValueError(f"expected {what} above 0, got {factors.min().item():g}")
    moved = _each("shift", shift, (count, 2), images)
    middle = _each("centre", centre or ((height - 1) / 2, (width - 1) / 2), (2,), images)
    cos, sin, one, zero = turn.cos(), turn.sin(), torch.ones_like(turn), torch.zeros_like(turn)
    # where a pixel comes from: the rotation undone, then the shear, then the scale
    unturned = torch.stack([cos, sin, -sin, cos], -1).view(-1, 2, 2)
    upright = torch.stack([one, zero, lean, one], -1).view(-1, 2, 2)
    back = upright @ unturned / torch.stack([size * tall, size / tall], -1)[:, :, None]
    # middle + back (pixel - middle - moved)
    offset = middle - (back @ (middle + moved)[..., None])[..., 0]
    # one product for all pictures: faster than one for each
    turned = back.flatten(0, 1) @ pixel_grid(height, width, images).flatten(0, 1).T
    source = turned.view(count, 2, height, width) + offset[:, :, None, None]
    return _sample(images, source.movedim(1, -1))


def displacement_warp(images: Tensor, displacements: Tensor) -> Tensor:
    """Take each pixel from a place that lies off its own by a displacement.

    Parameters
    ----------
    images : Tensor, shape (N, ..., height, width), floating point
    displacements : Tensor, shape (N, height, width, 2)
        In pixels, down and to the right.

    Returns
    -------
    Tensor, shape of ``images``
        Between pixels, bilinear; outside of the picture 0. Displacements of zero give the very
        same numbers.
    """
    check_images(images)
    height, width = images.shape[-2:]
    expected = (len(images), height, width, 2)
    if displacements.shape != expected:
        raise ValueError(
            f"expected displacements of shape {expected}, got {tuple(displacements.shape)}"
        )
    return _sample(images, pixel_grid(height, width, images) + displacements)


def smooth_displacements(
    images: Tensor,
    *,
    amplitude: float,
    smoothness: float,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Random displacements that neighbouring pixels share (Simard et al. 2003).

    Independent normal noise, smoothed by a Gaussian and scaled to one variance at every pixel,
    also at the border.

    Parameters
    ----------
    images : Tensor, shape (N, ..., height, width), floating point
        For these.
    amplitude : float
        Standard deviation of the displacement of a pixel, down and to the right, in pixels.
    smoothness : float
        Standard deviation of the Gaussian, in pixels: over about twice that, displacements agree.
    generator : torch.Generator, optional
        The global one if not given.

    Returns
    -------
    Tensor, shape (N, height, width, 2)
    """
    check_images(images)
    check_not_negative("an amplitude", amplitude)
    check_positive("a smoothness", smoothness)
    height, width = images.shape[-2:]
    reach = math.ceil(3 * smoothness)
    noise = normal((len(images), 2, height + 2 * reach, width + 2 * reach), images, generator)
    by_row, by_column = (
        _gaussian_windows(size, reach, smoothness, images) for size in (height, width)
    )
    return amplitude * (by_row @ noise @ by_column.T).movedim(1, -1)


def _gaussian_windows(size: int, reach: int, smoothness: float, like: Tensor) -> Tensor:
    """The weights by which each pixel sums the noise, shape (size, size + 2 reach)."""
    pixels = torch.arange(size, dtype=like.dtype, device=like.device) + reach
    places = torch.arange(size + 2 * reach, dtype=like.dtype, device=like.device)
    windows = torch.exp(-0.5 * ((places - pixels[:, None]) / smoothness) ** 2)
    # a sum of independent numbers of variance 1 has as variance the sum of the squared weights
    return windows / torch.linalg.vector_norm(windows, dim=1, keepdim=True)


def check_images(images: Tensor) -> None:
    """Raise unless these are floating-point pictures of shape (N, ..., height, width)."""
    if images.ndim < 3:
        raise ValueError(
            f"expected pictures of shape (N, ..., height, width), got {tuple(images.shape)}"
        )
    if not images.is_floating_point():
        raise TypeError(f"expected floating-point pictures, got {images.dtype}")


def _sample(images: Tensor, positions: Tensor) -> Tensor:
    """Bilinear, at rows and columns of shape (N, height, width, 2); 0 outside."""
    height, width = images.shape[-2:]
    # torch counts positions from -1 to 1; on a side of a power of two that is exact, so that
    # whole pixels come back to the last bit
    side = 1 << (max(height, width) - 1).bit_length()
    padded = pad(
        images.reshape(len(images), -1, height, width), (0, side - width, 0, side - height)
    )
    places = positions.flip(-1) * (2 / side) + (1 / side - 1)
    return grid_sample(padded, places, align_corners=False).view(images.shape)


def _each(
    what: str, value: Tensor | float | Sequence[float], shape: tuple[int, ...], like: Tensor
) -> Tensor:
    tensor = torch.as_tensor(value, dtype=like.dtype, device=like.device)
    # one value for all, or one for each
    if tuple(tensor.shape) not in (shape, shape[1:]):
        raise ValueError(
            f"expected {what} of shape {shape[1:]} or {shape}, got {tuple(tensor.shape)}"
        )
    return tensor.expand(shape)
