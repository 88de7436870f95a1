"""The patches that a kernel sees, put into the columns of a matrix, and back."""

from typing import Any

import torch
from torch import Tensor

from deepbook.convolution.padded_inputs import ConvGeometry, Paddings, Setting

__all__ = ["col2im", "fold_patches", "im2col", "patches"]


def im2col(
    x: Tensor,
    kernel: Setting,
    *,
    stride: Setting = 1,
    padding: Paddings = 0,
    dilation: Setting = 1,
) -> Tensor:
    """Each patch of a picture as a column, as torch's ``unfold`` has them.

    Parameters
    ----------
    x : Tensor, shape (N, C, H, W)
    kernel, stride, dilation : int, or (rows, columns)
    padding
        As :func:`deepbook.convolution.conv2d` takes it.

    Returns
    -------
    Tensor, shape (N, C * KH * KW, OH * OW)
        Rows in the order of a flattened weight: channel, row, column.

    Raises
    ------
    ValueError
        If the input has another number of dimensions, or the kernel fits nowhere.
    """
    if x.ndim != 4:
        raise ValueError(f"expected an input of shape (N, C, H, W), got {tuple(x.shape)}")
    kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
    geometry = ConvGeometry.of(x.shape[2:], kernel, stride, padding, dilation)
    return patches(x, geometry).permute(0, 5, 3, 4, 1, 2).flatten(4).flatten(1, 3)


def col2im(
    columns: Tensor,
    size: tuple[int, int],
    kernel: Setting,
    *,
    stride: Setting = 1,
    padding: Paddings = 0,
    dilation: Setting = 1,
) -> Tensor:
    """Add columns up to a picture: the adjoint of :func:`im2col`, not its inverse.

    Where patches overlap, their numbers are summed, as in torch's ``fold``.

    Parameters
    ----------
    columns : Tensor, shape (N, C * KH * KW, OH * OW)
    size : (H, W)
    kernel, stride, padding, dilation
        As :func:`im2col` takes them.

    Returns
    -------
    Tensor, shape (N, C, H, W)

    Raises
    ------
    ValueError
        If the columns do not belong to such pictures.

    Examples
    --------
    >>> import torch
    >>> from deepbook.convolution import col2im, im2col
    >>> columns = im2col(torch.ones(1, 1, 1, 3), (1, 2))
    >>> col2im(columns, (1, 3), (1, 2)).flatten().tolist()
    [1.0, 2.0, 1.0]
    """
    kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
    geometry = ConvGeometry.of(size, kernel, stride, padding, dilation)
    each = kernel[0] * kernel[1]
    if columns.ndim != 3 or columns.shape[1] % each or columns.shape[2] != geometry.places:
        raise ValueError(
            f"expected columns of shape (N, C * {each}, {geometry.places}), "
            f"got {tuple(columns.shape)}"
        )
    channels = columns.shape[1] // each
    shape = (len(columns), channels, *geometry.kernel, *geometry.output)
    return fold_patches(columns.reshape(shape).permute(0, 4, 5, 2, 3, 1), geometry)


def patches(x: Tensor, geometry: ConvGeometry) -> Tensor:
    """What each weight meets at each place, channels last, in any number of dimensions.

    Parameters
    ----------
    x : Tensor, shape (..., C, *size)
    geometry : ConvGeometry

    Returns
    -------
    Tensor, shape (..., *output, *kernel, C)
        A row of a patch with all its channels lies in one piece, which is quick to copy.
    """
    return _Patches.apply(geometry.pad(x), geometry)


def fold_patches(columns: Tensor, geometry: ConvGeometry) -> Tensor:
    """Add up patches where they came from, the adjoint of :func:`patches`.

    Parameters
    ----------
    columns : Tensor, shape (..., *output, *kernel, C)
    geometry : ConvGeometry

    Returns
    -------
    Tensor, shape (..., C, *size)
    """
    return geometry.pad_adjoint(_Folded.apply(columns, geometry))


class _Patches(torch.autograd.Function):
    """Copy patches; the gradient adds them up."""

    @staticmethod
    def forward(padded: Tensor, geometry: ConvGeometry) -> Tensor:
        dims = len(geometry.size)
        last = padded.movedim(-1 - dims, -1).contiguous()
        lead = last.shape[: -dims - 1]
        strides, steps = last.stride()[: len(lead)], last.stride()[len(lead) : -1]
        shape = (*lead, *geometry.output, *geometry.kernel, last.shape[-1])
        places = [step * s for step, s in zip(steps, geometry.stride, strict=True)]
        weights = [step * d for step, d in zip(steps, geometry.dilation, strict=True)]
        return last.as_strided(shape, (*strides, *places, *weights, 1)).contiguous()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        ctx.geometry = inputs[1]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _Folded.apply(gradients[0], ctx.geometry), None

    @staticmethod
    def vmap(info: Any, in_dims: tuple, padded: Tensor, geometry: ConvGeometry) -> tuple:
        return _Patches.apply(padded.movedim(in_dims[0], 0), geometry), 0


class _Folded(torch.autograd.Function):
    """Add patches up; the gradient copies them."""

    @staticmethod
    def forward(columns: Tensor, geometry: ConvGeometry) -> Tensor:
        dims = len(geometry.size)
        lead, channels = columns.shape[: -2 * dims - 1], columns.shape[-1]
        padded = columns.new_zeros(*lead, *geometry.padded, channels)
        for place in geometry.weights():
            weight: Any = (..., *place, slice(None))
            # not +=, which would write what was added a second time
            padded[(*geometry.taps(*place), slice(None))].add_(columns[weight])
        return padded.movedim(-1, -1 - dims)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        ctx.geometry = inputs[1]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _Patches.apply(gradients[0], ctx.geometry), None

    @staticmethod
    def vmap(info: Any, in_dims: tuple, columns: Tensor, geometry: ConvGeometry) -> tuple:
        return _Folded.apply(columns.movedim(in_dims[0], 0), geometry), 0
