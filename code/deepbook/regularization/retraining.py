"""After an early stop: how the validation data come to be trained on too."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from deepbook.training import Descent, History, Minibatches, evaluate, fit, loop
from deepbook.training.counts import check_count
from deepbook.training.measures import Measure, check_examples

__all__ = ["fit_steps", "fit_until_loss", "steps_of"]


def steps_of(epochs: int, examples: int, batch_size: int) -> int:
    """How many parameter updates so many epochs are, such as ``EarlyStopping.best_epoch``.

    With more data an epoch has more steps. Algorithm 7.2 may keep either number; Goodfellow et al.
    (2016, section 7.8) know of no good reason to prefer one.
    """
    return epochs * math.ceil(check_count("example", examples) / check_count("step", batch_size))


def fit_steps(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    *,
    loss: Measure,
    optimizer: Optimizer,
    steps: int,
    batch_size: int,
    augment: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None,
    generator: torch.Generator | None = None,
) -> History:
    """Train for exactly so many steps: the second half of algorithm 7.2.

    Parameters
    ----------
    model : torch.nn.Module
        Initialised afresh, with an optimizer of its own.
    inputs, targets : Tensor, shape (examples, ...)
        All of the data, with those that were held out to find the number of steps.
    steps : int
        ``i*``: from ``steps_of``. The last epoch may end in its middle.
    loss, optimizer, batch_size, augment, generator
        As for ``deepbook.training.fit``.

    Returns
    -------
    History
        As of one epoch of ``steps`` batches.
    """
    check_examples(inputs, targets)
    check_count("step", steps)
    batches = Minibatches(
        inputs, targets, batch_size=batch_size, augment=augment, generator=generator
    )
    step = Descent(model, lambda model, batch: loss(model(batch[0]), batch[1]), optimizer)
    return loop(step, _FirstBatches(batches, steps), epochs=1)


def fit_until_loss(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    validation: tuple[Tensor, Tensor],
    *,
    target_loss: float,
    loss: Measure,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int,
    augment: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None,
    generator: torch.Generator | None = None,
) -> History:
    """Go on, on all data, until the held-out loss is as low as the old one: algorithm 7.3.

    Parameters
    ----------
    model : torch.nn.Module
        With the weights of the early stop.
    inputs, targets : Tensor, shape (examples, ...)
        All of the data, with those that were held out.
    validation : (inputs, targets)
        Those that were held out.
    target_loss : float
        ``epsilon``: the loss on the data that were trained on, when it stopped, in evaluation mode.
    epochs : int
        At most so many: the loss may never become as low, which is why this algorithm is not as
        well-behaved as 7.2.
    loss, optimizer, batch_size, augment, generator
        As for ``deepbook.training.fit``.

    Returns
    -------
    History
        Its ``stopped`` tells whether the target was reached. Without an epoch if it was already.
    """
    check_count("epoch", epochs)
    if not math.isfinite(target_loss):
        raise ValueError(f"expected a finite target loss, got {target_loss}")
    if evaluate(model, *validation, loss) <= target_loss:
        return History(stopped=True)
    return fit(
        model,
        inputs,
        targets,
        loss=loss,
        optimizer=optimizer,
        epochs=epochs,
        batch_size=batch_size,
        validation=validation,
        measures={},
        after_epoch=lambda history: history.validation_loss[-1] <= target_loss,
        augment=augment,
        generator=generator,
    )


class _FirstBatches:
    """The first so many batches of epoch after epoch, as one epoch."""

    def __init__(self, batches: Minibatches, count: int) -> None:
        self.batches, self.count = batches, count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Any]:
        left = self.count
        while left:
            for batch in self.batches:
                yield batch
                left -= 1
                if not left:
                    return
