"""Predicting stars on MovieLens-100k, five official folds."""

from collections.abc import Callable
from functools import partial

import boltzmann_recommenders as shared
from boltzmann_recommenders import FromSurprise, Method

from deepbook.boltzmann.recommenders import RatingsRBM
from deepbook.recommenders import (
    BiasModel,
    CourseAutoencoder,
    GlobalMean,
    MatrixFactorisation,
    Popularity,
    RatingAutoencoder,
    RatingEnsemble,
    Recommender,
    rmse,
    star_scores,
)

TITLE = "Stars on MovieLens-100k: mean (and standard deviation) over the five official folds"
PACKAGES = shared.PACKAGES
SIZES = (943, 1682)


def users_network() -> RatingAutoencoder:
    """Users as examples, on what the biases leave over: another view of the same table."""
    return RatingAutoencoder(
        *SIZES,
        examples="users",
        target="residuals",
        hidden_sizes=(500,),
        penalty=100.0,
        epochs=15,
        batch_size=128,
    )


def two_views() -> RatingEnsemble:
    """Twice as much weight on the films' network as on the users'."""
    return RatingEnsemble([RatingAutoencoder(*SIZES), users_network()], [2, 1])


def methods(quick: bool) -> list[Method]:
    """All rows; ``quick`` ones learn nothing."""
    new = partial(partial, user_count=SIZES[0], item_count=SIZES[1])
    epochs = {"epochs": 1} if quick else {}
    rows = [
        Method("popularity", [new(Popularity)]),
        Method("global mean", [new(GlobalMean)], ranked=False),
        Method(
            "user and item biases",
            [
                new(BiasModel, user_penalty=u, item_penalty=i)
                for u in (3.0, 5.0, 8.0)
                for i in (2.0, 4.0)
            ],
        ),
        Method(
            "matrix factorisation (ALS)",
            [new(MatrixFactorisation, penalty=p) for p in (1.0, 1.3, 1.6)],
        ),
        Method("K-way RBM", [new(RatingsRBM, **epochs)]),
        Method(
            "autoencoder",
            [new(RatingAutoencoder, penalty=p, **epochs) for p in (12.0, 18.0)],
        ),
    ]
    if not quick:
        rows.append(Method("autoencoders, two views", [two_views]))
    rows += from_surprise(quick)
    rows.append(Method("course's autoencoder", [new(CourseAutoencoder, **epochs)]))
    return rows


def from_surprise(quick: bool) -> list[Method]:
    """The Surprise package with its own settings, where it is installed."""
    if "scikit-surprise" not in PACKAGES or quick:
        return []
    from surprise import SVD, BaselineOnly, KNNBaseline, SVDpp

    algorithms: dict[str, Callable] = {
        "Surprise's biases": partial(BaselineOnly, verbose=False),
        "Surprise's SVD": partial(SVD, random_state=0),
        "Surprise's kNN baseline": partial(KNNBaseline, verbose=False),
        "Surprise's SVD++": partial(SVDpp, random_state=0),
    }

    def make(algorithm: Callable) -> Callable[[], Recommender]:
        return partial(FromSurprise, *SIZES, algorithm)

    return [Method(name, [make(a)], ranked=False) for name, a in algorithms.items()]


def measure(quick: bool) -> list[shared.Row]:
    """One row a method."""

    def scores(predicted, test):  # type: ignore[no-untyped-def]
        found = star_scores(predicted.clamp(1, 5), test)
        return {
            "RMSE": found.rmse,
            "distance": found.mean_distance,
            "RMSE by user": found.rmse_by_user,
            "distance by user": found.mean_distance_by_user,
        }

    shown = ("RMSE", "distance", "RMSE by user", "distance by user")
    folds = (1,) if quick else (1, 2, 3, 4, 5)
    rows = shared.measure(
        methods(quick), scores, shown, lambda guess, held: rmse(guess, held.stars), folds
    )
    # a count of ratings is nothing to compare with stars
    for key in [key for key in rows[0] if key.startswith(shown)]:
        rows[0][key] = None
    return rows
