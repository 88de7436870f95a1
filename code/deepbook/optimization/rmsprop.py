"""RMSProp: gradients measured by their recent size."""

from typing import Any

import torch
from torch import Tensor

from deepbook.optimization.first_order import FirstOrderOptimizer

__all__ = ["RMSProp"]


class RMSProp(FirstOrderOptimizer):
    """RMSProp, also with momentum (Goodfellow et al. 2016, algorithms 8.5 and 8.6).

    ``r <- alpha * r + (1 - alpha) * g^2`` and ``w <- w - lr * g / (sqrt(r) + eps)``, as
    ``torch.optim.RMSprop`` has it. Algorithm 8.5 divides by ``sqrt(eps + r)``, with 1e-6:
    ``eps_inside`` does that. With momentum, ``b <- momentum * b + g / (sqrt(r) + eps)`` and
    ``w <- w - lr * b``. With ``nesterov`` it is algorithm 8.6, which torch lacks and which has no
    eps: as for ``Nesterov``, the weights held here are the points ahead at which the book takes
    the gradient.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
    lr : float
        The learning rate, epsilon in the book.
    alpha : float
        In [0, 1): how much of the mean of squares is kept, rho in the book.
    eps : float
        Delta in the book.
    eps_inside : bool
        Whether eps is added under the root.
    momentum : float
        In [0, 1), alpha in the book.
    nesterov : bool
        Whether the momentum is Nesterov's.
    weight_decay : float
        Its product with the weight is added to the gradient.

    Raises
    ------
    ValueError, NonFiniteError, TypeError
        As for ``FirstOrderOptimizer``; ValueError too for ``nesterov`` without momentum.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        alpha: float = 0.99,
        *,
        eps: float = 1e-8,
        eps_inside: bool = False,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            alpha=alpha,
            eps=eps,
            eps_inside=eps_inside,
            momentum=momentum,
            nesterov=nesterov,
            weight_decay=weight_decay,
        )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Check the settings of a group, and add it."""
        settings = {**self.defaults, **param_group}
        if settings["nesterov"] and settings["momentum"] == 0:
            raise ValueError("expected a momentum above 0 for Nesterov's, got 0")
        super().add_param_group(param_group)

    def _update(
        self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        if not state:
            state["step"], state["square_avg"] = 0, torch.zeros_like(parameter)
        state["step"] = int(state["step"]) + 1  # nothing here needs it; torch's twin does
        squares, alpha, momentum = state["square_avg"], group["alpha"], group["momentum"]
        squares.mul_(alpha).addcmul_(gradient, gradient, value=1 - alpha)
        if group["eps_inside"]:
            divisor = squares.add(group["eps"]).sqrt_()  # the book's sqrt(delta + r)
        else:
            divisor = squares.sqrt().add_(group["eps"])
        if momentum == 0:
            parameter.addcdiv_(gradient, divisor, value=-group["lr"])
            return
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        scaled = gradient / divisor
        buffer = state["momentum_buffer"].mul_(momentum).add_(scaled)
        if group["nesterov"]:
            buffer = scaled.add_(buffer, alpha=momentum)
        parameter.add_(buffer, alpha=-group["lr"])
