"""What every recommender can do: learn from ratings, then predict for pairs of user and item."""

from abc import ABC, abstractmethod
from typing import Self

import torch
from torch import Tensor

from deepbook.data.movielens import Ratings

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
        The ratings that ``fit`` was given; a model that reads ratings in order to predict reads
        these. None before ``fit``.

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

        Raises
        ------
        ValueError
            If there are no ratings, an index is out of range, or stars are not in 1 to 5.
        """
        if len(ratings) == 0:
            raise ValueError("expected at least 1 rating, got none")
        self._check_pairs(ratings.users, ratings.items)
        low, high = ratings.stars.aminmax()
        if low < 1 or high > 5:
            raise ValueError(f"expected 1 to 5 stars, got {int(low)} to {int(high)}")
        self.seen = ratings
        self._fit(ratings)
        return self

    @torch.no_grad()
    def predict(self, users: Tensor, items: Tensor) -> Tensor:
        """Predict for pairs.

        Parameters
        ----------
        users, items : Tensor, shape (N,), int64

        Returns
        -------
        Tensor, shape (N,), float32

        Raises
        ------
        RuntimeError
            Before ``fit``.
        ValueError
            If shapes differ or an index is out of range.
        """
        if self.seen is None:
            raise RuntimeError(f"{type(self).__name__} has seen no ratings: call fit first")
        self._check_pairs(users, items)
        return self._predict(users, items)

    def table(self, users: Tensor) -> Tensor:
        """Predictions for every item.

        Parameters
        ----------
        users : Tensor, shape (N,), int64

        Returns
        -------
        Tensor, shape (N, item_count)
        """
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

    def _check_pairs(self, users: Tensor, items: Tensor) -> None:
        if users.shape != items.shape or users.ndim != 1:
            raise ValueError(
                "expected as many users as items, in one dimension, "
                f"got shapes {tuple(users.shape)} and {tuple(items.shape)}"
            )
        for name, index, count in [
            ("users", users, self.user_count),
            ("items", items, self.item_count),
        ]:
            if index.dtype != torch.int64:
                raise TypeError(f"expected {name} as int64, got {index.dtype}")
            if len(index) and (index.min() < 0 or index.max() >= count):
                raise ValueError(
                    f"expected {name} from 0 to {count - 1}, "
                    f"got {int(index.min())} to {int(index.max())}"
                )


def liked(stars: Tensor) -> Tensor:
    """Which stars mean that the film was liked: ``LIKED_FROM`` or more.

    Parameters
    ----------
    stars : Tensor, shape (...)

    Returns
    -------
    Tensor, shape (...), float32
        1 for liked, 0 for not.
    """
    return (stars >= LIKED_FROM).float()
