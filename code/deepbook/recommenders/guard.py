"""No test rating reaches an input: two guards that catch it."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from deepbook.data.movielens import Ratings
from deepbook.recommenders.checks import check_pairs, check_ratings

__all__ = ["LeakError", "check_blind", "check_no_leak"]


class LeakError(ValueError):
    """A test rating has reached an input; the message says how."""


def check_no_leak(inputs: Ratings, test: Ratings) -> None:
    """Raise if a pair of user and item in ``test`` is among ``inputs`` too.

    Parameters
    ----------
    inputs : Ratings
        All that a model has read, for instance its ``seen``.
    test : Ratings

    Raises
    ------
    LeakError
        With the number of pairs and the first of them.
    TypeError, ValueError
        If users and items are no pairs, as ``check_pairs`` does.
    """
    for part in (inputs, test):
        check_pairs(part.users, part.items)
    both = torch.cat([inputs.items, test.items])
    width = int(both.max()) + 1 if len(both) else 1
    leaked = torch.isin(test.users * width + test.items, inputs.users * width + inputs.items)
    if bool(leaked.any()):
        first = int(leaked.nonzero()[0])
        raise LeakError(
            f"{int(leaked.sum())} of {len(test)} test ratings are among the inputs, the first: "
            f"user {int(test.users[first])}, item {int(test.items[first])}"
        )


def check_blind(
    procedure: Callable[[Ratings, Ratings], Tensor], train: Ratings, test: Ratings
) -> None:
    """Raise if the predictions for ``test`` depend on the stars in ``test``.

    It runs ``procedure`` twice, the second time with every test rating turned round (5 stars
    for 1), and compares. That finds a leak by any way, also one that passes no ratings on:
    stopping early by the test error, say.

    Parameters
    ----------
    procedure : callable
        ``procedure(train, test)``: everything from training to prediction, shape (len(test),).
        It must seed its random numbers.
    train, test : Ratings

    Raises
    ------
    LeakError
        With the number of predictions that changed.
    TypeError, ValueError
        If the ratings are not what ``check_ratings`` lets pass.
    """
    train, test = check_ratings(train), check_ratings(test)
    before = procedure(train, test)
    after = procedure(train, replace(test, stars=6 - test.stars))
    changed = int((before != after).sum())
    if changed:
        raise LeakError(f"{changed} of {len(test)} predictions depend on the test ratings")
