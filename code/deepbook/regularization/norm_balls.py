"""Norms held under a bound: projections, max-norm, and the multiplier that equals a penalty."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.optim import Optimizer

from deepbook.regularization.checks import check_not_negative, check_positive
from deepbook.regularization.quadratics import l2_minimum

__all__ = [
    "BallMinimum",
    "after_each_step",
    "ball_minimum",
    "max_norm_",
    "project_to_ball",
]

NORMS = ("l1", "l2", "linf")


def project_to_ball(x: Tensor, radius: float, norm: str = "l2") -> Tensor:
    """The nearest point whose norm is at most ``radius``, for each vector along the last axis.

    Parameters
    ----------
    x : Tensor, shape (..., D)
    radius : float
    norm : {"l2", "l1", "linf"}
        L1 by the sorting of Duchi et al. (2008): a soft threshold, as high as it must be.

    Returns
    -------
    Tensor, shape of ``x``
        What lies inside is left as it is.

    Raises
    ------
    ValueError
        If the radius is negative or the norm unknown.
    """
    check_not_negative("a radius", radius)
    check_norm(norm, NORMS)
    if norm == "linf":
        return x.clamp(-radius, radius)
    length = torch.linalg.vector_norm(x, 2 if norm == "l2" else 1, dim=-1, keepdim=True)
    if norm == "l2":
        return torch.where(length > radius, x * (radius / length), x)
    sizes = x.abs().sort(dim=-1, descending=True).values
    counts = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype, device=x.device)
    thresholds = (sizes.cumsum(-1) - radius) / counts
    # the last place whose entry stays above the threshold that it implies
    last = (sizes > thresholds).sum(-1, keepdim=True).clamp(min=1) - 1
    shrunk = x.sign() * (x.abs() - thresholds.gather(-1, last)).clamp(min=0)
    return torch.where(length > radius, shrunk, x)


@torch.no_grad()
def max_norm_(weights: Iterable[Tensor], radius: float, *, dim: int | tuple[int, ...] = -1) -> None:
    """Shorten, in place, the incoming weights of each unit to an L2 norm of at most ``radius``.

    Goodfellow et al. (2016), section 7.2; Srebro and Shraibman (2005). Each unit has a bound of
    its own, which keeps one from growing at the cost of others.

    Parameters
    ----------
    weights : iterable of Tensor
        ``weights_of(model)``: without the biases.
    radius : float
    dim : int or tuple of int
        Along which a unit's incoming weights lie: the last for ``nn.Linear``, (1, 2, 3) for
        ``nn.Conv2d``.
    """
    check_positive("a radius", radius)
    for weight in weights:
        length = torch.linalg.vector_norm(weight, dim=dim, keepdim=True)
        weight.copy_(torch.where(length > radius, weight * (radius / length), weight))


def after_each_step(optimizer: Optimizer, change: Callable[[], None]) -> Optimizer:
    """Have an optimizer call ``change`` after each of its steps, and return it.

    A projection makes it projected gradient descent: ``after_each_step(optimizer, lambda:
    max_norm_(weights_of(model), 3.0))``. So it goes into ``fit``, and with the parameters that it
    is called with into ``fit_many``.
    """

    def hook(optimizer: Optimizer, arguments: object, keywords: object) -> None:
        change()

    optimizer.register_step_post_hook(hook)
    return optimizer


class BallMinimum(NamedTuple):
    """The best weight (D,) within a ball, and the multiplier of its bound: 0 if it lies inside."""

    weight: Tensor
    multiplier: float


def ball_minimum(hessian: Tensor, optimum: Tensor, radius: float) -> BallMinimum:
    """Minimise ``(w - w*)^T H (w - w*) / 2`` subject to ``|w| <= radius``.

    By the KKT conditions ``H (w - w*) + multiplier w = 0``: this is the minimum with an L2 penalty
    of strength ``multiplier`` (section 7.2, eq. 7.28), which is found by bisection.

    Parameters
    ----------
    hessian : Tensor, shape (D, D)
        Symmetric, without negative eigenvalues.
    optimum : Tensor, shape (D,)
    radius : float

    Returns
    -------
    BallMinimum
        Where the Hessian is flat in some direction and the optimum far out, the shortest of the
        minima.
    """
    check_positive("a radius", radius)
    if float(torch.linalg.vector_norm(optimum)) <= radius:
        return BallMinimum(optimum.clone(), 0.0)
    slope = float(torch.linalg.vector_norm(hessian @ optimum))

    def excess(multiplier: float) -> float:
        weight = l2_minimum(hessian, optimum, multiplier)
        return float(torch.linalg.vector_norm(weight)) - radius

    # |w| is at most |H w*| / multiplier, and falls with the multiplier
    low, high = 0.0, slope / radius
    tiny = torch.finfo(hessian.dtype).eps * float(torch.linalg.matrix_norm(hessian, 2))
    if high <= tiny or excess(tiny) <= 0:
        flat = torch.linalg.pinv(hessian, hermitian=True) @ (hessian @ optimum)
        return BallMinimum(flat, 0.0)
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return BallMinimum(l2_minimum(hessian, optimum, high), high)


def check_norm(norm: str, known: tuple[str, ...]) -> None:
    """Raise ``ValueError`` unless the norm is one of those known."""
    if norm not in known:
        raise ValueError(f"expected a norm among {', '.join(known)}, got {norm!r}")
