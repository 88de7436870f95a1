"""How good are the ten films that a recommender puts first?"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from deepbook.data.movielens import Ratings
from deepbook.recommenders.checks import check_ratings
from deepbook.recommenders.guard import check_no_leak
from deepbook.recommenders.recommender import Recommender

__all__ = ["RankingScores", "ranking_scores"]


@dataclass(frozen=True)
class RankingScores:
    """Quality of the first ``length`` places, averaged over users.

    Attributes
    ----------
    precision : float
        Share of the places that hold a relevant film.
    recall : float
        Share of the user's relevant films that got a place.
    ndcg : float
        Normalised discounted cumulative gain: a relevant film at place ``n`` counts
        ``1 / log2(n + 1)``; 1 is the best order that there is.
    users : int
        How many users were averaged: those with a relevant film.
    length : int
    """

    precision: float
    recall: float
    ndcg: float
    users: int
    length: int


def ranking_scores(
    recommender: Recommender,
    test: Ratings,
    *,
    length: int = 10,
    relevant_from: int = 4,
    candidates: Literal["unseen", "tested"] = "unseen",
) -> RankingScores:
    """Rank the candidates of every user by what ``recommender`` predicts, and look at the top.

    A film is relevant if the user gave it ``relevant_from`` stars or more in ``test``. A film
    that the user has not rated counts as not relevant, which nobody knows: all scores on
    unseen candidates are too low, and favour films that many have seen.

    Parameters
    ----------
    recommender : Recommender
        After ``fit``. Equal predictions are ordered by the item's number.
    test : Ratings
    length : int
        Number of places.
    relevant_from : int
        In stars.
    candidates : str
        "unseen": all films but those that the user has rated in training, as in use.
        "tested": the films that the user has rated in ``test``, a much easier question
        that needs no idea of what users choose to see.

    Raises
    ------
    LeakError
        If a test rating is among those that the recommender has seen.
    TypeError, ValueError
        If no user has a relevant film, candidates are called something else, or ``test`` is not
        what ``check_ratings`` lets pass.
    """
    if candidates not in ("unseen", "tested"):
        raise ValueError(f'expected candidates "unseen" or "tested", got {candidates!r}')
    if recommender.seen is None:
        raise RuntimeError(f"{type(recommender).__name__} has seen no ratings: call fit first")
    test = check_ratings(test, recommender.user_count, recommender.item_count)
    check_no_leak(recommender.seen, test)
    shape = recommender.user_count, recommender.item_count
    relevant = _table(shape, test, test.stars >= relevant_from)
    tested, unseen = _table(shape, test), ~_table(shape, recommender.seen)
    allowed = unseen if candidates == "unseen" else tested
    users = relevant.any(1).nonzero()[:, 0]
    if len(users) == 0:
        raise ValueError(f"expected a user with a film of {relevant_from} stars, got none")
    relevant, allowed = relevant[users], allowed[users]

    scores = recommender.table(users).masked_fill(~allowed, -torch.inf)
    top = scores.argsort(dim=1, descending=True, stable=True)[:, :length]
    # a user with fewer candidates than places leaves places empty
    hit = (relevant & allowed).gather(1, top).double()
    total = relevant.sum(1).double()
    discount = 1 / torch.arange(2, top.shape[1] + 2, device=hit.device).double().log2()
    best = discount.cumsum(0)[total.clamp(max=top.shape[1]).long() - 1]
    return RankingScores(
        precision=float((hit.sum(1) / length).mean()),
        recall=float((hit.sum(1) / total).mean()),
        ndcg=float((hit @ discount / best).mean()),
        users=len(users),
        length=length,
    )


def _table(shape: tuple[int, int], ratings: Ratings, value: Tensor | bool = True) -> Tensor:
    table = torch.zeros(shape, dtype=torch.bool, device=ratings.users.device)
    table[ratings.users, ratings.items] = torch.as_tensor(value, device=table.device)
    return table
