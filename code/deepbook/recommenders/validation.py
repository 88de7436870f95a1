"""Ratings held out of the training ratings, to choose by."""

import torch
from torch import Tensor

from deepbook.data.movielens import Ratings
from deepbook.recommenders.checks import check_ratings

__all__ = ["hold_out"]


def hold_out(
    ratings: Ratings, share: float = 0.1, generator: torch.Generator | None = None
) -> tuple[Ratings, Ratings]:
    """Split ratings at random: what is left to train on, and what is held out.

    Parameters
    ----------
    ratings : Ratings
    share : float
        How much is held out, between 0 and 1.
    generator : torch.Generator, optional
        A CPU generator; the global one if not given.

    Raises
    ------
    TypeError, ValueError
        If either part would be empty, or the ratings are not what ``check_ratings`` lets pass: a
        rating that is there twice could land in both parts.
    """
    ratings = check_ratings(ratings)
    held = round(len(ratings) * share)
    if not 0 < held < len(ratings):
        raise ValueError(
            f"expected a share that leaves both parts ratings, got {share} of {len(ratings)}"
        )
    order = torch.randperm(len(ratings), generator=generator).to(ratings.users.device)
    return _rows(ratings, order[held:]), _rows(ratings, order[:held])


def _rows(ratings: Ratings, rows: Tensor) -> Ratings:
    return Ratings(
        ratings.users[rows], ratings.items[rows], ratings.stars[rows], ratings.timestamps[rows]
    )
