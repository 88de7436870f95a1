"""Schedules: what factor a learning rate gets, by the share of the training that is done."""

import math
from collections.abc import Callable

__all__ = ["Schedule", "by_epoch", "constant", "linear_decay", "warm_up"]

Schedule = Callable[[float], float]


def constant(done: float) -> float:
    """The learning rate stays what it is."""
    return 1.0


def linear_decay(done: float) -> float:
    """The learning rate falls on a line to zero at the end of the training."""
    return 1.0 - done


def warm_up(share: float, after: Schedule = constant) -> Schedule:
    """Let the rate rise on a line over the first ``share`` of all steps, and then follow ``after``.

    Raises
    ------
    ValueError
        Unless the share is between 0 and 1.
    """
    if not 0 < share < 1:
        raise ValueError(f"expected a share between 0 and 1, got {share}")

    def warmed(done: float) -> float:
        return done / share if done < share else after((done - share) / (1 - share))

    return warmed


def by_epoch(schedule: Schedule, epochs: int) -> Schedule:
    """Hold the factor over each of ``epochs`` epochs at what ``schedule`` says at its start."""

    def held(done: float) -> float:
        # the share is a rounded fraction: a whole number of epochs may come out a little less
        return schedule(math.floor(done * epochs + 1e-9) / epochs)

    return held
