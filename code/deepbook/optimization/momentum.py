"""Momentum: steps along a decaying sum of past gradients."""

from typing import Any, ClassVar

from torch import Tensor

from deepbook.optimization.first_order import FirstOrderOptimizer

__all__ = ["Momentum", "Nesterov"]


class Momentum(FirstOrderOptimizer):
    """Gradient descent with momentum, the heavy ball (Goodfellow et al. 2016, algorithm 8.2).

    ``b <- momentum * b + (1 - dampening) * g`` and ``w <- w - lr * b``, as ``torch.optim.SGD``
    does it: the buffer ``b`` has no learning rate in it. The book's velocity is ``v = -lr * b``
    as long as the rate stays the same; when a schedule changes it, the book's old velocity keeps
    the old rate, and ours takes the new one at once.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
    lr : float
        The learning rate, epsilon in the book.
    momentum : float
        In [0, 1), alpha in the book.
    dampening : float
        Takes a share off every gradient but the first, which becomes the buffer as it is.
    weight_decay : float
        Its product with the weight is added to the gradient.

    Raises
    ------
    ValueError, NonFiniteError, TypeError
        As for ``FirstOrderOptimizer``.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        momentum: float = 0.9,
        *,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay
        )

    def _update(
        self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        parameter.add_(_buffer(gradient, state, group), alpha=-group["lr"])


class Nesterov(FirstOrderOptimizer):
    """Gradient descent with Nesterov momentum (Goodfellow et al. 2016, algorithm 8.3).

    ``b <- momentum * b + g`` and ``w <- w - lr * (g + momentum * b)``, as ``torch.optim.SGD``
    does it with ``nesterov=True``. The book takes the gradient at a point ahead of the weights,
    ``w + momentum * v``. Those points are what this optimizer holds as weights (with a constant
    rate, from a standing start): the gradient is always taken where the weights are. The
    book's own weights are ``w + lr * momentum * b``, behind them by the next jump.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
    lr : float
        The learning rate, epsilon in the book.
    momentum : float
        In [0, 1), alpha in the book.
    weight_decay : float
        Its product with the weight is added to the gradient.

    Raises
    ------
    ValueError, NonFiniteError, TypeError
        As for ``FirstOrderOptimizer``.
    """

    _lacking: ClassVar[dict[str, Any]] = {**FirstOrderOptimizer._lacking, "nesterov": True}

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        momentum: float = 0.9,
        *,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay)

    def _update(
        self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        buffer = _buffer(gradient, state, group)
        parameter.add_(gradient.add(buffer, alpha=group["momentum"]), alpha=-group["lr"])


def _buffer(gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
    """The decaying sum of gradients, this one taken in."""
    buffer: Tensor | None = state.get("momentum_buffer")
    if buffer is None:  # torch keeps None where momentum was 0
        buffer = state["momentum_buffer"] = gradient.clone()
    else:
        gain = 1 - group.get("dampening", 0)
        buffer.mul_(group["momentum"]).add_(gradient, alpha=gain)
    return buffer
