"""Conjugate gradients: directions that do not undo each other."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from deepbook.optimization.line_search import LineSearch, strong_wolfe
from deepbook.optimization.line_search_descent import minimize
from deepbook.optimization.minimization import Function, Minimization

__all__ = [
    "ConjugateGradient",
    "LinearSolution",
    "conjugate_gradient",
    "nonlinear_conjugate_gradient",
]


@dataclass(frozen=True)
class LinearSolution:
    """A solution of ``A x = b`` and the way to it.

    Attributes
    ----------
    point : Tensor, shape (n,)
    points : list of Tensor
        The start, and after each step.
    residual_norms : list of float
        Lengths of ``b - A x`` at these points, as the recurrence has them.
    converged : bool
    """

    point: Tensor
    points: list[Tensor]
    residual_norms: list[float]
    converged: bool


def conjugate_gradient(
    product: Callable[[Tensor], Tensor],
    b: Tensor,
    start: Tensor | None = None,
    *,
    max_steps: int | None = None,
    tolerance: float = 1e-10,
) -> LinearSolution:
    """Solve ``A x = b``, or minimize ``x'Ax/2 - b'x`` (Hestenes and Stiefel 1952).

    In exact arithmetic it needs at most n steps, and as many as ``A`` has different eigenvalues.

    Parameters
    ----------
    product : callable
        ``product(v)`` is ``A v`` for a symmetric positive definite ``A``.
    b : Tensor, shape (n,)
    start : Tensor, shape (n,), optional
        Zero if not given.
    max_steps : int, optional
        n if not given.
    tolerance : float
        For the length of the residual, as a part of that of ``b``.

    Returns
    -------
    LinearSolution

    Raises
    ------
    ValueError
        If ``b`` is no vector, or a direction shows that ``A`` is not positive definite.
    """
    if b.ndim != 1:
        raise ValueError(f"expected a vector b, got shape {tuple(b.shape)}")
    x = b.new_zeros(len(b)) if start is None else start.clone()
    residual = b - product(x)
    direction = residual
    square = float(residual @ residual)
    points, norms = [x], [math.sqrt(square)]
    goal = tolerance * float(b.norm())
    for _ in range(len(b) if max_steps is None else max_steps):
        if norms[-1] <= goal:
            break
        image = product(direction)
        curvature = float(direction @ image)
        if not curvature > 0:
            raise ValueError(f"expected a positive definite matrix, got curvature {curvature:g}")
        rate = square / curvature
        x = x + rate * direction
        residual = residual - rate * image
        square, before = float(residual @ residual), square
        direction = residual + square / before * direction
        points.append(x)
        norms.append(math.sqrt(square))
    return LinearSolution(x, points, norms, norms[-1] <= goal)


class ConjugateGradient:
    """The rule of nonlinear conjugate gradients (Goodfellow et al. 2016, algorithm 8.9).

    ``d <- -g + beta * d`` with beta by Fletcher and Reeves, ``g.g / g_.g_`` (equation 8.30), or by
    Polak and Ribiere, ``(g - g_).g / g_.g_`` (equation 8.31), which is taken as 0 when negative:
    then the method begins anew by itself.

    Parameters
    ----------
    beta : str
        ``polak-ribiere`` or ``fletcher-reeves``.
    restart_every : int, optional
        Begin anew after so many steps; n if not given.

    Raises
    ------
    ValueError
        If there is no such beta, or the restart is less than 1.
    """

    BETAS = ("fletcher-reeves", "polak-ribiere")

    def __init__(self, beta: str = "polak-ribiere", restart_every: int | None = None) -> None:
        if beta not in self.BETAS:
            raise ValueError(f"expected a beta among {', '.join(self.BETAS)}, got {beta!r}")
        if restart_every is not None and restart_every < 1:
            raise ValueError(f"expected a restart after 1 step or more, got {restart_every}")
        self.beta, self.restart_every = beta, restart_every
        self.forget()

    def forget(self) -> None:
        """Begin anew with the negative gradient."""
        self.last_gradient: Tensor | None = None
        self.last_direction: Tensor | None = None
        self.taken = 0

    def direction(self, gradient: Tensor) -> Tensor:
        """The negative gradient, and a share of the last direction."""
        if self.taken == (self.restart_every or len(gradient)):
            self.forget()
        direction = -gradient
        if self.last_gradient is not None and self.last_direction is not None:
            change = gradient if self.beta == "fletcher-reeves" else gradient - self.last_gradient
            share = float(change @ gradient) / float(self.last_gradient @ self.last_gradient)
            direction = direction + max(share, 0.0) * self.last_direction
        self.last_gradient, self.last_direction = gradient, direction
        self.taken += 1
        return direction

    def learn(self, step: Tensor, change: Tensor) -> None:
        """Nothing: the gradients say all."""


def nonlinear_conjugate_gradient(
    f: Function,
    start: Tensor,
    *,
    beta: str = "polak-ribiere",
    restart_every: int | None = None,
    line_search: LineSearch | None = None,
    max_steps: int = 1000,
    tolerance: float = 1e-6,
) -> Minimization:
    """Minimize a function by conjugate gradients.

    Parameters
    ----------
    f, start, max_steps, tolerance
        As for ``minimize``.
    beta, restart_every
        As for ``ConjugateGradient``.
    line_search : callable, optional
        ``strong_wolfe`` with ``c2`` 0.1 if not given; ``secant`` is exact on a quadratic, which
        then takes at most n steps.

    Returns
    -------
    Minimization
        Its ``restarts`` are those forced by a direction that did not descend.

    Raises
    ------
    ValueError
        As ``minimize`` and ``ConjugateGradient``.
    """
    return minimize(
        f,
        start,
        ConjugateGradient(beta, restart_every),
        line_search=partial(strong_wolfe, c2=0.1) if line_search is None else line_search,
        max_steps=max_steps,
        tolerance=tolerance,
    )
