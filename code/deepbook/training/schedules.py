"""Schedules: what factor a learning rate gets, by the share of the training that is done."""

import math
from collections.abc import Callable, Sequence

__all__ = [
    "Schedule",
    "by_epoch",
    "constant",
    "cosine_decay",
    "exponential_decay",
    "inverse_time_decay",
    "linear_decay",
    "linear_decay_to",
    "one_cycle",
    "step_decay",
    "warm_up",
]

Schedule = Callable[[float], float]


def constant(done: float) -> float:
    """The learning rate stays what it is."""
    return 1.0


def linear_decay(done: float) -> float:
    """The learning rate falls on a line to zero at the end of the training."""
    return 1.0 - done


def linear_decay_to(final: float, share: float = 1.0) -> Schedule:
    """Fall on a line to ``final`` over the first ``share`` of all steps, and stay there.

    Goodfellow et al. (2016), equation 8.14: ``share`` is tau, and ``final`` the last rate as a
    part of the first.

    Raises
    ------
    ValueError
        Unless ``final`` is at least 0 and the share above 0 and at most 1.
    """
    _check_final(final)
    if not 0 < share <= 1:
        raise ValueError(f"expected a share above 0 and at most 1, got {share}")

    def fallen(done: float) -> float:
        passed = min(done / share, 1.0)
        return (1 - passed) + passed * final

    return fallen


def step_decay(gamma: float, shares: Sequence[float]) -> Schedule:
    """Multiply the rate by ``gamma`` at each of these shares of all steps.

    Raises
    ------
    ValueError
        Unless ``gamma`` is above 0 and the shares rise, between 0 and 1.
    """
    _check_factor(gamma)
    shares = tuple(shares)
    if any(not 0 < share < 1 for share in shares) or list(shares) != sorted(set(shares)):
        raise ValueError(f"expected rising shares between 0 and 1, got {shares}")

    def stepped(done: float) -> float:
        # the share is a rounded fraction, and may come out a little less
        return gamma ** sum(done >= share - 1e-9 for share in shares)

    return stepped


def exponential_decay(final: float) -> Schedule:
    """Lose the same part in every step, and have ``final`` of the rate left at the end.

    Raises
    ------
    ValueError
        Unless ``final`` is above 0.
    """
    _check_factor(final)
    return lambda done: final**done


def cosine_decay(final: float = 0.0) -> Schedule:
    """Fall to ``final`` along half a wave of the cosine (Loshchilov and Hutter 2017).

    Beyond the end of the training the wave rises again.

    Raises
    ------
    ValueError
        If ``final`` is negative.
    """
    _check_final(final)
    return lambda done: final + (1 - final) * (1 + math.cos(math.pi * done)) / 2


def inverse_time_decay(slowness: float) -> Schedule:
    """Fall as ``1 / (1 + slowness * done)``, in the end like 1/t.

    The sum of such rates diverges and that of their squares does not: the conditions under which
    stochastic gradient descent converges (Goodfellow et al. 2016, equations 8.12 and 8.13).

    Raises
    ------
    ValueError
        If ``slowness`` is negative.
    """
    if not 0 <= slowness < math.inf:
        raise ValueError(f"expected a slowness of at least 0, got {slowness}")
    return lambda done: 1 / (1 + slowness * done)


def one_cycle(start: float = 0.04, share: float = 0.3, final: float = 4e-6) -> Schedule:
    """Rise from ``start`` to 1 over the first ``share`` of all steps, and fall to ``final``.

    Both along half a wave of the cosine (Smith and Topin 2019); the defaults are those of
    ``torch.optim.lr_scheduler.OneCycleLR``. The momentum is not touched.

    Raises
    ------
    ValueError
        Unless the share is between 0 and 1, and the others are at least 0.
    """
    _check_final(start)
    _check_share(share)
    fall = cosine_decay(final)

    def cycle(done: float) -> float:
        if done < share:
            return 1 - (1 - start) * (1 + math.cos(math.pi * done / share)) / 2
        return fall((done - share) / (1 - share))

    return cycle


def warm_up(share: float, after: Schedule = constant) -> Schedule:
    """Let the rate rise on a line over the first ``share`` of all steps, and then follow ``after``.

    Raises
    ------
    ValueError
        Unless the share is between 0 and 1.
    """
    _check_share(share)

    def warmed(done: float) -> float:
        return done / share if done < share else after((done - share) / (1 - share))

    return warmed


def by_epoch(schedule: Schedule, epochs: int) -> Schedule:
    """Hold the factor over each of ``epochs`` epochs at what ``schedule`` says at its start."""

    def held(done: float) -> float:
        # the share is a rounded fraction: a whole number of epochs may come out a little less
        return schedule(math.floor(done * epochs + 1e-9) / epochs)

    return held


def _check_share(share: float) -> None:
    if not 0 < share < 1:
        raise ValueError(f"expected a share between 0 and 1, got {share}")


def _check_final(factor: float) -> None:
    if not 0 <= factor < math.inf:
        raise ValueError(f"expected a factor of at least 0, got {factor}")


def _check_factor(factor: float) -> None:
    if not 0 < factor < math.inf:
        raise ValueError(f"expected a factor above 0, got {factor}")
