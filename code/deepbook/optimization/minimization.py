"""Descent along directions: the loop that line-search methods share, and its record."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from deepbook.optimization.line_search import (
    LineSearch,
    LineSearchError,
    Trial,
    strong_wolfe,
)

__all__ = ["Minimization", "SteepestDescent", "minimize", "value_and_gradient"]

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Minimization:
    """The way of a minimization, from its start (row 0) to where it ended.

    Attributes
    ----------
    points : Tensor, shape (steps + 1, n)
    values, gradient_norms : Tensor, shape (steps + 1,)
    rates : Tensor, shape (steps,)
        How many times its direction each step went.
    evaluations : int
        Of the function together with its gradient.
    restarts : int
        Where the direction did not descend and the negative gradient took its place.
    converged : bool
        Whether the gradient became as small as asked; else the steps ran out, or no step
        along the negative gradient could be told from rounding.
    """

    points: Tensor
    values: Tensor
    gradient_norms: Tensor
    rates: Tensor
    evaluations: int
    restarts: int
    converged: bool

    @property
    def point(self) -> Tensor:
        """Where it ended, shape (n,)."""
        return self.points[-1]

    @property
    def value(self) -> float:
        """The function there."""
        return float(self.values[-1])

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return len(self.rates)


class Rule(Protocol):
    """What tells where to go next from the gradients so far."""

    def direction(self, gradient: Tensor) -> Tensor:
        """The direction of the next step; the negative gradient where nothing is known yet."""

    def learn(self, step: Tensor, change: Tensor) -> None:
        """Take in a step and the change of the gradient over it."""

    def forget(self) -> None:
        """Begin anew."""


class SteepestDescent:
    """The rule that knows one direction: the negative gradient (Goodfellow et al. 2016, 4.3)."""

    def direction(self, gradient: Tensor) -> Tensor:
        """The negative gradient."""
        return -gradient

    def learn(self, step: Tensor, change: Tensor) -> None:
        """Nothing to learn."""

    def forget(self) -> None:
        """Nothing to forget."""


def value_and_gradient(f: Function, x: Tensor) -> tuple[float, Tensor]:
    """A function's value and gradient at a point.

    Raises
    ------
    ValueError
        If it returns more than one number.
    """
    point = x.detach().requires_grad_()
    with torch.enable_grad():
        value = f(point)
        if value.numel() != 1:
            raise ValueError(
                f"expected a function that returns one number, got shape {tuple(value.shape)}"
            )
        (gradient,) = torch.autograd.grad(value.reshape(()), point)
    return float(value.detach()), gradient


def minimize(
    f: Function,
    start: Tensor,
    rule: Rule | None = None,
    *,
    line_search: LineSearch = strong_wolfe,
    unit_steps: bool = False,
    max_steps: int = 1000,
    tolerance: float = 1e-6,
) -> Minimization:
    """Minimize a function by line searches along the directions of a rule.

    Parameters
    ----------
    f : callable
        Of a vector, returns one number. ``FlatLoss`` makes one of a network.
    start : Tensor, shape (n,), floating point
    rule : Rule, optional
        ``SteepestDescent`` if not given.
    line_search : callable
        ``strong_wolfe``, ``backtracking`` or ``secant``, or one of these with other settings
        (``functools.partial``).
    unit_steps : bool
        Whether a rate of 1 is the natural first guess, as for the methods of Newton's kind, from
        the second step on. Else the guess is what the last step gained.
    max_steps : int
    tolerance : float
        For the length of the gradient.

    Returns
    -------
    Minimization

    Raises
    ------
    ValueError
        If the start is no vector of floating-point numbers, or value or gradient are not finite
        there.
    """
    check_start(start)
    rule = SteepestDescent() if rule is None else rule
    evaluations = 0

    def along(point: Tensor, direction: Tensor) -> Callable[[float], Trial]:
        def trial(rate: float) -> Trial:
            nonlocal evaluations
            evaluations += 1
            value, gradient = value_and_gradient(f, point + rate * direction)
            return Trial(rate, value, float(gradient @ direction), gradient)

        return trial

    x = start.detach().clone()
    here = along(x, torch.zeros_like(x))(0.0)
    if not (math.isfinite(here.value) and bool(here.gradient.isfinite().all())):
        raise ValueError(f"expected a finite value and gradient at the start, got {here.value}")
    points, values, norms = [x], [here.value], [float(here.gradient.norm())]
    rates: list[float] = []
    restarts, gain, fresh = 0, 0.0, True  # fresh: the rule knows nothing yet
    while norms[-1] > tolerance and len(rates) < max_steps:
        direction = rule.direction(here.gradient)
        slope = float(direction @ here.gradient)
        if not slope < -1e-10 * float(direction.norm()) * norms[-1]:  # no descent, or NaN
            rule.forget()
            direction, restarts, fresh = rule.direction(here.gradient), restarts + 1, True
            slope = float(direction @ here.gradient)
        if unit_steps and not fresh:
            guess = 1.0
        elif gain > 0:
            guess = min(1.0, 2.02 * gain / -slope) if unit_steps else 2.02 * gain / -slope
        else:
            guess = min(1.0, 1 / float(here.gradient.abs().sum()))
        first = Trial(0.0, here.value, slope, here.gradient)
        try:
            there = line_search(along(x, direction), first, guess)
        except LineSearchError:
            if fresh:  # not even along the negative gradient
                break
            rule.forget()
            restarts, fresh = restarts + 1, True
            continue
        step = there.rate * direction
        rule.learn(step, there.gradient - here.gradient)
        gain, fresh = here.value - there.value, False
        x, here = x + step, there
        points.append(x)
        values.append(here.value)
        norms.append(float(here.gradient.norm()))
        rates.append(there.rate)
    return Minimization(
        points=torch.stack(points),
        values=torch.tensor(values, dtype=torch.float64),
        gradient_norms=torch.tensor(norms, dtype=torch.float64),
        rates=torch.tensor(rates, dtype=torch.float64),
        evaluations=evaluations,
        restarts=restarts,
        converged=norms[-1] <= tolerance,
    )


def check_start(start: Tensor) -> None:
    """Raise unless this is a vector of floating-point numbers."""
    if start.ndim != 1 or not start.is_floating_point():
        raise ValueError(
            "expected a vector of floating-point numbers, "
            f"got shape {tuple(start.shape)} and {start.dtype}"
        )
