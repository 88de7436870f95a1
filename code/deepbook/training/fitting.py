"""The common case of a training: a network, a loss, an optimizer."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from deepbook.training.batches import Minibatches
from deepbook.training.history import History
from deepbook.training.loops import loop
from deepbook.training.measures import Measure, accuracy, check_examples, evaluate_all
from deepbook.training.schedules import Schedule, constant
from deepbook.training.steps import Descent

__all__ = ["fit"]


def fit(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    *,
    loss: Measure,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int,
    validation: tuple[Tensor, Tensor] | None = None,
    measures: Mapping[str, Measure] | None = None,
    after_epoch: Callable[[History], bool | None] | None = None,
    generator: torch.Generator | None = None,
    augment: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None,
    schedule: Schedule = constant,
    clip_norm: float | None = None,
) -> History:
    """Train ``model`` by minibatch gradient descent (Goodfellow et al. 2016, algorithm 8.1).

    Parameters
    ----------
    inputs, targets : Tensor, shape (examples, ...)
        On the model's device.
    loss : callable
        ``loss(outputs, targets)``, a mean over the examples of a minibatch.
    optimizer : torch.optim.Optimizer
        Over the model's parameters.
    epochs, batch_size : int
        Each epoch sees every example once, in a new order.
    validation : (inputs, targets), optional
        Measured after each epoch: the loss, and ``measures``.
    measures : mapping of str to callable, optional
        By what name, beginning with ``validation_``, the history has
        ``measure(outputs, targets)``, a mean over examples; accuracy if not given, where targets
        are classes.
    after_epoch : callable, optional
        ``after_epoch(history)``; returning True ends the training. See ``EarlyStopping``.
    generator : torch.Generator, optional
        A CPU generator for the order of the examples; the global one if not given.
    augment : callable, optional
        ``augment(inputs, targets)`` gives the minibatch that is trained on, new in every epoch.
    schedule, clip_norm
        As for ``Descent``.

    Returns
    -------
    History

    Raises
    ------
    NonFiniteError
        As soon as a minibatch's loss is NaN or infinite, before it reaches the weights.
    ValueError
        If sizes do not fit, or epochs or batch_size is less than one.
    """
    check_examples(inputs, targets)
    batches = Minibatches(
        inputs, targets, batch_size=batch_size, augment=augment, generator=generator
    )

    def batch_loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        x, y = batch
        return loss(model(x), y)

    step = Descent(model, batch_loss, optimizer, schedule=schedule, clip_norm=clip_norm)
    monitor = None
    if validation is not None:
        measured = validation_measures(loss, measures, validation[1])
        monitor = partial(evaluate_all, model, *validation, measured)
    return loop(step, batches, epochs=epochs, monitor=monitor, after_epoch=after_epoch)


def validation_measures(
    loss: Any, measures: Mapping[str, Measure] | None, targets: Tensor
) -> dict[str, Any]:
    """The loss and the other measures, named ``validation_...``; accuracy where nothing is said."""
    if measures is None:
        measures = {} if targets.is_floating_point() else {"accuracy": accuracy}
    return {f"validation_{name}": m for name, m in {"loss": loss, **measures}.items()}
