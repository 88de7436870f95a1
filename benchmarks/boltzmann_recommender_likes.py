"""Predicting likes (3 stars or more) on MovieLens-100k, five official folds."""

from dataclasses import fields
from functools import partial

import boltzmann_recommenders as shared
from boltzmann_recommenders import Method

from deepbook.boltzmann.recommenders import RatingsRBM
from deepbook.recommenders import (
    AlwaysLike,
    CourseRBM,
    LogOddsModel,
    Popularity,
    RBMFaults,
    like_scores,
    liked,
    log_loss,
)

TITLE = "Likes on MovieLens-100k: mean (and standard deviation) over the five official folds"
PACKAGES = ["torch", "numpy"]
MENDED = RBMFaults(*[False] * len(fields(RBMFaults)))


def methods(quick: bool) -> list[Method]:
    """All rows; ``quick`` ones learn nothing."""
    new = partial(partial, user_count=943, item_count=1682)
    epochs = {"epochs": 1} if quick else {}
    return [
        Method("popularity", [new(Popularity)]),
        Method('always "like"', [new(AlwaysLike)], ranked=False),
        Method(
            "user and item log-odds",
            [
                new(LogOddsModel, user_penalty=u, item_penalty=i)
                for u in (0.7, 1.0, 1.5)
                for i in (0.7, 1.0, 1.5)
            ],
        ),
        Method("course's RBM", [new(CourseRBM, **epochs)], repeats=3),
        Method("course's RBM, mended", [new(CourseRBM, faults=MENDED, **epochs)], repeats=3),
        Method("RBM, missing is missing", [new(RatingsRBM, values="likes", **epochs)]),
    ]


def measure(quick: bool) -> list[shared.Row]:
    """One row a method; a log-loss that is infinite stands as no value."""

    def scores(probability, test):  # type: ignore[no-untyped-def]
        found = like_scores(probability.clamp(0, 1), test)
        return {
            "error": found.error,
            "log-loss": found.log_loss,
            "error by user": found.error_by_user,
            "log-loss by user": found.log_loss_by_user,
        }

    shown = ("error", "log-loss", "error by user", "log-loss by user")
    folds = (1,) if quick else (1, 2, 3, 4, 5)
    rows = shared.measure(
        methods(quick), scores, shown, lambda guess, held: log_loss(guess, liked(held.stars)), folds
    )
    # a count of ratings is no probability
    for key in [key for key in rows[0] if key.startswith(shown)]:
        rows[0][key] = None
    return rows
