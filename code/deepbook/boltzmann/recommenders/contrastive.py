"""The K-way machine for ratings as it was published: contrastive divergence, user by user."""

from typing import Literal

import torch
from torch import Tensor

from deepbook.boltzmann.learning.likelihood_ascent import train
from deepbook.boltzmann.learning.likelihood_gradients import ContrastiveDivergence
from deepbook.boltzmann.machines.softmax import SoftmaxRBM
from deepbook.data.movielens import Ratings
from deepbook.recommenders.recommender import Recommender, liked

__all__ = ["ContrastiveRBM"]


class ContrastiveRBM(Recommender):
    """Stars or likes by a ``SoftmaxRBM`` trained with CD-k (Salakhutdinov, Mnih and Hinton 2007).

    An example is a user; films that he or she did not rate are missing, in the data and along
    the chain. It predicts from the exact conditional distribution given all other ratings of
    the user: the mean number of stars, or the probability of liking. A user without ratings
    gets what each film is worth by itself.

    Parameters
    ----------
    user_count, item_count : int
    values : str
        "stars", 5 values, or "likes", 2 values.
    hidden_size, steps, epochs, batch_size : int
        ``steps`` is the k of CD-k.
    learning_rate, momentum, weight_decay : float
        As in ``deepbook.boltzmann.train``.
    generator : torch.Generator, optional
        On the CPU; the global one if not given.

    Attributes
    ----------
    model : SoftmaxRBM

    Raises
    ------
    ValueError
        If a choice is not one of those above or a number is out of its range.
    """

    def __init__(
        self,
        user_count: int,
        item_count: int,
        *,
        values: Literal["stars", "likes"] = "stars",
        hidden_size: int = 100,
        steps: int = 1,
        epochs: int = 40,
        batch_size: int = 32,
        learning_rate: float = 0.1,
        momentum: float = 0.8,
        weight_decay: float = 1e-3,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(user_count, item_count)
        if values not in ("stars", "likes"):
            raise ValueError(f'expected values "stars" or "likes", got {values!r}')
        if hidden_size < 1:
            raise ValueError(f"expected at least 1 hidden unit, got {hidden_size}")
        self.values, self.hidden_size, self.generator = values, hidden_size, generator
        self.estimator = ContrastiveDivergence(steps, generator=generator)
        self.epochs, self.batch_size, self.learning_rate = epochs, batch_size, learning_rate
        self.momentum, self.weight_decay = momentum, weight_decay

    def _fit(self, ratings: Ratings) -> None:
        values = ratings.stars - 1 if self.values == "stars" else liked(ratings.stars).long()
        shape = (self.user_count, self.item_count)
        known = torch.full(shape, -1, device=values.device)
        known[ratings.users, ratings.items] = values
        self.model = SoftmaxRBM(
            self.item_count,
            5 if self.values == "stars" else 2,
            self.hidden_size,
            generator=self.generator,
        ).to(values.device)
        self._visible = self.model.encode(known)
        # a user without ratings has no machine to learn from
        visible = self._visible[self.model.observed(self._visible).any(1)]
        self.model.initialize_biases_(visible)
        train(
            self.model,
            visible,
            self.estimator,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            generator=self.generator,
        )

    def _predict(self, users: Tensor, items: Tensor) -> Tensor:
        blocks = zip(users.split(256), items.split(256), strict=True)
        probability = torch.cat([self._distribution(*block) for block in blocks])
        if self.values == "likes":
            return probability[:, 1]
        return probability @ torch.arange(1.0, 6.0, device=probability.device)

    def _distribution(self, users: Tensor, items: Tensor) -> Tensor:
        visible = self._visible[users]
        # the own rating is never read: one stands in where there is nothing else
        empty = ~self.model.observed(visible).any(1)
        visible[empty, items[empty], 0] = 1
        return self.model.predictive(visible, items)
