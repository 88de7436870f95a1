"""Stars or likes by a restricted Boltzmann machine that trains for what it is asked."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from deepbook.boltzmann.recommenders.tied_softmax import Penalties, TiedSoftmaxRBM
from deepbook.data.movielens import Ratings
from deepbook.recommenders.recommender import Recommender, liked
from deepbook.training.batches import minibatches
from deepbook.training.loops import loop
from deepbook.training.schedules import by_epoch
from deepbook.training.steps import Descent

__all__ = ["RatingsRBM"]

LIKES_PENALTIES = Penalties(slope=10.0, deviation=30.0, bias=8.0, example_bias=4.0)


class RatingsRBM(Recommender):
    """K-way ratings by machines with missing units (after Salakhutdinov, Mnih and Hinton 2007).

    An example is a film, its visible units the users who rated it (Georgiev and Nakov 2013), or
    a user, the units the films. It climbs the log of the exact conditional ``P(one rating | some
    of the others)``, all hidden units summed out: no chain, no sampling. With ``kept`` = 1 that is
    the pseudo-likelihood (Goodfellow et al. 2016, section 18.3). Which others are given is
    drawn anew in each step, for a test rating will meet only some of them too.

    It predicts the mean number of stars, or with ``values="likes"`` the probability of liking. A
    pair that was rated is predicted from all other ratings, without its own.

    Parameters
    ----------
    user_count, item_count : int
    values : str
        "stars", 5 values, or "likes", 2 values: 3 stars or more, or less.
    examples : str
        "items" or "users".
    hidden_size : int
    penalties : Penalties
        "likes" needs larger ones than "stars".
    kept : float
        Share of the other ratings that is given, above 0.
    epochs, batch_size : int
        Passes over the examples, and examples in a step.
    learning_rate : float
        Of Adam; constant at first, it falls to 0 in a straight line over the second half.
    generator : torch.Generator, optional
        On the CPU; the global one if not given.

    Attributes
    ----------
    model : TiedSoftmaxRBM
        ``model.machine(example)`` is an example's ``SoftmaxRBM``.
    losses : list of float
        Nats for each training rating in each epoch, before each step.

    Raises
    ------
    ValueError
        If a choice is not one of those above or a number is out of its range.
    NonFiniteError
        By ``fit``, with the step and the learning rate.
    """

    def __init__(
        self,
        user_count: int,
        item_count: int,
        *,
        values: Literal["stars", "likes"] = "stars",
        examples: Literal["items", "users"] = "items",
        hidden_size: int = 60,
        penalties: Penalties | None = None,
        kept: float = 0.5,
        epochs: int = 40,
        batch_size: int = 64,
        learning_rate: float = 0.005,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(user_count, item_count)
        if values not in ("stars", "likes"):
            raise ValueError(f'expected values "stars" or "likes", got {values!r}')
        if examples not in ("items", "users"):
            raise ValueError(f'expected examples "items" or "users", got {examples!r}')
        if min(hidden_size, epochs, batch_size) < 1:
            raise ValueError(
                "expected at least 1 hidden unit, 1 epoch and 1 example in a batch, "
                f"got {hidden_size}, {epochs} and {batch_size}"
            )
        if not (0 < kept <= 1 and learning_rate > 0):
            raise ValueError(
                "expected kept above 0 and at most 1, and a positive learning rate, "
                f"got {kept} and {learning_rate}"
            )
        self.values, self.examples, self.hidden_size = values, examples, hidden_size
        if penalties is None:
            penalties = Penalties() if values == "stars" else LIKES_PENALTIES
        self.penalties, self.kept, self.generator = penalties, kept, generator
        self.epochs, self.batch_size, self.learning_rate = epochs, batch_size, learning_rate

    @property
    def value_count(self) -> int:
        """5 or 2."""
        return 5 if self.values == "stars" else 2

    @torch.no_grad()
    def distribution(self, users: Tensor, items: Tensor) -> Tensor:
        """``P(value)`` for pairs, shape (N, value_count); arguments and errors as ``predict``."""
        self._check_question(users, items)
        blocks = zip(users.split(8192), items.split(8192), strict=True)
        return torch.cat([self._distribution(*block) for block in blocks])

    def _fit(self, ratings: Ratings) -> None:
        examples, units = self._roles(ratings.users, ratings.items)
        values = self._values(ratings)
        sizes = (self.user_count, self.item_count)
        example_count, unit_count = sizes[::-1] if self.examples == "items" else sizes
        self.model = TiedSoftmaxRBM(
            example_count,
            unit_count,
            self.value_count,
            self.hidden_size,
            generator=self.generator,
        ).to(values.device)
        self.model.initialize_biases_(units, values)
        self._train(examples, units, values, example_count)
        self._remember(examples, units, values, (example_count, unit_count))

    def _train(self, examples: Tensor, units: Tensor, values: Tensor, example_count: int) -> None:
        # the rows of an example stand together
        order = examples.argsort(stable=True)
        rows_of = order.split(torch.bincount(examples, minlength=example_count).tolist())
        optimizer = torch.optim.Adam(
            self.model.parameters(), lr=self.learning_rate, betas=(0.9, 0.99)
        )

        def loss(model: TiedSoftmaxRBM, batch: tuple[Tensor, float]) -> tuple[Tensor, Any]:
            rows, share = batch
            nats = self._nats(examples[rows], units[rows], values[rows], example_count)
            # a batch stands for a share of all examples, and carries that of the penalty
            whole = (nats + model.penalty(self.penalties) * share) / len(rows)
            return whole, {"loss": nats / len(rows)}

        falling = by_epoch(lambda done: min(1.0, 2 * (1 - done)), self.epochs)
        history = loop(
            Descent(self.model, loss, optimizer, schedule=falling),
            _RatingBatches(rows_of, self.batch_size, self.generator),
            epochs=self.epochs,
        )
        self.losses = history.loss

    def _nats(self, examples: Tensor, units: Tensor, values: Tensor, example_count: int) -> Tensor:
        """``-log P(each of these ratings | a random part of its example's others)``, summed."""
        weight = self.model.weight()
        kept = torch.rand(len(values), generator=self.generator).to(weight.device) < self.kept
        own = weight[units, values] * kept[:, None]
        together = weight.new_zeros(example_count, self.hidden_size).index_add(0, examples, own)
        # a rating is predicted without itself
        scores = self.model.scores(together[examples] - own, weight, examples, units)
        return cross_entropy(scores, values, reduction="sum")

    @torch.no_grad()
    def _remember(
        self, examples: Tensor, units: Tensor, values: Tensor, shape: tuple[int, int]
    ) -> None:
        """Each example's input to the hidden units, and every rating, for leaving one out."""
        self._weight = self.model.weight()
        own = self._weight[units, values]
        self._together = own.new_zeros(shape[0], self.hidden_size).index_add(0, examples, own)
        self._known = torch.full(shape, -1, device=values.device)
        self._known[examples, units] = values

    def _distribution(self, users: Tensor, items: Tensor) -> Tensor:
        examples, units = self._roles(users, items)
        known = self._known[examples, units]
        own = self._weight[units, known.clamp(min=0)] * (known >= 0)[:, None]
        scores = self.model.scores(self._together[examples] - own, self._weight, examples, units)
        return torch.softmax(scores, -1)

    def _predict(self, users: Tensor, items: Tensor) -> Tensor:
        probability = self.distribution(users, items)
        if self.values == "likes":
            return probability[:, 1]
        return probability @ torch.arange(1.0, 6.0, device=probability.device)

    def _roles(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """What is an example and what a visible unit."""
        return (items, users) if self.examples == "items" else (users, items)

    def _values(self, ratings: Ratings) -> Tensor:
        return ratings.stars - 1 if self.values == "stars" else liked(ratings.stars).long()


class _RatingBatches:
    """For each minibatch of examples the places of their ratings, and its share of all examples.

    Examples without a rating teach nothing: a minibatch of none but these is left out.
    """

    def __init__(
        self, rows_of: Sequence[Tensor], batch_size: int, generator: torch.Generator | None
    ) -> None:
        self.rows_of, self.batch_size, self.generator = rows_of, batch_size, generator

    def __len__(self) -> int:
        return math.ceil(len(self.rows_of) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, float]]:
        count = len(self.rows_of)
        for batch in minibatches(count, self.batch_size, generator=self.generator):
            rows = torch.cat([self.rows_of[example] for example in batch.tolist()])
            if len(rows):
                yield rows, len(batch) / count
