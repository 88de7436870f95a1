"""Continuation: from an easy problem to the one that was meant."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

__all__ = ["continuation", "gaussian_smoothed"]

Function = Callable[[Tensor], Tensor]


def gaussian_smoothed(
    f: Function,
    sigma: float,
    size: int,
    *,
    draws: int = 100,
    generator: torch.Generator | None = None,
    dtype: torch.dtype = torch.float64,
) -> Function:
    """A function blurred by a Gaussian (Goodfellow et al. 2016, equation 8.40).

    The mean of ``f`` over points around ``x``. Blurring takes narrow hollows away first: a cosine
    of wave number k shrinks by ``exp(-k^2 sigma^2 / 2)``, and a quadratic is only lifted.

    Parameters
    ----------
    f : callable
        Of points, shape (..., n), gives values, shape (...).
    sigma : float
        The deviation; with 0 the function is ``f``.
    size : int
        n.
    draws : int
        Points, in pairs on opposite sides; drawn once, so that the result is a smooth function.
    generator : torch.Generator, optional
        A CPU generator; the global one if not given.
    dtype : torch.dtype

    Returns
    -------
    callable
        Of points, shape (..., n), gives values, shape (...).

    Raises
    ------
    ValueError
        If sigma is negative, or there is no pair to draw.
    """
    if not 0 <= sigma < math.inf or draws < 2:
        raise ValueError(f"expected sigma >= 0 and two draws or more, got {sigma} and {draws}")
    if sigma == 0:
        return f
    half = torch.randn(draws // 2, size, generator=generator, dtype=dtype)
    offsets = sigma * torch.cat([half, -half])

    def smoothed(x: Tensor) -> Tensor:
        return f(x[..., None, :] + offsets.to(x)).mean(-1)

    return smoothed


def continuation(
    minimizer: Callable[[Function, Tensor], Tensor], family: Iterable[Function], start: Tensor
) -> list[Tensor]:
    """Minimize one function after the other, each from where the last one ended (section 8.7.6).

    Parameters
    ----------
    minimizer : callable
        ``minimizer(f, x)`` returns a better point, shape (n,).
    family : iterable of callable
        The easiest first; the last is the one that was meant.
    start : Tensor, shape (n,)

    Returns
    -------
    list of Tensor
        The start, and where each ended.

    Raises
    ------
    ValueError
        If there is no function.
    """
    points = [start]
    for f in family:
        points.append(minimizer(f, points[-1]))
    if len(points) == 1:
        raise ValueError("expected one function or more, got none")
    return points
