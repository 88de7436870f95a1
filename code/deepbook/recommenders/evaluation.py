"""How far predictions are from the test ratings, over ratings and over users."""

from dataclasses import dataclass

import torch
from torch import Tensor

from deepbook.data.movielens import Ratings
from deepbook.recommenders.checks import check_likes, check_ratings, check_stars, check_users
from deepbook.recommenders.recommender import liked

__all__ = [
    "LikeScores",
    "StarScores",
    "like_error",
    "like_scores",
    "log_loss",
    "mean_distance",
    "rmse",
    "star_scores",
]


@dataclass(frozen=True)
class StarScores:
    """Errors in stars: over all ratings, and the mean of what each user sees.

    Attributes
    ----------
    rmse, mean_distance : float
        Every rating counts the same.
    rmse_by_user, mean_distance_by_user : float
        Measured for each user first, then averaged: every user counts the same.
    """

    rmse: float
    mean_distance: float
    rmse_by_user: float
    mean_distance_by_user: float


@dataclass(frozen=True)
class LikeScores:
    """Errors in liked or not: over all ratings, and the mean of what each user sees.

    Attributes
    ----------
    error, log_loss : float
        Share of wrong answers at the threshold 1/2; nats a rating.
    error_by_user, log_loss_by_user : float
        Measured for each user first, then averaged.
    """

    error: float
    log_loss: float
    error_by_user: float
    log_loss_by_user: float


def rmse(predicted: Tensor, stars: Tensor, users: Tensor | None = None) -> float:
    """Root mean square error; with ``users``, the mean of every user's own.

    Parameters
    ----------
    predicted, stars : Tensor, shape (N,)
        Stars are whole numbers from 1 to 5.
    users : Tensor, shape (N,), int64, optional

    Raises
    ------
    TypeError, ValueError
        If shapes differ, there are no ratings, a prediction is not finite, or stars or users are
        not what ``check_ratings`` lets pass; so everywhere here.
    """
    return _average(_distance(predicted, stars).square(), users, torch.sqrt)


def mean_distance(predicted: Tensor, stars: Tensor, users: Tensor | None = None) -> float:
    """Mean absolute error; with ``users``, the mean of every user's own."""
    return _average(_distance(predicted, stars).abs(), users)


def like_error(probability: Tensor, likes: Tensor, users: Tensor | None = None) -> float:
    """Share of wrong answers, where a probability of 1/2 or more answers "like".

    Parameters
    ----------
    probability : Tensor, shape (N,), values in [0, 1]
    likes : Tensor, shape (N,)
        1 for liked, 0 for not.
    users : Tensor, shape (N,), int64, optional
        With them, the mean of every user's own error.
    """
    _check_probability(probability, likes)
    return _average(((probability >= 0.5) != (likes > 0)).double(), users)


def log_loss(probability: Tensor, likes: Tensor, users: Tensor | None = None) -> float:
    """Mean of ``-log P(what the user said)`` in nats; infinite for a sure answer that is wrong."""
    _check_probability(probability, likes)
    right = torch.where(likes > 0, probability, 1 - probability.double())
    return _average(-right.double().log(), users)


def star_scores(predicted: Tensor, test: Ratings) -> StarScores:
    """All four errors of predictions for the ratings of ``test``, in their order."""
    test = check_ratings(test)
    return StarScores(
        rmse(predicted, test.stars),
        mean_distance(predicted, test.stars),
        rmse(predicted, test.stars, test.users),
        mean_distance(predicted, test.stars, test.users),
    )


def like_scores(probability: Tensor, test: Ratings) -> LikeScores:
    """All four errors of probabilities for the ratings of ``test``, in their order."""
    test = check_ratings(test)
    likes = liked(test.stars)
    return LikeScores(
        like_error(probability, likes),
        log_loss(probability, likes),
        like_error(probability, likes, test.users),
        log_loss(probability, likes, test.users),
    )


def _average(errors: Tensor, users: Tensor | None, transform=lambda mean: mean) -> float:  # type: ignore[no-untyped-def]
    if users is None:
        return float(transform(errors.mean()))
    if users.shape != errors.shape:
        raise ValueError(
            f"expected a user for each of {len(errors)} ratings, got shape {tuple(users.shape)}"
        )
    check_users(users)
    _, user = users.unique(return_inverse=True)
    counts = torch.bincount(user)
    return float(transform(torch.bincount(user, errors) / counts).mean())


def _distance(predicted: Tensor, stars: Tensor) -> Tensor:
    check_stars(stars)
    return _difference(predicted, stars)


def _difference(predicted: Tensor, truth: Tensor) -> Tensor:
    if predicted.shape != truth.shape or truth.ndim != 1 or len(truth) == 0:
        raise ValueError(
            "expected a prediction for each of at least 1 rating, "
            f"got shapes {tuple(predicted.shape)} and {tuple(truth.shape)}"
        )
    if not bool(torch.isfinite(predicted).all()):
        raise ValueError("expected finite predictions, got NaN or infinity")
    return predicted.double() - truth.double()


def _check_probability(probability: Tensor, likes: Tensor) -> None:
    check_likes(likes)
    _difference(probability, likes)
    low, high = probability.aminmax()
    if low < 0 or high > 1:
        raise ValueError(f"expected probabilities, got values from {float(low)} to {float(high)}")
