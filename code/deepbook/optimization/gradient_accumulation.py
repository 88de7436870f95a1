"""The gradient of a minibatch that comes in parts."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from torch import Tensor

__all__ = ["accumulate_gradients"]


def accumulate_gradients(
    parameters: Sequence[Tensor],
    sum_and_count: Callable[[Any], tuple[Tensor, float]],
    parts: Iterable[Any],
) -> float:
    """Gradient of a mean over a minibatch that comes in parts too many for the memory at once.

    The sums of all parts are divided by their count in the end. A mean of the parts' means would
    weigh an example in a small part more than one in a large part.

    Parameters
    ----------
    parameters : sequence of Tensor
        Their ``grad`` is replaced.
    sum_and_count : callable
        ``sum_and_count(part)``: the summed loss of a part, and over how many terms it runs.
    parts : iterable

    Returns
    -------
    float
        The mean loss.

    Raises
    ------
    ValueError
        If all counts together are not above 0.
    """
    for parameter in parameters:
        parameter.grad = None
    total, count = 0.0, 0.0
    for part in parts:
        loss, terms = sum_and_count(part)
        loss.backward()
        total, count = total + loss.item(), count + float(terms)
    if not count > 0:
        raise ValueError(f"expected a mean over one term or more, got {count:g}")
    for parameter in parameters:
        if parameter.grad is not None:
            parameter.grad /= count
    return total / count
