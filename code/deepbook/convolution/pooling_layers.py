"""Pooling: a summary of each window, of each map, or of groups of channels."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

__all__ = [
    "ChannelMaxPool",
    "average_pool2d",
    "channel_max_pool",
    "global_average_pool",
    "global_max_pool",
    "lp_pool2d",
    "max_pool2d",
    "pool2d_loops",
    "pooling_windows",
    "stochastic_pool2d",
]

Size = int | tuple[int, int]


def _pair(value: Size) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def pooling_windows(
    x: Tensor, size: Size, stride: Size | None = None, padding: Size = 0, fill: float = 0.0
) -> Tensor:
    """All windows that pooling looks at, each as a row.

    Parameters
    ----------
    x : Tensor, shape (..., H, W)
    size : int or (int, int)
        Height and width of a window.
    stride : int or (int, int), optional
        ``size`` if not given: windows side by side.
    padding : int or (int, int)
        Rows and columns added on each side, at most half of a window.
    fill : float
        What stands there.

    Returns
    -------
    Tensor, shape (..., H', W', height * width)
        With ``H' = (H + 2 padding - height) // stride + 1``, and W' alike.

    Raises
    ------
    ValueError
        If sizes are not positive, the padding exceeds half a window, or no window fits.
    """
    (height, width), (down, right) = _pair(size), _pair(size if stride is None else stride)
    rows, columns = _pair(padding)
    if x.ndim < 2:
        raise ValueError(f"expected an input of shape (..., H, W), got {tuple(x.shape)}")
    if min(height, width, down, right) < 1:
        raise ValueError(f"expected a positive size and stride, got {size} and {stride}")
    if min(rows, columns) < 0 or rows > height // 2 or columns > width // 2:
        raise ValueError(f"expected a padding of at most half of {size}, got {padding}")
    if x.shape[-2] + 2 * rows < height or x.shape[-1] + 2 * columns < width:
        raise ValueError(f"expected at least {(height, width)}, got {tuple(x.shape[-2:])}")
    padded = pad(x, (columns, columns, rows, rows), value=fill)
    return padded.unfold(-2, height, down).unfold(-2, width, right).flatten(-2)


def max_pool2d(x: Tensor, size: Size, stride: Size | None = None, padding: Size = 0) -> Tensor:
    """The largest entry of each window, as torch's (Goodfellow et al. 2016, section 9.3).

    Padding never wins. In a tie, the gradient goes to the first entry in reading order.

    Parameters
    ----------
    x : Tensor, shape (..., H, W), floating point
    size, stride, padding
        As in ``pooling_windows``.

    Returns
    -------
    Tensor, shape (..., H', W')
    """
    windows = pooling_windows(x, size, stride, padding, -torch.inf)
    # not amax, which shares the gradient among equals
    return windows.gather(-1, windows.argmax(-1, keepdim=True))[..., 0]


def average_pool2d(
    x: Tensor,
    size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    *,
    count_padding: bool = True,
) -> Tensor:
    """The mean of each window, as torch's.

    Parameters
    ----------
    x : Tensor, shape (..., H, W), floating point
    size, stride, padding
        As in ``pooling_windows``.
    count_padding : bool
        Whether the zeros of the padding are part of the mean (torch's ``count_include_pad``).

    Returns
    -------
    Tensor, shape (..., H', W')
    """
    windows = pooling_windows(x, size, stride, padding)
    if count_padding:
        return windows.mean(-1)
    there = pooling_windows(torch.ones_like(x), size, stride, padding)
    return windows.sum(-1) / there.sum(-1)


def lp_pool2d(
    x: Tensor,
    size: Size,
    stride: Size | None = None,
    *,
    p: float = 2.0,
    mean: bool = False,
) -> Tensor:
    """The p-norm of each window, ``(sum |x|^p)^(1/p)``.

    This sum is torch's convention. With ``mean`` the sum is divided by the size of the window, so
    that windows of equal entries give that entry: 1 is then the mean, large p nears the maximum
    (of absolute values). Torch takes no absolute values, so for odd p it agrees with this function
    only where no entry is negative.

    Parameters
    ----------
    x : Tensor, shape (..., H, W), floating point
    size, stride
        As in ``pooling_windows``.
    p : float
        At least 1.
    mean : bool

    Returns
    -------
    Tensor, shape (..., H', W')
        The gradient of a window of zeros is zero.
    """
    if p < 1:
        raise ValueError(f"expected a p of at least 1, got {p}")
    powers = pooling_windows(x, size, stride).abs().pow(p)
    total = powers.mean(-1) if mean else powers.sum(-1)
    empty = total == 0
    # the root has an infinite slope at 0: put a 1 there, and take it away after
    return torch.where(empty, torch.ones_like(total), total).pow(1 / p) * ~empty


def stochastic_pool2d(
    x: Tensor,
    size: Size,
    stride: Size | None = None,
    *,
    training: bool = True,
    generator: torch.Generator | None = None,
) -> Tensor:
    """One entry of each window, drawn with a probability in proportion to it.

    In evaluation it is the mean under these probabilities (Zeiler and Fergus 2013).

    Parameters
    ----------
    x : Tensor, shape (..., H, W), no entry negative
    size, stride
        As in ``pooling_windows``.
    training : bool
    generator : torch.Generator, optional
        The global one if not given.

    Returns
    -------
    Tensor, shape (..., H', W')
        0 for a window of zeros.
    """
    if bool((x < 0).any()):
        raise ValueError(f"expected no negative entries, got {float(x.min()):g}")
    windows = pooling_windows(x, size, stride)
    total = windows.sum(-1, keepdim=True)
    chances = torch.where(total > 0, windows / total.clamp_min(torch.finfo(x.dtype).tiny), 1.0)
    if not training:
        return (chances * windows).sum(-1)
    rows = chances.detach().flatten(0, -2)
    drawn = torch.multinomial(rows, 1, generator=generator).view(*chances.shape[:-1], 1)
    return windows.gather(-1, drawn)[..., 0]


def global_max_pool(x: Tensor) -> Tensor:
    """The largest entry of each map: (..., H, W) to (...), whatever H and W are."""
    return max_pool2d(x, (x.shape[-2], x.shape[-1]))[..., 0, 0]


def global_average_pool(x: Tensor) -> Tensor:
    """The mean of each map: (..., H, W) to (...), whatever H and W are."""
    return x.mean((-2, -1))


def channel_max_pool(x: Tensor, size: int) -> Tensor:
    """The largest of every ``size`` consecutive channels, a maxout over detectors.

    If the detectors of a group answer to turned copies of one pattern, the group answers to the
    pattern however it is turned (Goodfellow et al. 2016, figure 9.9).

    Parameters
    ----------
    x : Tensor, shape (N, C, ...)
    size : int
        Divides C.

    Returns
    -------
    Tensor, shape (N, C / size, ...)
    """
    if size < 1 or x.ndim < 2 or x.shape[1] % size:
        raise ValueError(f"expected groups of {size} channels, got an input {tuple(x.shape)}")
    return x.unflatten(1, (-1, size)).max(2).values


class ChannelMaxPool(nn.Module):
    """``channel_max_pool`` as a layer.

    Parameters
    ----------
    size : int
        Channels of a group.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        if size < 1:
            raise ValueError(f"expected a positive group size, got {size}")
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """The largest of each group of channels."""
        return channel_max_pool(x, self.size)

    def extra_repr(self) -> str:
        """What ``repr`` shows."""
        return f"size={self.size}"


def pool2d_loops(
    x: Tensor,
    size: Size,
    stride: Size | None = None,
    *,
    kind: Literal["max", "average", "lp"] = "max",
    p: float = 2.0,
) -> Tensor:
    """Pooling as the formula reads, window after window and without padding.

    Parameters
    ----------
    x : Tensor, shape (H, W)
    size, stride
        As in ``pooling_windows``.
    kind : "max", "average" or "lp"
    p : float
        Of ``"lp"``.

    Returns
    -------
    Tensor, shape (H', W')
    """
    if x.ndim != 2:
        raise ValueError(f"expected one map of shape (H, W), got {tuple(x.shape)}")
    (height, width), (down, right) = _pair(size), _pair(size if stride is None else stride)
    rows = []
    for i in range(0, x.shape[0] - height + 1, down):
        row = []
        for j in range(0, x.shape[1] - width + 1, right):
            window = [x[i + k, j + m] for k in range(height) for m in range(width)]
            if kind == "max":
                row.append(max(window))
            elif kind == "average":
                row.append(sum(window, x.new_zeros(())) / len(window))
            elif kind == "lp":
                row.append(sum((abs(entry) ** p for entry in window), x.new_zeros(())) ** (1 / p))
            else:
                raise ValueError(f"expected 'max', 'average' or 'lp', got {kind!r}")
        rows.append(torch.stack(row))
    return torch.stack(rows)
