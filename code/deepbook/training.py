"""The training loop that the chapters share, short enough to print in a page."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from deepbook.progress import progress

__all__ = [
    "History",
    "NonFiniteLossError",
    "accuracy",
    "evaluate",
    "fit",
    "minibatches",
]

Measure = Callable[[Tensor, Tensor], Tensor]


class NonFiniteLossError(ArithmeticError):
    """The loss became NaN or infinite; the message tells the step and the learning rate."""


@dataclass
class History:
    """What a training run left behind, one entry an epoch.

    Attributes
    ----------
    loss : list of float
        Mean loss over the epoch's minibatches, each taken before its own step.
    validation_loss, validation_accuracy : list of float
        Measured after the epoch in evaluation mode; empty without validation data.
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)


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
    after_epoch: Callable[[nn.Module, History], bool | None] | None = None,
    generator: torch.Generator | None = None,
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
        Measured after each epoch.
    after_epoch : callable, optional
        ``after_epoch(model, history)``; returning True ends the training (early stopping).
    generator : torch.Generator, optional
        A CPU generator for the order of the examples; the global one if not given.

    Returns
    -------
    History

    Raises
    ------
    NonFiniteLossError
        As soon as a minibatch's loss is NaN or infinite, before it reaches the weights.
    ValueError
        If sizes do not fit, or epochs or batch_size is less than one.
    """
    _check_sizes(inputs, targets)
    if epochs < 1:
        raise ValueError(f"expected at least 1 epoch, got {epochs}")
    history, step = History(), 0
    for _ in progress(range(epochs), "epochs"):
        model.train()
        total = 0.0
        for batch in minibatches(len(inputs), batch_size, generator=generator):
            step += 1
            value = loss(model(inputs[batch]), targets[batch])
            if not math.isfinite(value.item()):
                raise NonFiniteLossError(
                    f"the loss is {value.item()} at step {step} with learning rate "
                    f"{_learning_rates(optimizer)}; the weights are those of step {step - 1}"
                )
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            total += value.item() * len(batch)
        history.loss.append(total / len(inputs))
        if validation is not None:
            history.validation_loss.append(evaluate(model, *validation, loss))
            if not validation[1].is_floating_point():
                history.validation_accuracy.append(evaluate(model, *validation, accuracy))
        if after_epoch is not None and after_epoch(model, history):
            break
    return history


def minibatches(
    examples: int, batch_size: int, *, generator: torch.Generator | None = None
) -> Iterator[Tensor]:
    """Index tensors that together visit every example once, in random order.

    Parameters
    ----------
    examples, batch_size : int
        The last minibatch is smaller where they don't divide.
    generator : torch.Generator, optional
        A CPU generator; the global one if not given.

    Yields
    ------
    Tensor, shape (at most batch_size,), int64
    """
    if batch_size < 1:
        raise ValueError(f"expected a batch size of at least 1, got {batch_size}")
    if examples < 1:
        raise ValueError(f"expected at least 1 example, got {examples}")
    yield from torch.randperm(examples, generator=generator).split(batch_size)


@torch.no_grad()
def evaluate(
    model: nn.Module, inputs: Tensor, targets: Tensor, measure: Measure, *, batch_size: int = 1000
) -> float:
    """Mean of ``measure`` over the examples, with the model in evaluation mode.

    Parameters
    ----------
    measure : callable
        ``measure(outputs, targets)``, a mean over the examples it is given.
    batch_size : int
        How many examples at a time; the result does not depend on it.

    Returns
    -------
    float
        The model's training mode is left as it was.

    Raises
    ------
    ValueError
        If sizes do not fit, or there are no examples, or batch_size is less than one.
    """
    _check_sizes(inputs, targets)
    if batch_size < 1:
        raise ValueError(f"expected a batch size of at least 1, got {batch_size}")
    was_training = model.training
    model.eval()
    try:
        total = sum(
            measure(model(x), y).item() * len(x)
            for x, y in zip(inputs.split(batch_size), targets.split(batch_size), strict=True)
        )
    finally:
        model.train(was_training)
    return total / len(inputs)


def accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Share of examples whose largest output stands at the target's place.

    Parameters
    ----------
    outputs : Tensor, shape (examples, classes)
    targets : Tensor, shape (examples,), int64

    Returns
    -------
    Tensor, shape ()
    """
    if outputs.ndim != 2 or targets.shape != outputs.shape[:1]:
        raise ValueError(
            "expected outputs of shape (examples, classes) and targets of shape (examples,), "
            f"got {tuple(outputs.shape)} and {tuple(targets.shape)}"
        )
    return (outputs.argmax(dim=1) == targets).float().mean()


def _check_sizes(inputs: Tensor, targets: Tensor) -> None:
    if len(inputs) != len(targets) or len(inputs) == 0:
        raise ValueError(
            "expected as many targets as inputs, and at least one, "
            f"got {len(targets)} and {len(inputs)}"
        )


def _learning_rates(optimizer: Optimizer) -> str:
    return ", ".join(f"{group['lr']:g}" for group in optimizer.param_groups)
