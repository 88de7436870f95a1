"""Stars by an autoencoder that works, after AutoRec (Sedhain et al. 2015)."""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from deepbook.data.movielens import Ratings
from deepbook.progress import progress
from deepbook.recommenders.baselines import BiasModel
from deepbook.recommenders.recommender import Recommender
from deepbook.training import NonFiniteLossError, minibatches

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
    NonFiniteLossError
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
        self.losses: list[float] = []
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
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda e: 1 - e / self.epochs)
        count, step = float(mask.sum()), 0
        for _ in progress(range(self.epochs), "epochs"):
            total = 0.0
            for batch in minibatches(len(inputs), self.batch_size, generator=self.generator):
                step += 1
                error = (self.network(inputs[batch]) - targets[batch]) * mask[batch]
                squares = error.square().sum()
                if not bool(torch.isfinite(squares)):
                    rate = optimizer.param_groups[0]["lr"]
                    raise NonFiniteLossError(
                        f"the loss is {squares.item()} at step {step} with learning rate {rate}"
                    )
                # a batch stands for all examples; the penalty is once for the whole set
                shrink = self.penalty * sum(w.square().sum() for w in weights)
                loss = (squares * (len(inputs) / len(batch)) + shrink) / (2 * count)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += squares.item()
            schedule.step()
            self.losses.append(total / count)

    def _predict(self, users: Tensor, items: Tensor) -> Tensor:
        return self._table[users, items].clamp(1, 5)
