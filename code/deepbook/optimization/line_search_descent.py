"""Descent along directions: the loop that the methods with a line search share."""

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from deepbook.optimization.line_search import (
    LineSearch,
    LineSearchError,
    Trial,
    strong_wolfe,
)
from deepbook.optimization.minimization import (
    Function,
    Minimization,
    check_start,
    value_and_gradient,
)

__all__ = ["SteepestDescent", "minimize"]


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
