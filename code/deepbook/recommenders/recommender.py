"""What every recommender can do: learn from ratings, then predict for pairs of user and item."""

from abc import ABC, abstractmethod
from typing import Self

import torch
from torch import Tensor

from deepbook.data.movielens import Ratings
from deepbook.recommenders.checks import check_pairs, check_ratings, check_stars, check_users

__all__ = ["LIKED_FROM", "Recommender", "liked"]

LIKED_FROM = 3
"""The number of stars from which on a film counts as liked, as in the best-known course."""


class Recommender(ABC):
    """A model of who likes what.

    A subclass writes ``_fit`` and ``_predict``. What it predicts, stars or a probability of
    liking, its description says.

    Parameters
    ----------
    user_count, item_count : int
        Users and items are numbered from 0.

    Attributes
    ----------
    seen : Ratings or None
        The ratings that ``fit`` was given, with stars as int64; a model that reads ratings in
        order to predict reads these. None before ``fit``, and after one that failed.

    Raises
    ------
    ValueError
        If there is no user or no item.
    """

    def __init__(self, user_count: int, item_count: int) -> None:
        if user_count < 1 or item_count < 1:
            raise ValueError(
                f"expected at least 1 user and 1 item, got {user_count} and {item_count}"
            )
        self.user_count, self.item_count = user_count, item_count
        self.seen: Ratings | None = None

    def fit(self, ratings: Ratings) -> Self:
        """Learn from ``ratings``, and from nothing else.

        Parameters
        ----------
        ratings : Ratings
            Users and items int64, stars whole numbers from 1 to 5 of an integer or a floating
            dtype, and each pair of user and item only once: a rating that is there twice would
            be among "all other ratings" from which it is predicted.

        Raises
        ------
        TypeError, ValueError
            Before anything is learned, as ``check_ratings`` does: with the offending rows.
        """
        ratings = check_ratings(ratings, self.user_count, self.item_count)
        self.seen = None
        self._fit(ratings)
        self.seen = ratings
        return self

    @torch.no_grad()
    def predict(self, users: Tensor, items: Tensor) -> Tensor:
        """Predict for pairs.

        Parameters
        ----------
        users, items : Tensor, shape (N,), int64
            A pair may be asked for twice.

        Returns
        -------
        Tensor, shape (N,), float32

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError, ValueError
            If a dtype is another, shapes differ, or an index is out of range; with the
            offending rows.
        """
        self._check_question(users, items)
        return self._predict(users, items)

    def table(self, users: Tensor) -> Tensor:
        """Predictions for every item.

        Parameters
        ----------
        users : Tensor, shape (N,), int64

        Returns
        -------
        Tensor, shape (N, item_count)

        Raises
        ------
        RuntimeError, TypeError, ValueError
            As ``predict`` does.
        """
        check_users(users, self.user_count)
        items = torch.arange(self.item_count, device=users.device)
        pairs = torch.cartesian_prod(users, items)
        return self.predict(pairs[:, 0], pairs[:, 1]).view(len(users), self.item_count)

    @abstractmethod
    def _fit(self, ratings: Ratings) -> None: ...

    @abstractmethod
    def _predict(self, users: Tensor, items: Tensor) -> Tensor: ...

    def _matrices(self, ratings: Ratings) -> tuple[Tensor, Tensor]:
        """Stars (0 where there is no rating) and mask, float32, (user_count, item_count)."""
        stars = torch.zeros(self.user_count, self.item_count, device=ratings.stars.device)
        mask = torch.zeros_like(stars)
        stars[ratings.users, ratings.items] = ratings.stars.to(stars.dtype)
        mask[ratings.users, ratings.items] = 1
        return stars, mask

    def _check_question(self, users: Tensor, items: Tensor) -> None:
        if self.seen is None:
            raise RuntimeError(f"{type(self).__name__} has seen no ratings: call fit first")
        check_pairs(users, items, self.user_count, self.item_count)


def liked(stars: Tensor) -> Tensor:
    """Which stars mean that the film was liked: ``LIKED_FROM`` or more.

    Parameters
    ----------
    stars : Tensor, shape (...)
        Whole numbers from 1 to 5.

    Returns
    -------
    Tensor, shape (...), float32
        1 for liked, 0 for not.

    Raises
    ------
    TypeError, ValueError
        If there are other values, as ``check_stars`` does.
    """
    return (check_stars(stars) >= LIKED_FROM).float()
