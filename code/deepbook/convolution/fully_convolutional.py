"""A small fully convolutional network: a label for every pixel, for pictures of any size."""

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, pad

from deepbook.convolution.convolutional_networks import initialize_convolutions_
from deepbook.training import check_count

__all__ = ["FullyConvolutional"]


class FullyConvolutional(nn.Module):
    """Down, and up again: a small U-Net (Long et al. 2015; Ronneberger et al. 2015).

    On the way down, each level has a 3 x 3 convolution, batch normalisation and ReLU, then max
    pooling that halves height and width; channels double. On the way up, an up-convolution
    (transposed, 2 x 2 with stride 2) doubles height and width, the map of the same size from the
    way down is put beside it (the skip), and a 3 x 3 convolution mixes both. There is no dense
    layer: so any height and width will do. What is no multiple of ``2 ** depth`` gets zeros at its
    right and lower edge, and their outputs are cut off.

    Parameters
    ----------
    classes, in_channels : int
    width : int
        Channels of the first level.
    depth : int
        How often the maps are halved; 0 for plain convolutions.
    skip : bool
        Whether the way up sees the maps from the way down.
    generator : torch.Generator, optional
        Draws the weights; the global one if not given.

    Attributes
    ----------
    reach : int
        An output depends on no input that is farther away than this along rows or columns.

    Raises
    ------
    ValueError
        If a number is less than one (``depth``: negative); by a call, unless pictures have the
        shape (N, in_channels, height, width).

    Examples
    --------
    >>> import torch
    >>> from deepbook.convolution import FullyConvolutional
    >>> network = FullyConvolutional(classes=11)
    >>> network(torch.rand(2, 1, 40, 40)).shape
    torch.Size([2, 11, 40, 40])
    >>> network(torch.rand(1, 1, 61, 90)).shape
    torch.Size([1, 11, 61, 90])
    """

    def __init__(
        self,
        classes: int,
        *,
        in_channels: int = 1,
        width: int = 8,
        depth: int = 2,
        skip: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        for what, number in (("class", classes), ("channel", in_channels), ("map", width)):
            check_count(what, number)
        if depth < 0:
            raise ValueError(f"expected a depth of 0 or more, got {depth}")
        self.in_channels, self.depth, self.skip = in_channels, depth, skip
        channels = [width * 2**level for level in range(depth + 1)]
        before = [in_channels, *channels]
        self.down = nn.ModuleList(_block(before[i], channels[i]) for i in range(depth + 1))
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(channels[i + 1], channels[i], 2, stride=2) for i in range(depth)
        )
        self.mix = nn.ModuleList(
            _block((1 + skip) * channels[i], channels[i]) for i in range(depth)
        )
        self.output = nn.Conv2d(channels[0], classes, 1)
        initialize_convolutions_(self, "he", generator)
        for layer, maps in zip(self.up, channels[1:], strict=True):
            # no ReLU follows, and each output pixel sees one weight of each map
            for parameter, deviation in zip(layer.parameters(), (maps**-0.5, 0.0), strict=True):
                nn.init.normal_(parameter, 0, deviation, generator=generator)

    @property
    def reach(self) -> int:
        """How far away an input may be that an output depends on."""
        # a 3 x 3 convolution reaches one pixel of its level, which is 2^level wide; pooling and
        # up-convolution together reach as far as the other end of a pixel of the lowest level
        levels = [2**level for level in range(self.depth + 1)]
        return sum(levels) + sum(levels[:-1]) + levels[-1] - 1

    def forward(self, images: Tensor) -> Tensor:
        """Logits, shape (N, classes, height, width), of (N, in_channels, height, width)."""
        if images.ndim != 4 or images.shape[1] != self.in_channels:
            raise ValueError(
                f"expected pictures of shape (N, {self.in_channels}, height, width), "
                f"got {tuple(images.shape)}"
            )
        height, width = images.shape[2:]
        unit = 2**self.depth
        x = pad(images, (0, -width % unit, 0, -height % unit))
        maps = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else max_pool2d(x, 2))
            maps.append(x)
        for level in reversed(range(self.depth)):
            x = self.up[level](x)
            x = self.mix[level](torch.cat([maps[level], x], 1) if self.skip else x)
        return self.output(x)[:, :, :height, :width]


def _block(before: int, after: int) -> nn.Sequential:
    """Convolution that keeps height and width, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()
    )
