"""The RBM recommender of the best-known course, re-made with its faults.

Each fault is a switch, so that one can see what it does. With all of them off there is left
a masked RBM, not tuned.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from deepbook.data.movielens import Ratings
from deepbook.recommenders.recommender import LIKED_FROM, Recommender
from deepbook.training.loops import loop
from deepbook.units import bernoulli

__all__ = ["CourseRBM", "RBMFaults"]


@dataclass(frozen=True)
class RBMFaults:
    """What is wrong with the course's RBM; a fault that is False is mended.

    Attributes
    ----------
    unrated_clamped : bool
        An unrated film enters every product as -1, a film disliked twice; mended, as 0, and
        then it teaches nothing and says nothing.
    summed_batches : bool
        The step is the sum over a batch's users, 100 times the mean.
    wide_weights : bool
        Weights and biases start with a standard deviation of 1 instead of .01.
    sampled_answers : bool
        The answer is a draw of 0 or 1; mended, a probability.
    forgotten_users : bool
        The last, smaller batch is never trained on: 43 of 943 users.
    """

    unrated_clamped: bool = True
    summed_batches: bool = True
    wide_weights: bool = True
    sampled_answers: bool = True
    forgotten_users: bool = True


class CourseRBM(Recommender):
    """Liked or not, by an RBM with CD-10 at a learning rate of 1, as in the course.

    It predicts 0 or 1, drawn anew by each call (a probability where that fault is mended),
    from the user's training ratings alone.

    Parameters
    ----------
    user_count, item_count : int
    hidden_size, steps, epochs, batch_size : int
    faults : RBMFaults
    generator : torch.Generator, optional
        On the ratings' device; the global one if not given.
    """

    def __init__(
        self,
        user_count: int,
        item_count: int,
        *,
        hidden_size: int = 100,
        steps: int = 10,
        epochs: int = 10,
        batch_size: int = 100,
        faults: RBMFaults | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(user_count, item_count)
        self.hidden_size, self.steps = hidden_size, steps
        self.epochs, self.batch_size = epochs, batch_size
        self.faults, self.generator = faults or RBMFaults(), generator

    def _fit(self, ratings: Ratings) -> None:
        self._input = self._visible(ratings)
        noise = {"generator": self.generator, "device": self._input.device}
        scale = 1.0 if self.faults.wide_weights else 0.01
        self.weight = scale * torch.randn(self.item_count, self.hidden_size, **noise)  # type: ignore[arg-type]
        self.hidden_bias = scale * torch.randn(self.hidden_size, **noise)  # type: ignore[arg-type]
        self.visible_bias = scale * torch.randn(self.item_count, **noise)  # type: ignore[arg-type]
        batches = self._input.split(self.batch_size)
        if self.faults.forgotten_users and len(batches) > 1:
            batches = batches[:-1]
        rated = self._rated.split(self.batch_size)
        pairs = list(zip(batches, rated, strict=False))
        loop(lambda pair, done: self._step(*pair), pairs, epochs=self.epochs)

    def _visible(self, ratings: Ratings) -> Tensor:
        """Ratings as the course codes them: liked 1, disliked 0, unrated -1 (0 if mended)."""
        stars, mask = self._matrices(ratings)
        self._rated = mask > 0
        unrated = -1.0 if self.faults.unrated_clamped else 0.0
        return torch.where(self._rated, (stars >= LIKED_FROM).float(), unrated)

    def _step(self, data: Tensor, rated: Tensor) -> None:
        """One update by CD: the chain's unrated films are put back to the data's each time."""
        first = self._hidden(data)
        chain = data
        for _ in range(self.steps):
            visible = self._visible_mean(bernoulli(self._hidden(chain), self.generator))
            chain = torch.where(rated, bernoulli(visible, self.generator), data)
        last = self._hidden(chain)
        scale = 1.0 if self.faults.summed_batches else 1 / len(data)
        self.weight += scale * (data.T @ first - chain.T @ last)
        self.visible_bias += scale * (data - chain).sum(0)
        self.hidden_bias += scale * (first - last).sum(0)

    def _hidden(self, visible: Tensor) -> Tensor:
        return torch.sigmoid(visible @ self.weight + self.hidden_bias)

    def _visible_mean(self, hidden: Tensor) -> Tensor:
        return torch.sigmoid(hidden @ self.weight.T + self.visible_bias)

    def _predict(self, users: Tensor, items: Tensor) -> Tensor:
        who, row = users.unique(return_inverse=True)
        hidden = self._hidden(self._input[who])
        if not self.faults.sampled_answers:
            return self._visible_mean(hidden)[row, items]
        visible = self._visible_mean(bernoulli(hidden, self.generator))
        return bernoulli(visible, self.generator)[row, items]
