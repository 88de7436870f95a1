"""Proximal steps: descend on what is smooth, then move by the rule of the penalty."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from deepbook.regularization.checks import check_not_negative, check_positive

__all__ = ["elastic_net_prox", "fista", "ista", "proximal_step_", "soft_threshold"]


def soft_threshold(x: Tensor, threshold: Tensor | float) -> Tensor:
    """Move every entry towards zero by ``threshold``, and to zero what is closer than that.

    The minimum of ``(w - x)^2 / 2 + threshold |w|`` (Goodfellow et al. 2016, eq. 7.23, where the
    Hessian is the identity).
    """
    return torch.sign(x) * (x.abs() - threshold).clamp(min=0)


def elastic_net_prox(x: Tensor, step: float, *, l1: float = 0.0, l2: float = 0.0) -> Tensor:
    """The minimum of ``|w - x|^2 / (2 step) + l1 |w|_1 + l2 |w|^2 / 2``, entry by entry.

    Parameters
    ----------
    x : Tensor, any shape
    step : float
        How far a gradient step went: the learning rate.
    l1, l2 : float
        Strengths of the two penalties.

    Returns
    -------
    Tensor, shape of ``x``

    Raises
    ------
    ValueError
        If the step is not positive or a strength is negative.
    """
    check_positive("a step", step)
    check_not_negative("an L1 strength", l1)
    check_not_negative("an L2 strength", l2)
    return soft_threshold(x, step * l1) / (1 + step * l2)


@torch.no_grad()
def proximal_step_(
    parameters: Iterable[Tensor], learning_rate: float, *, l1: float = 0.0, l2: float = 0.0
) -> None:
    """Apply ``elastic_net_prox`` in place, after a gradient step of ``learning_rate``.

    So L1 gives exact zeros, which a gradient step on ``|w|`` never does. Give it the weights
    alone: ``weights_of(model)``.
    """
    for parameter in parameters:
        parameter.copy_(elastic_net_prox(parameter, learning_rate, l1=l1, l2=l2))


def ista(step: Callable[[Tensor], Tensor], start: Tensor, steps: int) -> Tensor:
    """Repeat a proximal step; the loss falls in every one, like ``1 / steps``.

    Parameters
    ----------
    step : callable
        From a point to the next: a gradient step on the smooth part, no longer than one over its
        largest curvature, then the proximal step of the penalty.
    start : Tensor
    steps : int
    """
    for _ in range(steps):
        start = step(start)
    return start


def fista(step: Callable[[Tensor], Tensor], start: Tensor, steps: int) -> Tensor:
    """The same with momentum: from a point ahead of where one is (Beck and Teboulle 2009).

    The loss falls like ``1 / steps^2``, though not in every step. Parameters as for ``ista``.
    """
    point = ahead = start
    pace = 1.0
    for _ in range(steps):
        new = step(ahead)
        next_pace = (1 + (1 + 4 * pace**2) ** 0.5) / 2
        ahead = new + (pace - 1) / next_pace * (new - point)
        point, pace = new, next_pace
    return point
