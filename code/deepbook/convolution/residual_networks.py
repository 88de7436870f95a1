"""Residual networks: what a block computes is added to what came in."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from deepbook.convolution.convolutional_networks import (
    check_images,
    check_positive,
    convolution,
    initialize_convolutions_,
    lay_out_,
)
from deepbook.regularization import Dropout

__all__ = ["ResidualBlock", "ResidualNet"]


class ResidualBlock(nn.Module):
    """Two convolutions, and the input added to what they give: ``relu(x + F(x))``.

    The basic block of He et al. (2016), figure 2 and equation 1: convolution, batch normalisation,
    ReLU, convolution, batch normalisation, sum, ReLU. Where the block changes the number of maps
    or the size, the input goes through a convolution with a 1 x 1 kernel first (their option B).

    Parameters
    ----------
    in_channels, out_channels : int
    stride : int
        Of the first convolution: 2 halves height and width.
    skip : bool
        Whether the input is added. If not, it is a plain block with the same two convolutions.
    zero_init : bool
        Whether the last batch normalisation starts with the scale 0, so that ``F`` is 0: the block
        begins as the identity for what is not negative (Goyal et al. 2017).
    generator : torch.Generator, optional
        Draws the weights; the global one if not given.

    Raises
    ------
    ValueError
        If a size is not positive, or a block without skip would begin as the constant 0.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        *,
        skip: bool = True,
        zero_init: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check_positive("channel or stride", [in_channels, out_channels, stride])
        if zero_init and not skip:
            raise ValueError("expected a skip where the last scale is 0, got none: gives only 0")
        self.conv1 = convolution(
            in_channels, out_channels, 3, stride=stride, bias=False, generator=generator
        )
        device = self.conv1.weight.device
        self.norm1 = nn.BatchNorm2d(out_channels, device=device)
        self.conv2 = convolution(out_channels, out_channels, 3, bias=False, generator=generator)
        self.norm2 = nn.BatchNorm2d(out_channels, device=device)
        self.skip: nn.Module | None = None
        if skip and (stride, out_channels) == (1, in_channels):
            self.skip = nn.Identity()
        elif skip:
            self.skip = nn.Sequential(
                convolution(
                    in_channels, out_channels, 1, stride=stride, bias=False, generator=generator
                ),
                nn.BatchNorm2d(out_channels, device=device),
            )
        initialize_convolutions_(self, "he", generator)
        if zero_init:
            nn.init.zeros_(self.norm2.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Maps of shape (N, out_channels, ...) of maps of shape (N, in_channels, ...)."""
        h = self.norm2(self.conv2(relu(self.norm1(self.conv1(x)))))
        return relu(h if self.skip is None else self.skip(x) + h)


class ResidualNet(nn.Module):
    """A small residual network (He et al. 2016): a convolution, stages of blocks, a mean, a layer.

    The first convolution has a 5 x 5 kernel and pools; the first block of every further stage
    halves height and width; the mean over each map goes into one linear layer. With the
    sizes below it has 78,010 parameters.

    Parameters
    ----------
    channels : sequence of int
        Maps of each stage; the first is also that of the first convolution.
    blocks : int
        In each stage.
    classes, in_channels : int
    dropout : float
        Before the last layer, the probability of leaving out; 0 for none.
    skip, zero_init : bool
        As for ``ResidualBlock``.
    channels_last : bool
        Whether the numbers of one pixel lie side by side in memory.
    generator : torch.Generator, optional
        Draws the weights, and in training which units are left out; the global one if not given.

    Raises
    ------
    ValueError
        If a size is not positive; by a call, unless pictures have the shape
        (N, in_channels, height, width).

    Examples
    --------
    >>> import torch
    >>> from deepbook.convolution import ResidualNet
    >>> ResidualNet()(torch.rand(32, 1, 28, 28)).shape
    torch.Size([32, 10])
    """

    def __init__(
        self,
        channels: Sequence[int] = (16, 32, 64),
        blocks: int = 1,
        classes: int = 10,
        *,
        in_channels: int = 1,
        dropout: float = 0.0,
        skip: bool = True,
        zero_init: bool = False,
        channels_last: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check_positive("class, channel or block", [classes, in_channels, blocks, *channels])
        if not channels:
            raise ValueError("expected the channels of one stage or more, got none")
        self.in_channels = in_channels
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.conv = convolution(in_channels, channels[0], 5, bias=False, generator=generator)
        device = self.conv.weight.device
        self.norm = nn.BatchNorm2d(channels[0], device=device)
        self.blocks = nn.Sequential()
        n_in = channels[0]
        for stage, n_out in enumerate(channels):
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                self.blocks.append(
                    ResidualBlock(
                        n_in, n_out, stride, skip=skip, zero_init=zero_init, generator=generator
                    )
                )
                n_in = n_out
        self.dropout = Dropout(dropout, generator)
        self.linear = nn.utils.skip_init(nn.Linear, n_in, classes, device=device)
        for layer in (self.conv, self.linear):  # the blocks have drawn their weights
            initialize_convolutions_(layer, "he", generator)
        lay_out_(self, self.memory_format)

    def forward(self, images: Tensor) -> Tensor:
        """Logits, shape (N, classes), of pictures of shape (N, in_channels, height, width)."""
        check_images(images, self.in_channels)
        x = self.conv(images.contiguous(memory_format=self.memory_format))
        x = self.blocks(relu(self.norm(max_pool2d(x, 2))))
        return self.linear(self.dropout(x.mean((2, 3))))
