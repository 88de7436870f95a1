"""What a recommender has to beat: one answer for all, or one number a user and one a film."""

import torch
from torch import Tensor

from deepbook.data.movielens import Ratings
from deepbook.recommenders.recommender import Recommender, liked

__all__ = ["AlwaysLike", "BiasModel", "GlobalMean", "LogOddsModel", "Popularity"]


class AlwaysLike(Recommender):
    """Predicts for every pair the share of ratings that are likes.

    Where more than half are, its answer is always "like". As a probability it is the best
    constant, so that its log-loss is finite.
    """

    def _fit(self, ratings: Ratings) -> None:
        self._share = liked(ratings.stars).mean()

    def _predict(self, users: Tensor, items: Tensor) -> Tensor:
        return self._share.expand(len(users)).clone()


class GlobalMean(Recommender):
    """Predicts the mean number of stars for every pair."""

    def _fit(self, ratings: Ratings) -> None:
        self._mean = ratings.stars.float().mean()

    def _predict(self, users: Tensor, items: Tensor) -> Tensor:
        return self._mean.expand(len(users)).clone()


class Popularity(Recommender):
    """Predicts how many users have rated the film: a score to rank by, the same for everybody."""

    def _fit(self, ratings: Ratings) -> None:
        self._count = torch.bincount(ratings.items, minlength=self.item_count).float()

    def _predict(self, users: Tensor, items: Tensor) -> Tensor:
        return self._count[items]


class BiasModel(Recommender):
    """Stars: ``mean + bias of the user + bias of the film`` (Koren et al. 2009, eq. 1).

    The biases minimise the squared error plus ``user_penalty`` (``item_penalty``) times the
    squared user (item) biases.

    Parameters
    ----------
    user_count, item_count : int
    user_penalty, item_penalty : float
        A bias of ``n`` ratings is shrunk by ``n / (n + penalty)``.
    sweeps : int
        How often users and items take turns.

    Attributes
    ----------
    mean : Tensor, shape ()
    user_bias : Tensor, shape (user_count,)
    item_bias : Tensor, shape (item_count,)

    Raises
    ------
    ValueError
        If a penalty is not positive or there is no sweep.
    """

    def __init__(
        self,
        user_count: int,
        item_count: int,
        *,
        user_penalty: float = 5.0,
        item_penalty: float = 3.0,
        sweeps: int = 15,
    ) -> None:
        super().__init__(user_count, item_count)
        _check_penalties(user_penalty, item_penalty, sweeps)
        self.user_penalty, self.item_penalty, self.sweeps = user_penalty, item_penalty, sweeps

    def _fit(self, ratings: Ratings) -> None:
        stars = ratings.stars.float()
        self.mean = stars.mean()
        users, items = ratings.users, ratings.items
        user_sizes = torch.bincount(users, minlength=self.user_count)
        item_sizes = torch.bincount(items, minlength=self.item_count)
        self.user_bias = stars.new_zeros(self.user_count)
        for _ in range(self.sweeps):
            rest = torch.bincount(items, stars - self.mean - self.user_bias[users], self.item_count)
            self.item_bias = rest / (item_sizes + self.item_penalty)
            rest = torch.bincount(users, stars - self.mean - self.item_bias[items], self.user_count)
            self.user_bias = rest / (user_sizes + self.user_penalty)

    def _predict(self, users: Tensor, items: Tensor) -> Tensor:
        return (self.mean + self.user_bias[users] + self.item_bias[items]).clamp(1, 5)


class LogOddsModel(Recommender):
    """Probability of liking: ``sigmoid(intercept + user + film)``, logistic regression.

    Minimises the log-loss plus half the penalty times the squared user and item effects, by
    Newton's method on users and items in turn: given the one, each of the other is a problem
    in a single number. One rating is added, by nobody of nothing, half a like: it keeps the
    intercept finite where everything is liked.

    Parameters
    ----------
    user_count, item_count : int
    user_penalty, item_penalty : float
    sweeps : int

    Attributes
    ----------
    intercept : Tensor, shape ()
    user_effect : Tensor, shape (user_count,)
    item_effect : Tensor, shape (item_count,)

    Raises
    ------
    ValueError
        If a penalty is not positive or there is no sweep.
    """

    def __init__(
        self,
        user_count: int,
        item_count: int,
        *,
        user_penalty: float = 1.0,
        item_penalty: float = 1.0,
        sweeps: int = 30,
    ) -> None:
        super().__init__(user_count, item_count)
        _check_penalties(user_penalty, item_penalty, sweeps)
        self.user_penalty, self.item_penalty, self.sweeps = user_penalty, item_penalty, sweeps

    def _fit(self, ratings: Ratings) -> None:
        likes = liked(ratings.stars)
        users, items = ratings.users, ratings.items
        self.intercept = torch.logit((likes.sum() + 0.5) / (len(likes) + 1))
        self.user_effect = likes.new_zeros(self.user_count)
        self.item_effect = likes.new_zeros(self.item_count)
        for _ in range(self.sweeps):
            for effect, index, penalty in [
                (self.item_effect, items, self.item_penalty),
                (self.user_effect, users, self.user_penalty),
            ]:
                p = self._probability(users, items)
                slope = torch.bincount(index, likes - p, len(effect)) - penalty * effect
                curvature = torch.bincount(index, p * (1 - p), len(effect)) + penalty
                effect += slope / curvature
            p, alone = self._probability(users, items), torch.sigmoid(self.intercept)
            slope = (likes - p).sum() + 0.5 - alone
            curvature = (p * (1 - p)).sum() + alone * (1 - alone)
            self.intercept = self.intercept + slope / curvature

    def _probability(self, users: Tensor, items: Tensor) -> Tensor:
        return torch.sigmoid(self.intercept + self.user_effect[users] + self.item_effect[items])

    def _predict(self, users: Tensor, items: Tensor) -> Tensor:
        return self._probability(users, items)


def _check_penalties(user_penalty: float, item_penalty: float, sweeps: int) -> None:
    if not (user_penalty > 0 and item_penalty > 0):
        raise ValueError(f"expected positive penalties, got {user_penalty} and {item_penalty}")
    if sweeps < 1:
        raise ValueError(f"expected at least 1 sweep, got {sweeps}")
