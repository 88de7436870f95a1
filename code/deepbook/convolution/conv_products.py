"""Convolutional layers as one matrix product for each group (im2col)."""

import math

from torch import Tensor
from torch.nn.functional import linear

from deepbook.convolution.image_columns import patches
from deepbook.convolution.layer_shapes import layer_geometry
from deepbook.convolution.padded_inputs import Paddings, Setting

__all__ = ["conv1d", "conv2d"]


def conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Setting = 1,
    padding: Paddings = 0,
    dilation: Setting = 1,
    groups: int = 1,
) -> Tensor:
    """Compute a convolutional layer on pictures, as ``conv2d_loops`` but fast.

    The arguments, the result and the errors are the same (Goodfellow et al. 2016, eq. 9.8).

    Parameters
    ----------
    x : Tensor, shape (N, C, H, W)
    weight : Tensor, shape (OC, C / groups, KH, KW)
    bias : Tensor, shape (OC,), optional
    stride, dilation : int, or (rows, columns)
    padding : int or name, or for rows and columns an int, pair (before, after) or name each
        ``"valid"``, ``"same"``, ``"full"`` or ``"circular"``.
    groups : int
        Output channels ``g * OC / groups`` and on read input channels ``g * C / groups`` and on.

    Returns
    -------
    Tensor, shape (N, OC, OH, OW)

    Examples
    --------
    >>> import torch
    >>> from deepbook.convolution import conv2d
    >>> conv2d(torch.rand(2, 3, 8, 8), torch.rand(5, 3, 3, 3), padding="same").shape
    torch.Size([2, 5, 8, 8])
    """
    return _layer(x, weight, bias, stride, padding, dilation, groups, dims=2)


def conv1d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Setting = 1,
    padding: Paddings = 0,
    dilation: Setting = 1,
    groups: int = 1,
) -> Tensor:
    """Compute a convolutional layer on sequences, as ``conv1d_loops`` but fast.

    Parameters
    ----------
    x : Tensor, shape (N, C, n)
    weight : Tensor, shape (OC, C / groups, K)
    bias : Tensor, shape (OC,), optional
    stride, padding, dilation, groups
        As :func:`conv2d` takes them, with one dimension.

    Returns
    -------
    Tensor, shape (N, OC, outputs)
    """
    return _layer(x, weight, bias, stride, padding, dilation, groups, dims=1)


def _layer(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Setting,
    padding: Paddings,
    dilation: Setting,
    groups: int,
    *,
    dims: int,
) -> Tensor:
    geometry = layer_geometry(x, weight, bias, stride, padding, dilation, groups, dims=dims)
    OC, each = len(weight), weight.shape[1]
    # a patch is a row of one matrix, an output channel's weights a column of the other
    seen = patches(x, geometry).reshape(-1, math.prod(geometry.kernel), groups, each)
    filters = weight.flatten(2).transpose(1, 2).reshape(groups, OC // groups, -1)
    if groups == 1:
        out = linear(seen.flatten(1), filters[0], bias)  # Goodfellow 9.8
    else:
        rows = seen.permute(2, 0, 1, 3).flatten(2)
        out = (rows @ filters.transpose(1, 2)).movedim(0, 1).flatten(1)
        out = out if bias is None else out + bias
    return out.reshape(len(x), *geometry.output, OC).movedim(-1, 1)
