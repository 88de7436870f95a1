"""AdaGrad: each weight has a learning rate of its own, which only falls."""

from typing import Any

import torch
from torch import Tensor

from deepbook.optimization.first_order import FirstOrderOptimizer

__all__ = ["AdaGrad"]


class AdaGrad(FirstOrderOptimizer):
    """AdaGrad (Goodfellow et al. 2016, algorithm 8.4; Duchi et al. 2011).

    ``r <- r + g^2`` and ``w <- w - lr * g / (sqrt(r) + eps)``. The book's delta stands where
    torch's eps does, outside the root; the book suggests 1e-7.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
    lr : float
        The learning rate, epsilon in the book.
    eps : float
        Delta in the book.
    weight_decay : float
        Its product with the weight is added to the gradient.

    Raises
    ------
    ValueError, NonFiniteError, TypeError
        As for ``FirstOrderOptimizer``.
    """

    def __init__(
        self, params: Any, lr: float = 1e-2, *, eps: float = 1e-10, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, lr=lr, eps=eps, weight_decay=weight_decay)

    def _update(
        self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        if not state:
            state["step"], state["sum"] = 0, torch.zeros_like(parameter)
        state["step"] = int(state["step"]) + 1  # nothing here needs it; torch's twin does
        total = state["sum"].addcmul_(gradient, gradient)  # r <- r + g * g
        parameter.addcdiv_(gradient, total.sqrt().add_(group["eps"]), value=-group["lr"])
