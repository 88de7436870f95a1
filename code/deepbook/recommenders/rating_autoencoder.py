"""Stars by an autoencoder that works, after AutoRec (Sedhain et al. 2015)."""

from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn

from deepbook.data.movielens import Ratings
from deepbook.recommenders.baselines import BiasModel
from deepbook.recommenders.recommender import Recommender
from deepbook.training.batches import Minibatches
from deepbook.training.loops import loop
from deepbook.training.schedules import by_epoch, linear_decay
from deepbook.training.steps import Descent

__all__ = ["RatingAutoencoder"]


class RatingAutoencoder(Recommender):
    """Stars by an autoencoder whose example is a film (all that users gave it), or a user.

    The input is the stars, 0 where there are none: so the network sees both how something was
    rated and by whom, and unrated entries still add nothing to any unit. The loss is the
    squared error on rated entries alone, plus half ``penalty`` times all squared weights; the
    hidden units are sigmoids.

    Parameters
    ----------
    user_count, item_count : int
    examples : str
        "items" or "users".
    target : str
        "stars", or "residuals": what the user and item biases leave over.
    hidden_sizes : tuple of int
    penalty : float
    epochs : int
    learning_rate : float
        Of Adam, where the loss is divided by the number of ratings; it falls to 0 in a
        straight line.
    batch_size : int
        Examples in a step.
    generator : torch.Generator, optional
        For the initial weights and the order of the examples, on the CPU; the global one if
        not given.

    Attributes
    ----------
    network : torch.nn.Sequential
    losses : list of float
        Mean squared error on the training ratings in each epoch, before each step.

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
        examples: Literal["items", "users"] = "items",
        target: Literal["stars", "residuals"] = "stars",
        hidden_sizes: tuple[int, ...] = (500, 500),
        penalty: float = 12.0,
        epochs: int = 30,
        learning_rate: float = 2e-3,
        batch_size: int = 64,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(user_count, item_count)
        if examples not in ("items", "users"):
            raise ValueError(f'expected examples "items" or "users", got {examples!r}')
        if target not in ("stars", "residuals"):
            raise ValueError(f'expected target "stars" or "residuals", got {target!r}')
        if not hidden_sizes or min(hidden_sizes) < 1:
            raise ValueError(f"expected hidden layers of at least 1 unit, got {hidden_sizes}")
        if not (penalty >= 0 and learning_rate > 0 and epochs >= 1):
            raise ValueError(
                "expected a penalty of at least 0, a positive learning rate and at least "
                f"1 epoch, got {penalty}, {learning_rate} and {epochs}"
            )
        self.examples, self.target, self.hidden_sizes = examples, target, hidden_sizes
        self.penalty, self.epochs = penalty, epochs
        self.learning_rate, self.batch_size = learning_rate, batch_size
        self.generator = generator

    def _fit(self, ratings: Ratings) -> None:
        stars, mask = self._matrices(ratings)
        self._base = torch.zeros_like(stars)
        if self.target == "residuals":
            biases = BiasModel(self.user_count, self.item_count).fit(ratings)
            self._base = biases.mean + biases.user_bias[:, None] + biases.item_bias
        targets = (stars - self._base) * mask
        if self.examples == "items":
            stars, mask, targets = stars.T.contiguous(), mask.T.contiguous(), targets.T.contiguous()
        self.network = self._new_network(stars.shape[1]).to(stars.device)
        self._train(stars, mask, targets)
        with torch.no_grad():
            output = self.network(stars)
        self._table = self._base + (output.T if self.examples == "items" else output)

    def _new_network(self, width: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        widths = [width, *self.hidden_sizes, width]
        for incoming, outgoing in pairwise(widths):
            linear = nn.Linear(incoming, outgoing)
            nn.init.xavier_uniform_(linear.weight, generator=self.generator)
            nn.init.zeros_(linear.bias)
            layers += [linear, nn.Sigmoid()]
        return nn.Sequential(*layers[:-1])

    def _train(self, inputs: Tensor, mask: Tensor, targets: Tensor) -> None:
        weights = [p for p in self.network.parameters() if p.ndim == 2]
        optimizer = torch.optim.Adam(self.network.parameters(), lr=self.learning_rate)
        count = float(mask.sum())

        def loss(network: nn.Module, rows: Tensor) -> tuple[Tensor, Any]:
            error = (network(inputs[rows]) - targets[rows]) * mask[rows]
            squares = error.square().sum()
            # a batch stands for all examples; the penalty is once for the whole set
            shrink = self.penalty * sum(w.square().sum() for w in weights)
            whole = (squares * (len(inputs) / len(rows)) + shrink) / (2 * count)
            return whole, {"squares": squares}

        batches = Minibatches(
            torch.arange(len(inputs)), batch_size=self.batch_size, generator=self.generator
        )
        falling = by_epoch(linear_decay, self.epochs)
        step = Descent(self.network, loss, optimizer, schedule=falling)
        squares = loop(step, batches, epochs=self.epochs).trace["squares"]
        sums = torch.tensor(squares, dtype=torch.float64).view(self.epochs, -1).sum(1)
        self.losses = (sums / count).tolist()

    def _predict(self, users: Tensor, items: Tensor) -> Tensor:
        return self._table[users, items].clamp(1, 5)
