"""Networks for small pictures: LeNet-5, and a small one with today's parts."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad

from deepbook.feedforward import weight_variance
from deepbook.regularization import Dropout

__all__ = ["ConvNet", "LeNet5", "initialize_convolutions_"]


class LeNet5(nn.Module):
    """LeNet-5 as it is built today (LeCun et al. 1998, section II.B).

    Layers are named as in the paper. As there, ink from 0 to 1 becomes numbers from -0.1 to 1.175,
    which have about mean 0 and variance 1 over MNIST, and pictures of 28 x 28 pixels get a border
    of two pixels of paper. What differs from the paper: each map of C3 sees all six maps before
    it, not three to six of them; a map is averaged by S2 and S4 without a weight and a bias of its
    own; ten linear outputs, for a softmax, stand in place of the distances to drawn digits. So
    there are 61,706 parameters instead of 60,000.

    Parameters
    ----------
    classes : int
    generator : torch.Generator, optional
        Draws the weights, with the variance 1 / fan-in of the paper; the global one if not given.

    Raises
    ------
    ValueError
        If there is no class; by a call, unless pictures have the shape (N, 1, 28, 28).

    Examples
    --------
    >>> import torch
    >>> from deepbook.convolution import LeNet5
    >>> LeNet5()(torch.rand(32, 1, 28, 28)).shape
    torch.Size([32, 10])
    """

    def __init__(self, classes: int = 10, generator: torch.Generator | None = None) -> None:
        super().__init__()
        check_positive("class", [classes])
        self.c1 = convolution(1, 6, 5, padding=0, generator=generator)
        self.c3 = convolution(6, 16, 5, padding=0, generator=generator)
        self.c5 = convolution(16, 120, 5, padding=0, generator=generator)
        self.f6 = nn.utils.skip_init(nn.Linear, 120, 84, device=self.c1.weight.device)
        self.output = nn.utils.skip_init(nn.Linear, 84, classes, device=self.c1.weight.device)
        initialize_convolutions_(self, "lecun", generator)

    def forward(self, images: Tensor) -> Tensor:
        """Logits, shape (N, classes), of pictures of shape (N, 1, 28, 28), ink from 0 to 1."""
        check_images(images, 1, (28, 28))
        paper = -0.1
        images = pad(1.275 * images + paper, (2, 2, 2, 2), value=paper)
        h = scaled_tanh(avg_pool2d(self.c1(images), 2))  # 6 maps of 14 x 14
        h = scaled_tanh(avg_pool2d(self.c3(h), 2))  # 16 maps of 5 x 5
        h = scaled_tanh(self.c5(h)).flatten(1)  # 120 maps of 1 x 1
        return self.output(scaled_tanh(self.f6(h)))


def scaled_tanh(x: Tensor) -> Tensor:
    """The sigmoid of LeCun et al. (1998), which maps 1 to 1 and -1 to -1."""
    return 1.7159 * torch.tanh(x * (2 / 3))


class ConvNet(nn.Sequential):
    """A small convolutional network: stages of convolution, pooling, normalisation and ReLU.

    A convolution keeps height and width by a border of zeros, and pooling halves them. It comes
    first, so that normalisation and ReLU have a quarter of the numbers to work on. Each part can be
    left out, to see what it does. With the sizes below and pictures of 28 x 28 pixels there are
    37,626 parameters.

    Parameters
    ----------
    channels, kernel_sizes : sequence of int
        Maps and side of the (odd) kernels of each stage.
    classes, in_channels : int
    image_size : (int, int)
        Height and width of the pictures.
    batch_norm : bool
        Whether each stage normalises its maps; if not, its convolution has a bias.
    pooling : {"max", "average"}
        Over 2 x 2 pixels.
    dropout : float
        Before the last layer, the probability of leaving out; 0 for none.
    channels_last : bool
        Whether the numbers of one pixel lie side by side in memory. Not the results change, but
        the speed.
    generator : torch.Generator, optional
        Draws the weights, and in training which units are left out; the global one if not given.

    Raises
    ------
    ValueError
        If a size is not positive or does not fit, or an option is unknown; by a call, unless
        pictures have the shape (N, in_channels, height, width).

    Examples
    --------
    >>> import torch
    >>> from deepbook.convolution import ConvNet
    >>> network = ConvNet(dropout=0.3)
    >>> network(torch.rand(32, 1, 28, 28)).shape
    torch.Size([32, 10])
    >>> network.conv2.weight.shape
    torch.Size([32, 16, 5, 5])
    """

    def __init__(
        self,
        channels: Sequence[int] = (16, 32, 64),
        kernel_sizes: Sequence[int] = (5, 5, 3),
        classes: int = 10,
        *,
        in_channels: int = 1,
        image_size: tuple[int, int] = (28, 28),
        batch_norm: bool = True,
        pooling: str = "max",
        dropout: float = 0.0,
        channels_last: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check_positive("class, channel or pixel", [classes, in_channels, *channels, *image_size])
        if len(channels) != len(kernel_sizes) or not channels:
            raise ValueError(
                f"expected a kernel size for each of one or more stages, got {list(channels)} "
                f"channels and kernel sizes {list(kernel_sizes)}"
            )
        if pooling not in ("max", "average"):
            raise ValueError(f"expected pooling max or average, got {pooling!r}")
        left = [side >> len(channels) for side in image_size]
        if min(left) < 1:
            raise ValueError(
                f"expected pictures that can be halved {len(channels)} times, got {image_size}"
            )
        self.in_channels, self.image_size = in_channels, tuple(image_size)
        self.stages = len(channels)
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        maps = [in_channels, *channels]
        for stage, (n_in, n_out) in enumerate(pairwise(maps), 1):
            size = kernel_sizes[stage - 1]
            layer = convolution(n_in, n_out, size, bias=not batch_norm, generator=generator)
            self.add_module(f"conv{stage}", layer)
            self.add_module(
                f"pool{stage}", nn.MaxPool2d(2) if pooling == "max" else nn.AvgPool2d(2)
            )
            if batch_norm:
                self.add_module(f"norm{stage}", nn.BatchNorm2d(n_out, device=layer.weight.device))
            self.add_module(f"relu{stage}", nn.ReLU())
        self.flatten = nn.Flatten()
        if dropout:
            self.dropout = Dropout(dropout, generator)
        self.linear = nn.utils.skip_init(
            nn.Linear, channels[-1] * prod(left), classes, device=layer.weight.device
        )
        initialize_convolutions_(self, "he", generator)
        lay_out_(self, self.memory_format)

    def forward(self, images: Tensor) -> Tensor:
        """Logits, shape (N, classes), of pictures of shape (N, in_channels, height, width)."""
        check_images(images, self.in_channels, self.image_size)
        return super().forward(images.contiguous(memory_format=self.memory_format))


def convolution(
    n_in: int,
    n_out: int,
    size: int,
    *,
    stride: int = 1,
    padding: int | None = None,
    bias: bool = True,
    generator: torch.Generator | None = None,
) -> nn.Conv2d:
    """A convolution whose weights are still to be drawn; by default it keeps height and width."""
    if padding is None and (size < 1 or size % 2 == 0):
        raise ValueError(f"expected an odd kernel size, got {size}")
    device = torch.get_default_device() if generator is None else generator.device
    # skip_init: torch's own initial weights would use up global random numbers
    return nn.utils.skip_init(
        nn.Conv2d,
        n_in,
        n_out,
        size,
        stride=stride,
        padding=size // 2 if padding is None else padding,
        bias=bias,
        device=device,
    )


def lay_out_(module: nn.Module, memory_format: torch.memory_format) -> None:
    """Have all kernels in this order in memory, as ``module.to(memory_format=...)``."""
    for parameter in module.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=memory_format)


@torch.no_grad()
def initialize_convolutions_(
    module: nn.Module, scheme: str = "he", generator: torch.Generator | None = None
) -> nn.Module:
    """Draw the weights of every convolution and linear layer anew, in place; biases become 0.

    Parameters
    ----------
    module : nn.Module
    scheme : str
        The variance is that of ``deepbook.feedforward.weight_variance``; fan-in is the number of
        weights that make one output. The last linear layer, whose outputs no ReLU follows, gets
        the variance of ``lecun``.
    generator : torch.Generator, optional
        On the device of the weights; the global one if not given.

    Returns
    -------
    nn.Module
        The same module.

    Raises
    ------
    ValueError
        If there is no such scheme, or no such layer in the module.
    """
    layers = [m for m in module.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    if not layers:
        raise ValueError(
            f"expected a module with convolutions or linear layers, got {type(module).__name__}"
        )
    for layer in layers:
        fan_in, fan_out = layer.weight[0].numel(), layer.weight.numel() // layer.weight.shape[1]
        variance = weight_variance(scheme, fan_in, fan_out)
        if layer is layers[-1] and isinstance(layer, nn.Linear):
            variance = weight_variance("lecun", fan_in, fan_out)
        layer.weight.normal_(0, variance**0.5, generator=generator)
        if layer.bias is not None:
            layer.bias.zero_()
    return module


def check_positive(what: str, counts: Sequence[int]) -> None:
    """Raise unless all are 1 or more."""
    if min(counts, default=1) < 1:
        raise ValueError(f"expected one {what} or more, got {list(counts)}")


def check_images(images: Tensor, channels: int, size: Sequence[int] = ()) -> None:
    """Raise unless pictures have so many channels, and this height and width where it is given."""
    expected = (channels, *size)
    if images.ndim != 4 or tuple(images.shape[1 : 1 + len(expected)]) != expected:
        named = ", ".join(map(str, size)) if size else "height, width"
        raise ValueError(
            f"expected pictures of shape (N, {channels}, {named}), got {tuple(images.shape)}"
        )
