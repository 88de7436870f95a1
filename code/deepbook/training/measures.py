"""Measures of a trained model: means over examples, taken in evaluation mode."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

__all__ = ["accuracies", "accuracy", "evaluate", "predict"]

Measure = Callable[[Tensor, Tensor], Tensor]


@torch.no_grad()
def predict(model: nn.Module, inputs: Tensor, *, batch_size: int = 1000) -> Tensor:
    """The model's outputs for all inputs, in evaluation mode and without autograd.

    Parameters
    ----------
    inputs : Tensor, shape (examples, ...)
    batch_size : int
        How many examples at a time.

    Returns
    -------
    Tensor, shape (examples, ...)
        The model's training mode is left as it was.

    Raises
    ------
    ValueError
        If there are no examples, or batch_size is less than one.
    """
    check_examples(inputs, inputs)
    _check_batch_size(batch_size)
    with evaluating(model):
        return torch.cat([model(x) for x in inputs.split(batch_size)])


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
    check_examples(inputs, targets)
    _check_batch_size(batch_size)
    with evaluating(model):
        total = sum(
            measure(model(x), y).item() * len(x)
            for x, y in zip(inputs.split(batch_size), targets.split(batch_size), strict=True)
        )
    return total / len(inputs)


def evaluate_all(
    model: nn.Module, inputs: Tensor, targets: Tensor, measures: Mapping[str, Measure]
) -> dict[str, float]:
    """``evaluate`` for several measures, by name."""
    return {name: evaluate(model, inputs, targets, m) for name, m in measures.items()}


def accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Share of examples whose largest output stands at the target's place.

    Parameters
    ----------
    outputs : Tensor, shape (examples, classes)
    targets : Tensor, shape (examples,), int64

    Returns
    -------
    Tensor, shape ()

    Examples
    --------
    >>> import torch
    >>> from deepbook.training import accuracy
    >>> outputs = torch.tensor([[2.0, -1.0], [0.3, 0.4], [5.0, 1.0], [0.0, 9.0]])
    >>> accuracy(outputs, torch.tensor([0, 1, 1, 1]))
    tensor(0.7500)
    """
    if outputs.ndim != 2 or targets.shape != outputs.shape[:1]:
        raise ValueError(
            "expected outputs of shape (examples, classes) and targets of shape (examples,), "
            f"got {tuple(outputs.shape)} and {tuple(targets.shape)}"
        )
    return (outputs.argmax(dim=1) == targets).float().mean()


def accuracies(models: Iterable[nn.Module], inputs: Tensor, targets: Tensor) -> Tensor:
    """Share of examples that each of several models gets right, in evaluation mode.

    Parameters
    ----------
    inputs : Tensor, shape (examples, ...)
    targets : Tensor, shape (examples,), int64

    Returns
    -------
    Tensor of float64, shape (models,)

    Raises
    ------
    ValueError
        If there is no model, or sizes do not fit.
    """
    check_examples(inputs, targets)
    answers = [predict(model, inputs).argmax(dim=1) for model in models]
    if not answers:
        raise ValueError("expected at least one model, got none")
    return (torch.stack(answers) == targets).double().mean(dim=1)


def check_examples(inputs: Tensor, targets: Tensor) -> None:
    """Raise ``ValueError`` unless there is a target for each of at least one input."""
    if len(inputs) != len(targets) or len(inputs) == 0:
        raise ValueError(
            "expected as many targets as inputs, and at least one, "
            f"got {len(targets)} and {len(inputs)}"
        )


def _check_batch_size(batch_size: int) -> None:
    if batch_size < 1:
        raise ValueError(f"expected a batch size of at least 1, got {batch_size}")


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, and afterwards each of its modules back into its own."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
