"""Convolutional layers in loops that read like their formula."""

from torch import Tensor

from deepbook.convolution.layer_shapes import layer_geometry
from deepbook.convolution.padded_inputs import Paddings, Setting, spread

__all__ = ["conv1d_loops", "conv2d_loops"]


def conv1d_loops(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Setting = 1,
    padding: Paddings = 0,
    dilation: Setting = 1,
    groups: int = 1,
) -> Tensor:
    """Compute a convolutional layer on sequences, a number after the other.

    Parameters
    ----------
    x : Tensor, shape (N, C, n)
    weight : Tensor, shape (OC, C / groups, K)
    bias : Tensor, shape (OC,), optional
    stride, padding, dilation, groups
        As :func:`conv2d_loops` takes them.

    Returns
    -------
    Tensor, shape (N, OC, outputs)
    """
    layer_geometry(x, weight, bias, stride, padding, dilation, groups, dims=1)
    # a sequence is a picture of height 1
    out = conv2d_loops(
        x[:, :, None],
        weight[:, :, None],
        bias,
        stride=(1, *spread("strides", stride, 1)),
        padding=(0, *spread("paddings", padding, 1)),
        dilation=(1, *spread("dilations", dilation, 1)),
        groups=groups,
    )
    return out[:, :, 0]


def conv2d_loops(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Setting = 1,
    padding: Paddings = 0,
    dilation: Setting = 1,
    groups: int = 1,
) -> Tensor:
    """Compute a convolutional layer on pictures, a number after the other.

    Goodfellow et al. (2016), equations 9.7 and 9.8: a cross-correlation of each output channel's
    weights with all input channels of its group.

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

    Raises
    ------
    ValueError
        If shapes do not fit, or a number is out of range.
    """
    geometry = layer_geometry(x, weight, bias, stride, padding, dilation, groups, dims=2)
    padded = geometry.pad(x)
    N, (OC, C, KH, KW), (OH, OW) = len(x), weight.shape, geometry.output
    (sh, sw), (dh, dw) = geometry.stride, geometry.dilation
    out = x.new_zeros(N, OC, OH, OW)
    for n in range(N):
        for o in range(OC):
            first = o // (OC // groups) * C  # the group's first input channel
            for h in range(OH):
                for w in range(OW):
                    total = x.new_zeros(()) if bias is None else bias[o]
                    for c in range(C):
                        for kh in range(KH):
                            for kw in range(KW):
                                # Goodfellow 9.8
                                seen = padded[n, first + c, h * sh + kh * dh, w * sw + kw * dw]
                                total = total + seen * weight[o, c, kh, kw]
                    out[n, o, h, w] = total
    return out
