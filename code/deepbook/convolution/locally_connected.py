"""Layers between a convolution and a dense layer: weights that are not shared, or in turns."""

import torch
from torch import Tensor, nn

from deepbook.convolution.conv_products import conv2d
from deepbook.convolution.image_columns import patches
from deepbook.convolution.padded_inputs import ConvGeometry, Paddings, Setting, spread

__all__ = ["Conv2d", "LocallyConnected2d", "TiledConv2d"]


class Conv2d(nn.Module):
    """A convolutional layer: the same weights at every place (Goodfellow et al. 2016, eq. 9.8).

    Parameters
    ----------
    in_channels, out_channels : int
    kernel : int, or (rows, columns)
    stride, padding, dilation, groups
        As :func:`deepbook.convolution.conv2d` takes them.
    bias : bool
    generator : torch.Generator, optional
        For the initial weights and biases, which are uniform between plus and minus
        ``1 / sqrt(fan_in)``, as torch's; the global one if not given.

    Attributes
    ----------
    weight : Parameter, shape (out_channels, in_channels / groups, KH, KW)
    bias : Parameter, shape (out_channels,), or None
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: Setting,
        *,
        stride: Setting = 1,
        padding: Paddings = 0,
        dilation: Setting = 1,
        groups: int = 1,
        bias: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"expected groups that divide {in_channels} input and {out_channels} output "
                f"channels, got {groups}"
            )
        self.settings = {"stride": stride, "padding": padding, "dilation": dilation}
        self.groups = groups
        one = (in_channels // groups, *spread("kernel sizes", kernel, 2))
        self.weight, self.bias = _drawn((out_channels,), one, (out_channels,), bias, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (N, out_channels, OH, OW) of inputs (N, in_channels, H, W)."""
        return conv2d(x, self.weight, self.bias, groups=self.groups, **self.settings)  # type: ignore[arg-type]


class LocallyConnected2d(nn.Module):
    """Unshared convolution: weights of its own at every place (Goodfellow et al. 2016, eq. 9.9).

    Parameters
    ----------
    in_channels, out_channels : int
    size : int, or (rows, columns)
        Of the inputs, which the number of weights depends on.
    kernel, stride, padding, dilation, bias, generator
        As :class:`Conv2d` takes them.

    Attributes
    ----------
    weight : Parameter, shape (out_channels, OH, OW, in_channels, KH, KW)
    bias : Parameter, shape (out_channels, OH, OW), or None
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        size: Setting,
        kernel: Setting,
        *,
        stride: Setting = 1,
        padding: Paddings = 0,
        dilation: Setting = 1,
        bias: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        sizes, kernels = spread("sizes", size, 2), spread("kernel sizes", kernel, 2)
        self.geometry = ConvGeometry.of(sizes, kernels, stride, padding, dilation)
        units = (out_channels, *self.geometry.output)
        self.weight, self.bias = _drawn(units, (in_channels, *kernels), units, bias, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (N, out_channels, OH, OW) of inputs (N, in_channels, *size)."""
        _check_channels(x, self.weight.shape[3])
        # Goodfellow 9.9
        out = torch.einsum("nhwklc,ohwckl->nohw", patches(x, self.geometry), self.weight)
        return out if self.bias is None else out + self.bias


class TiledConv2d(nn.Module):
    """Tiled convolution: ``tile`` times ``tile`` kernels, used in turns (Goodfellow, eq. 9.10).

    The place (h, w) has the kernel (h mod tile, w mod tile). One tile is a convolution; a tile
    as large as the output, a locally connected layer.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel : int, or (rows, columns)
    tile : int, or (rows, columns)
    stride, padding, dilation, bias, generator
        As :class:`Conv2d` takes them.

    Attributes
    ----------
    weight : Parameter, shape (out_channels, TH, TW, in_channels, KH, KW)
    bias : Parameter, shape (out_channels, TH, TW), or None
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: Setting,
        tile: Setting,
        *,
        stride: Setting = 1,
        padding: Paddings = 0,
        dilation: Setting = 1,
        bias: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.tile = spread("tile sizes", tile, 2)
        if min(self.tile) < 1:
            raise ValueError(f"expected a tile of at least 1, got {tile}")
        self.settings = (stride, padding, dilation)
        units = (out_channels, *self.tile)
        one = (in_channels, *spread("kernel sizes", kernel, 2))
        self.weight, self.bias = _drawn(units, one, units, bias, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (N, out_channels, OH, OW) of inputs (N, in_channels, H, W)."""
        _check_channels(x, self.weight.shape[3])
        geometry = ConvGeometry.of(x.shape[2:], self.weight.shape[4:], *self.settings)
        turn = [torch.arange(n, device=x.device) % t for n, t in zip(geometry.output, self.tile)]  # noqa: B905
        weight = self.weight[:, turn[0]][:, :, turn[1]]
        # Goodfellow 9.10
        out = torch.einsum("nhwklc,ohwckl->nohw", patches(x, geometry), weight)
        return out if self.bias is None else out + self.bias[:, turn[0]][:, :, turn[1]]


def _drawn(
    units: tuple[int, ...],
    one: tuple[int, ...],
    biases: tuple[int, ...],
    bias: bool,
    generator: torch.Generator | None,
) -> tuple[nn.Parameter, nn.Parameter | None]:
    """Weights of shape (*units, *one), where one unit reads ``one``, and biases."""
    if min(*units, *one) < 1:
        raise ValueError(f"expected sizes of at least 1, got {(*units, *one)}")
    bound = torch.Size(one).numel() ** -0.5
    device = None if generator is None else generator.device

    def draw(*shape: int) -> nn.Parameter:
        uniform = torch.rand(*shape, generator=generator, device=device)
        return nn.Parameter((2 * uniform - 1) * bound)

    return draw(*units, *one), draw(*biases) if bias else None


def _check_channels(x: Tensor, channels: int) -> None:
    if x.ndim != 4 or x.shape[1] != channels:
        raise ValueError(f"expected an input of shape (N, {channels}, H, W), got {tuple(x.shape)}")
