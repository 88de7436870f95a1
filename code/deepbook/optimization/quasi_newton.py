"""Quasi-Newton methods: the inverse Hessian, learned from the gradients on the way."""

from collections import deque

import torch
from torch import Tensor

from deepbook.optimization.line_search import LineSearch, strong_wolfe
from deepbook.optimization.line_search_descent import minimize
from deepbook.optimization.minimization import Function, Minimization

__all__ = ["BFGS", "LBFGS", "bfgs", "lbfgs"]


class BFGS:
    """The rule of Broyden, Fletcher, Goldfarb and Shanno (Goodfellow et al. 2016, 8.6.3).

    Keeps an n by n estimate of the inverse Hessian, which always maps the last change of the
    gradient to the last step.

    Attributes
    ----------
    inverse_hessian : Tensor, shape (n, n), or None
        None before the first step.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.inverse_hessian: Tensor | None = None

    def direction(self, gradient: Tensor) -> Tensor:
        """The negative gradient, mapped by the estimated inverse Hessian."""
        if self.inverse_hessian is None:
            return -gradient
        return -(self.inverse_hessian @ gradient)

    def learn(self, step: Tensor, change: Tensor) -> None:
        """Update the estimate; a pair without positive curvature teaches nothing."""
        curvature = step @ change
        if not _teaches(step, change):
            return
        identity = torch.eye(len(step), dtype=step.dtype, device=step.device)
        if self.inverse_hessian is None:  # the size that the first pair tells
            self.inverse_hessian = curvature / (change @ change) * identity
        # Nocedal and Wright (2006), equation 6.17
        left = identity - torch.outer(step, change) / curvature
        self.inverse_hessian = (
            left @ self.inverse_hessian @ left.T + torch.outer(step, step) / curvature
        )


class LBFGS:
    """The rule of limited-memory BFGS (Goodfellow et al. 2016, 8.6.3; Nocedal 1980).

    Keeps the last pairs of steps and gradient changes, and maps by them in two loops. With room
    for all pairs it is BFGS that begins each step from a scaled identity.

    Parameters
    ----------
    memory : int
        How many pairs are kept.

    Raises
    ------
    ValueError
        If that is less than 1.
    """

    def __init__(self, memory: int = 10) -> None:
        if memory < 1:
            raise ValueError(f"expected a memory of 1 pair or more, got {memory}")
        self.pairs: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=memory)

    def forget(self) -> None:
        """Begin anew."""
        self.pairs.clear()

    def direction(self, gradient: Tensor) -> Tensor:
        """The negative gradient, mapped by the pairs (Nocedal and Wright 2006, algorithm 7.4)."""
        q, shares = gradient.clone(), []
        for step, change, curvature in reversed(self.pairs):
            share = float(step @ q) / curvature
            shares.append(share)
            q -= share * change
        if self.pairs:
            _, change, curvature = self.pairs[-1]
            q *= curvature / float(change @ change)
        for (step, change, curvature), share in zip(self.pairs, reversed(shares), strict=True):
            q += (share - float(change @ q) / curvature) * step
        return -q

    def learn(self, step: Tensor, change: Tensor) -> None:
        """Keep a pair; one without positive curvature teaches nothing."""
        if _teaches(step, change):
            self.pairs.append((step, change, float(step @ change)))


def bfgs(
    f: Function,
    start: Tensor,
    *,
    line_search: LineSearch = strong_wolfe,
    max_steps: int = 1000,
    tolerance: float = 1e-6,
) -> Minimization:
    """Minimize a function by BFGS.

    Parameters, result, errors
        As for ``minimize``.
    """
    return minimize(
        f,
        start,
        BFGS(),
        line_search=line_search,
        unit_steps=True,
        max_steps=max_steps,
        tolerance=tolerance,
    )


def lbfgs(
    f: Function,
    start: Tensor,
    *,
    memory: int = 10,
    line_search: LineSearch = strong_wolfe,
    max_steps: int = 1000,
    tolerance: float = 1e-6,
) -> Minimization:
    """Minimize a function by limited-memory BFGS.

    Parameters, result, errors
        As for ``minimize`` and ``LBFGS``.
    """
    return minimize(
        f,
        start,
        LBFGS(memory),
        line_search=line_search,
        unit_steps=True,
        max_steps=max_steps,
        tolerance=tolerance,
    )


def _teaches(step: Tensor, change: Tensor) -> bool:
    return bool(step @ change > 1e-12 * step.norm() * change.norm())
