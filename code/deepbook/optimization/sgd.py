"""Stochastic gradient descent."""

from typing import Any

import torch
from torch import Tensor

from deepbook.optimization.first_order import FirstOrderOptimizer

__all__ = ["SGD"]


class SGD(FirstOrderOptimizer):
    """Stochastic gradient descent (Goodfellow et al. 2016, algorithm 8.1).

    ``w <- w - lr * g``: the same as ``torch.optim.SGD`` without momentum. See ``Momentum`` and
    ``Nesterov``.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
    lr : float
        The learning rate, epsilon in the book.
    weight_decay : float
        Its product with the weight is added to the gradient.

    Raises
    ------
    ValueError, NonFiniteError, TypeError
        As for ``FirstOrderOptimizer``.
    """

    def __init__(self, params: Any, lr: float = 1e-3, *, weight_decay: float = 0.0) -> None:
        super().__init__(params, lr=lr, weight_decay=weight_decay)

    def _update_group(
        self, parameters: list[Tensor], gradients: list[Tensor], group: dict[str, Any]
    ) -> None:
        # w <- w - lr g for all tensors in one call: a loop in Python would cost more than the sum
        torch._foreach_add_(parameters, gradients, alpha=-group["lr"])
