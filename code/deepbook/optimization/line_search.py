"""Line searches: how far to go along a direction."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = [
    "LineSearch",
    "LineSearchError",
    "Trial",
    "backtracking",
    "satisfies_wolfe",
    "secant",
    "strong_wolfe",
]


class LineSearchError(ArithmeticError):
    """No acceptable rate was found along a direction; the message says how it was searched."""


class Trial(NamedTuple):
    """A point along a direction: how far, the function there, its slope along it, its gradient."""

    rate: float
    value: float
    slope: float
    gradient: Tensor = torch.empty(0)


Ray = Callable[[float], Trial]
LineSearch = Callable[[Ray, Trial, float], Trial]


def satisfies_wolfe(start: Trial, trial: Trial, *, c1: float = 1e-4, c2: float = 0.9) -> bool:
    """Whether a step satisfies the strong Wolfe conditions (Nocedal and Wright 2006, eq. 3.7).

    Sufficient decrease, ``f <= f_0 + c1 * rate * slope_0``, and a slope that is flatter, be it up
    or down: ``|slope| <= c2 * |slope_0|``.
    """
    decrease = trial.value <= start.value + c1 * trial.rate * start.slope
    return decrease and abs(trial.slope) <= c2 * abs(start.slope)


def strong_wolfe(
    ray: Ray,
    start: Trial,
    guess: float = 1.0,
    *,
    c1: float = 1e-4,
    c2: float = 0.9,
    max_evaluations: int = 40,
) -> Trial:
    """A rate that satisfies the strong Wolfe conditions (Nocedal and Wright 2006, algorithm 3.5).

    It doubles the rate until an interval must hold one, and narrows it by cubic interpolation
    (their algorithm 3.6).

    Parameters
    ----------
    ray : callable
        ``ray(rate)``, a ``Trial``.
    start : Trial
        At rate 0, its slope negative.
    guess : float
        The rate that is tried first.
    c1, c2 : float
        ``0 < c1 < c2 < 1``. Conjugate gradients want ``c2`` below 1/2.
    max_evaluations : int

    Returns
    -------
    Trial

    Raises
    ------
    ValueError
        If the slope is not negative, the guess not above 0 or the constants out of order.
    LineSearchError
        If none was found; near a minimum rounding may hide them all.
    """
    _check(start, guess)
    if not 0 < c1 < c2 < 1:
        raise ValueError(f"expected 0 < c1 < c2 < 1, got c1={c1} and c2={c2}")

    def too_far(trial: Trial) -> bool:
        # written so that NaN is too far
        return not trial.value <= start.value + c1 * trial.rate * start.slope

    def flat(trial: Trial) -> bool:
        return abs(trial.slope) <= -c2 * start.slope

    before, trial, used = start, ray(guess), 1
    while not too_far(trial) and not (before.rate > 0 and trial.value >= before.value):
        if flat(trial):
            return trial
        if trial.slope >= 0:
            low, high = trial, before
            break
        if used == max_evaluations:
            raise _not_found(start, c1, c2, used)
        before, trial, used = trial, ray(2 * trial.rate), used + 1
    else:
        low, high = before, trial
    # between them is an acceptable rate; low has the smallest value of all that fell enough
    while used < max_evaluations:
        rate = _between(low, high)
        if rate in (low.rate, high.rate):  # the interval is down to rounding
            break
        trial, used = ray(rate), used + 1
        if too_far(trial) or trial.value >= low.value:
            high = trial
        elif flat(trial):
            return trial
        else:
            if trial.slope * (high.rate - low.rate) >= 0:
                high = low
            low = trial
    raise _not_found(start, c1, c2, used)


def backtracking(
    ray: Ray,
    start: Trial,
    guess: float = 1.0,
    *,
    c1: float = 1e-4,
    shrink: float = 0.5,
    max_evaluations: int = 60,
) -> Trial:
    """Shrink the rate until the function falls enough (Armijo 1966): the first condition alone.

    Parameters, errors
        As for ``strong_wolfe``; ``shrink`` is between 0 and 1.
    """
    _check(start, guess)
    if not (0 < c1 < 1 and 0 < shrink < 1):
        raise ValueError(f"expected c1 and shrink between 0 and 1, got {c1} and {shrink}")
    rate = guess
    for _ in range(max_evaluations):
        trial = ray(rate)
        if trial.value <= start.value + c1 * rate * start.slope:
            return trial
        rate *= shrink
    raise LineSearchError(
        f"no rate down to {rate:g} lets the function fall by {c1} of its slope {start.slope:g}"
    )


def secant(ray: Ray, start: Trial, guess: float = 1.0) -> Trial:
    """The rate at which a parabola has its minimum: exact where the function is quadratic.

    Two slopes tell where a straight line of slopes crosses zero; no condition is checked.

    Raises
    ------
    ValueError
        If the slope is not negative or the guess not above 0.
    LineSearchError
        If the slope does not rise along the direction: there is no minimum.
    """
    _check(start, guess)
    slope = ray(guess).slope
    if not slope > start.slope:
        raise LineSearchError(f"the slope does not rise from {start.slope:g}: no minimum ahead")
    return ray(guess * start.slope / (start.slope - slope))


def _check(start: Trial, guess: float) -> None:
    if not start.slope < 0:
        raise ValueError(f"expected a direction of descent, got slope {start.slope:g}")
    if not 0 < guess < math.inf:
        raise ValueError(f"expected a first rate above 0, got {guess:g}")


def _not_found(start: Trial, c1: float, c2: float, used: int) -> LineSearchError:
    return LineSearchError(
        f"no rate satisfies the strong Wolfe conditions with c1={c1} and c2={c2} "
        f"after {used} evaluations, from slope {start.slope:g}"
    )


def _between(low: Trial, high: Trial) -> float:
    """Where the cubic through both values and slopes is lowest, kept off the ends."""
    left, right = sorted((low, high), key=lambda trial: trial.rate)
    width = right.rate - left.rate
    middle = left.rate + width / 2
    if not all(map(math.isfinite, (left.value, left.slope, right.value, right.slope))):
        return middle
    bend = left.slope + right.slope - 3 * (right.value - left.value) / width
    under = bend**2 - left.slope * right.slope
    if under < 0:
        return middle
    root = math.sqrt(under)
    below = right.slope - left.slope + 2 * root
    rate = right.rate - width * (right.slope + root - bend) / below if below else middle
    return min(max(rate, left.rate + 0.1 * width), right.rate - 0.1 * width)
