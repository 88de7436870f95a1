"""The autoencoder recommender of the best-known course, re-made with its faults.

Each fault is a switch, so that one can see what it does. With all of them off there is left
a plain autoencoder, not tuned.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from deepbook.data.movielens import Ratings
from deepbook.recommenders.recommender import Recommender
from deepbook.training.loops import loop

__all__ = ["AutoencoderFaults", "CourseAutoencoder"]


@dataclass(frozen=True)
class AutoencoderFaults:
    """What is wrong with the course's autoencoder; a fault that is False is mended.

    Attributes
    ----------
    never_zeroed : bool
        ``zero_grad`` is never called: each step goes along the sum of all gradients so far.
    heavy_decay : bool
        Weight decay of .5, which a gradient of ordinary size does not outweigh; mended, none.
    diluted_loss : bool
        The squared error is divided by all films instead of the user's; the "mean corrector"
        mends it in the number that is printed, not in the gradient.
    """

    never_zeroed: bool = True
    heavy_decay: bool = True
    diluted_loss: bool = True


class CourseAutoencoder(Recommender):
    """Stars, by a stacked autoencoder of 20, 10 and 20 sigmoid units, as in the course.

    RMSprop with a learning rate of .01, one user at a time in the order of their numbers.

    Parameters
    ----------
    user_count, item_count : int
    sizes : tuple of int
        Of the hidden layers.
    epochs : int
        The course takes 200.
    faults : AutoencoderFaults
    generator : torch.Generator, optional
        For the initial weights, on the CPU; the global one if not given.

    Attributes
    ----------
    network : torch.nn.Sequential
    losses : list of float
        What the course prints after each epoch: the mean over users of the root mean square
        error on the user's own inputs.
    """

    def __init__(
        self,
        user_count: int,
        item_count: int,
        *,
        sizes: tuple[int, ...] = (20, 10, 20),
        epochs: int = 200,
        faults: AutoencoderFaults | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(user_count, item_count)
        self.sizes, self.epochs = sizes, epochs
        self.faults, self.generator = faults or AutoencoderFaults(), generator

    def _fit(self, ratings: Ratings) -> None:
        self._input, mask = self._matrices(ratings)
        self.network = self._new_network().to(self._input.device)
        optimizer = torch.optim.RMSprop(
            self.network.parameters(), lr=0.01, weight_decay=0.5 * self.faults.heavy_decay
        )
        users = [user for user in range(self.user_count) if mask[user].any()]
        counts = mask.sum(1).tolist()

        def step(user: int, done: float) -> float:
            stars = self._input[user : user + 1]
            loss = mse_loss(self.network(stars) * mask[user : user + 1], stars)
            corrector = self.item_count / counts[user]
            if not self.faults.never_zeroed:
                optimizer.zero_grad()
            (loss if self.faults.diluted_loss else loss * corrector).backward()
            optimizer.step()
            return float((loss.item() * corrector) ** 0.5)

        self.losses = loop(step, users, epochs=self.epochs).loss

    def _new_network(self) -> nn.Sequential:
        layers: list[nn.Module] = []
        widths = [self.item_count, *self.sizes, self.item_count]
        for width, next_width in pairwise(widths):
            linear = nn.Linear(width, next_width)
            # torch's own initial weights and biases, from this generator
            bound = width**-0.5
            for parameter in linear.parameters():
                nn.init.uniform_(parameter, -bound, bound, generator=self.generator)
            layers += [linear, nn.Sigmoid()]
        return nn.Sequential(*layers[:-1])

    def _predict(self, users: Tensor, items: Tensor) -> Tensor:
        who, row = users.unique(return_inverse=True)
        return self.network(self._input[who])[row, items]
