"""The gradients of pooling with respect to its input, by hand."""

import torch
from torch import Tensor

from deepbook.convolution.pooling_layers import Size, pooling_windows

__all__ = ["average_pool2d_gradient", "lp_pool2d_gradient", "max_pool2d_gradient"]


def _put_back(
    shares: Tensor, x: Tensor, size: Size, stride: Size | None, padding: Size = 0
) -> Tensor:
    """Add up what the windows send to each entry; what goes to the padding is lost."""
    places = torch.arange(1, x.shape[-2] * x.shape[-1] + 1, device=x.device)
    # which entry stands where in which window: 0 is the padding
    places = pooling_windows(
        places.view(x.shape[-2:]).to(torch.float64), size, stride, padding
    ).long()
    total = shares.new_zeros(*x.shape[:-2], x.shape[-2] * x.shape[-1] + 1)
    total.scatter_add_(-1, places.flatten().expand(*x.shape[:-2], -1), shares.flatten(-3))
    return total[..., 1:].view_as(x)


def _check(upstream: Tensor, windows: Tensor) -> None:
    if upstream.shape != windows.shape[:-1]:
        raise ValueError(
            f"expected a gradient of shape {tuple(windows.shape[:-1])}, got {tuple(upstream.shape)}"
        )


def max_pool2d_gradient(
    upstream: Tensor, x: Tensor, size: Size, stride: Size | None = None, padding: Size = 0
) -> Tensor:
    """The gradient goes to the entry that won, in a tie to the first in reading order.

    Parameters
    ----------
    upstream : Tensor, shape (..., H', W')
        Gradient of the loss with respect to the pooled values.
    x : Tensor, shape (..., H, W)
    size, stride, padding
        As in ``pooling_windows``.

    Returns
    -------
    Tensor, shape (..., H, W)
    """
    windows = pooling_windows(x, size, stride, padding, -torch.inf)
    _check(upstream, windows)
    shares = torch.zeros_like(windows)
    shares.scatter_(-1, windows.argmax(-1, keepdim=True), upstream[..., None])
    return _put_back(shares, x, size, stride, padding)


def average_pool2d_gradient(
    upstream: Tensor, x: Tensor, size: Size, stride: Size | None = None, padding: Size = 0
) -> Tensor:
    """Each entry of a window of n gets an n-th of the gradient, the padding too.

    Parameters
    ----------
    upstream : Tensor, shape (..., H', W')
    x : Tensor, shape (..., H, W)
    size, stride, padding
        As in ``pooling_windows``.

    Returns
    -------
    Tensor, shape (..., H, W)
    """
    windows = pooling_windows(x, size, stride, padding)
    _check(upstream, windows)
    shares = (upstream[..., None] / windows.shape[-1]).expand_as(windows)
    return _put_back(shares, x, size, stride, padding)


def lp_pool2d_gradient(
    upstream: Tensor,
    x: Tensor,
    size: Size,
    stride: Size | None = None,
    *,
    p: float = 2.0,
    mean: bool = False,
) -> Tensor:
    """With ``y = (sum |x|^p)^(1/p)``, an entry's share is ``sign(x) (|x| / y)^(p - 1)``.

    Parameters
    ----------
    upstream : Tensor, shape (..., H', W')
    x : Tensor, shape (..., H, W)
    size, stride
        As in ``pooling_windows``.
    p : float
    mean : bool
        Whether the sum was divided by the window's size.

    Returns
    -------
    Tensor, shape (..., H, W)
        0 where a whole window is 0.
    """
    windows = pooling_windows(x, size, stride)
    _check(upstream, windows)
    norm = windows.abs().pow(p).sum(-1, keepdim=True).pow(1 / p)
    ratio = windows.abs() / torch.where(norm > 0, norm, 1.0)
    shares = upstream[..., None] * windows.sign() * ratio.pow(p - 1)
    if mean:
        shares = shares * windows.shape[-1] ** (-1 / p)
    return _put_back(shares, x, size, stride)
