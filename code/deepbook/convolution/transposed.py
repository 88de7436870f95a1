"""Transposed convolution: the way back of a convolution, used forwards."""

from dataclasses import replace

from torch import Tensor

from deepbook.convolution.geometry import transposed_output_size
from deepbook.convolution.image_columns import fold_patches
from deepbook.convolution.layer_shapes import check_weight
from deepbook.convolution.padded_inputs import ConvGeometry, Setting, spread

__all__ = ["conv_transpose1d", "conv_transpose2d", "conv_transpose2d_loops"]


def conv_transpose2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Setting = 1,
    padding: int | tuple[int | tuple[int, int], ...] = 0,
    output_padding: Setting = 0,
    groups: int = 1,
    dilation: Setting = 1,
) -> Tensor:
    """Multiply by the transposed matrix of a convolution.

    Each input stamps the kernel, times its value, into the output, ``stride`` places apart; what
    overlaps is summed, and ``padding`` is cut off. Without biases it is the adjoint of the
    ``conv2d`` with the same weight: ``<conv2d(u), x> = <u, conv_transpose2d(x)>`` for ``u`` of
    the output's size. It is no inverse (Goodfellow et al. 2016, section 9.5).

    Parameters
    ----------
    x : Tensor, shape (N, C, H, W)
    weight : Tensor, shape (C, OC / groups, KH, KW)
        As the convolution that it transposes has it, from OC to C channels.
    bias : Tensor, shape (OC,), optional
    stride, dilation : int, or (rows, columns)
    padding : int, or for rows and columns an int or pair (before, after) each
        Of the convolution: what is cut off here.
    output_padding : int, or (rows, columns)
        So many rows or columns *less are cut off*, or more are made, at the end. They are no
        zeros: what the kernel stamps there counts.
    groups : int

    Returns
    -------
    Tensor, shape (N, OC, OH, OW), see ``transposed_output_size``

    Raises
    ------
    ValueError
        If shapes do not fit, or a number is out of range.

    Examples
    --------
    >>> import torch
    >>> from deepbook.convolution import conv_transpose2d
    >>> conv_transpose2d(torch.ones(1, 1, 1, 3), torch.ones(1, 1, 1, 3), stride=(1, 2)).tolist()
    [[[[1.0, 1.0, 2.0, 1.0, 2.0, 1.0, 1.0]]]]
    """
    settings = (stride, padding, output_padding, dilation)
    return _transposed(x, weight, bias, settings, groups, dims=2)


def conv_transpose1d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Setting = 1,
    padding: int | tuple[int | tuple[int, int], ...] = 0,
    output_padding: Setting = 0,
    groups: int = 1,
    dilation: Setting = 1,
) -> Tensor:
    """:func:`conv_transpose2d` for sequences.

    Parameters
    ----------
    x : Tensor, shape (N, C, n)
    weight : Tensor, shape (C, OC / groups, K)
    bias : Tensor, shape (OC,), optional
    stride, padding, output_padding, groups, dilation
        As :func:`conv_transpose2d` takes them, with one dimension.

    Returns
    -------
    Tensor, shape (N, OC, outputs)
    """
    settings = (stride, padding, output_padding, dilation)
    return _transposed(x, weight, bias, settings, groups, dims=1)


def conv_transpose2d_loops(
    x: Tensor, weight: Tensor, *, stride: int = 1, padding: int = 0, output_padding: int = 0
) -> Tensor:
    """:func:`conv_transpose2d` by its definition, one stamp after the other, in one group.

    Arguments and result are those of :func:`conv_transpose2d`.
    """
    N, C, H, W = x.shape
    _, OC, KH, KW = weight.shape
    OH = transposed_output_size(H, KH, stride, padding, output_padding)
    OW = transposed_output_size(W, KW, stride, padding, output_padding)
    out = x.new_zeros(N, OC, OH, OW)
    for n in range(N):
        for h in range(H):
            for w in range(W):
                for kh in range(KH):
                    for kw in range(KW):
                        i, j = h * stride + kh - padding, w * stride + kw - padding
                        if 0 <= i < OH and 0 <= j < OW:
                            for c in range(C):
                                out[n, :, i, j] += x[n, c, h, w] * weight[c, :, kh, kw]
    return out


def _transposed(
    x: Tensor, weight: Tensor, bias: Tensor | None, settings: tuple, groups: int, *, dims: int
) -> Tensor:
    if x.ndim != dims + 2:
        raise ValueError(f"expected an input of {dims + 2} dimensions, got shape {tuple(x.shape)}")
    if weight.ndim != dims + 2 or len(weight) != x.shape[1]:
        raise ValueError(
            f"expected a weight of {dims + 2} dimensions for {x.shape[1]} input channels, "
            f"got shape {tuple(weight.shape)}"
        )
    channels = weight.shape[1] * groups
    check_weight(weight, channels, groups, dims)
    if bias is not None and bias.shape != (channels,):
        raise ValueError(f"expected a bias for each of {channels} outputs, got {bias.shape}")
    names = ("strides", "paddings", "output paddings", "dilations")
    s, p, more, d = (spread(what, one, dims) for what, one in zip(names, settings, strict=True))
    rows = zip(x.shape[2:], weight.shape[2:], s, p, more, d, strict=True)
    size = [transposed_output_size(*row) for row in rows]
    geometry = ConvGeometry.of(size, weight.shape[2:], s, p, d)
    # an output padding from the stride on has room for outputs that no input stands for
    geometry = replace(geometry, output=tuple(x.shape[2:]))
    # the product of im2col with its factor transposed
    inputs = x.flatten(2).transpose(1, 2).unflatten(2, (groups, -1)).movedim(2, 0)
    stamps = weight.flatten(2).transpose(1, 2).reshape(groups, inputs.shape[3], -1)
    columns = (inputs @ stamps[:, None]).unflatten(3, (*geometry.kernel, -1)).movedim(0, -2)
    out = fold_patches(columns.flatten(-2).unflatten(1, geometry.output), geometry)
    return out if bias is None else out + bias.reshape(-1, *[1] * dims)
