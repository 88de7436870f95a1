"""Weighted means of several recommenders."""

from collections.abc import Sequence

import torch
from torch import Tensor

from deepbook.data.movielens import Ratings
from deepbook.recommenders.recommender import Recommender

__all__ = ["RatingEnsemble"]


class RatingEnsemble(Recommender):
    """Weighted mean of what several recommenders predict.

    Parameters
    ----------
    members : sequence of Recommender
        For the same users and items; ``fit`` fits each.
    weights : sequence of float, optional
        Positive, one a member; equal ones if not given.

    Raises
    ------
    ValueError
        If there is no member, or sizes or the weights do not fit.
    """

    def __init__(
        self, members: Sequence[Recommender], weights: Sequence[float] | None = None
    ) -> None:
        if len({(m.user_count, m.item_count) for m in members}) != 1:
            raise ValueError("expected members for the same users and items, at least one")
        super().__init__(members[0].user_count, members[0].item_count)
        weights = [1.0] * len(members) if weights is None else list(weights)
        if len(weights) != len(members) or min(weights) <= 0:
            raise ValueError(f"expected {len(members)} positive weights, got {weights}")
        self.members, self.weights = list(members), [w / sum(weights) for w in weights]

    def _fit(self, ratings: Ratings) -> None:
        for member in self.members:
            member.fit(ratings)

    def _predict(self, users: Tensor, items: Tensor) -> Tensor:
        parts = [
            w * m.predict(users, items) for m, w in zip(self.members, self.weights, strict=True)
        ]
        return torch.stack(parts).sum(0)
