"""Depthwise convolution, which keeps channels apart, and pointwise, which only mixes them."""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

__all__ = [
    "DepthwiseSeparableConv2d",
    "channel_shuffle",
    "depthwise_conv2d",
    "depthwise_conv2d_loops",
    "pointwise_conv2d",
]


def depthwise_conv2d(x: Tensor, weight: Tensor, *, stride: int = 1, padding: int = 0) -> Tensor:
    """Each channel cross-correlated with a kernel of its own.

    Parameters
    ----------
    x : Tensor, shape (N, C, H, W)
    weight : Tensor, shape (C, height, width)
    stride, padding : int

    Returns
    -------
    Tensor, shape (N, C, H', W')
    """
    if x.ndim != 4 or weight.ndim != 3 or x.shape[1] != len(weight):
        raise ValueError(
            "expected inputs (N, C, H, W) and a kernel (C, height, width), "
            f"got {tuple(x.shape)} and {tuple(weight.shape)}"
        )
    # as many groups as channels: with fewer, channels of a group would mix
    return conv2d(x, weight[:, None], stride=stride, padding=padding, groups=len(weight))


def depthwise_conv2d_loops(x: Tensor, weight: Tensor) -> Tensor:
    """``depthwise_conv2d`` of one example as the formula reads.

    Parameters
    ----------
    x : Tensor, shape (C, H, W)
    weight : Tensor, shape (C, height, width)

    Returns
    -------
    Tensor, shape (C, H - height + 1, W - width + 1)
    """
    channels, height, width = weight.shape
    down, right = x.shape[1] - height + 1, x.shape[2] - width + 1
    y = x.new_zeros(channels, down, right)
    for c in range(channels):
        for i in range(down):
            for j in range(right):
                for k in range(height):
                    for m in range(width):
                        y[c, i, j] += x[c, i + k, j + m] * weight[c, k, m]
    return y


def pointwise_conv2d(x: Tensor, weight: Tensor) -> Tensor:
    """A linear map of the channels, the same at each pixel: a convolution of 1 x 1.

    Parameters
    ----------
    x : Tensor, shape (N, C, H, W)
    weight : Tensor, shape (O, C)

    Returns
    -------
    Tensor, shape (N, O, H, W)
    """
    if x.ndim != 4 or weight.ndim != 2 or x.shape[1] != weight.shape[1]:
        raise ValueError(
            "expected inputs (N, C, H, W) and weights (O, C), "
            f"got {tuple(x.shape)} and {tuple(weight.shape)}"
        )
    return torch.einsum("nchw,oc->nohw", x, weight)


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """Deal out the channels of each group in turn (ShuffleNet, Zhang et al. 2018).

    After a convolution in groups, the next one's groups then see channels of all.

    Parameters
    ----------
    x : Tensor, shape (N, C, ...)
    groups : int
        Divides C.

    Returns
    -------
    Tensor, shape of ``x``

    Examples
    --------
    >>> import torch
    >>> from deepbook.convolution import channel_shuffle
    >>> channel_shuffle(torch.arange(6)[None], 2).tolist()
    [[0, 3, 1, 4, 2, 5]]
    """
    if groups < 1 or x.ndim < 2 or x.shape[1] % groups:
        raise ValueError(f"expected {groups} groups of channels, got an input {tuple(x.shape)}")
    return x.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)


class DepthwiseSeparableConv2d(nn.Module):
    """A depthwise convolution and a pointwise one (Howard et al. 2017, MobileNets).

    ``C (size^2 + O)`` weights in place of ``C O size^2``.

    Parameters
    ----------
    in_channels, out_channels : int
    size : int
        Side of the kernels.
    stride, padding : int
    bias : bool
        After the pointwise convolution.

    Attributes
    ----------
    depthwise : nn.Conv2d
        With as many groups as input channels, without bias.
    pointwise : nn.Conv2d
        Of 1 x 1.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        size: int,
        *,
        stride: int = 1,
        padding: int = 0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if min(in_channels, out_channels, size) < 1:
            raise ValueError(
                f"expected positive channels and size, got {(in_channels, out_channels, size)}"
            )
        self.depthwise = nn.Conv2d(
            in_channels,
            in_channels,
            size,
            stride=stride,
            padding=padding,
            groups=in_channels,
            bias=False,
        )
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) to (N, out_channels, H', W')."""
        outputs: Tensor = self.pointwise(self.depthwise(x))
        return outputs

    def as_kernel(self) -> Tensor:
        """The kernel of the plain convolution it equals, shape (O, C, size, size)."""
        return self.pointwise.weight * self.depthwise.weight[:, 0]
