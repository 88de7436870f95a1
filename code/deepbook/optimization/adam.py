"""Adam and AdamW: momentum and a scale of its own for each weight."""

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from deepbook.optimization.first_order import FirstOrderOptimizer

__all__ = ["Adam", "AdamW"]


class Adam(FirstOrderOptimizer):
    """Adam (Goodfellow et al. 2016, algorithm 8.7; Kingma and Ba 2015).

    ``s <- beta1 * s + (1 - beta1) * g``, ``r <- beta2 * r + (1 - beta2) * g^2`` and
    ``w <- w - lr * s' / (sqrt(r') + eps)``, where ``s' = s / (1 - beta1^t)`` and
    ``r' = r / (1 - beta2^t)`` are corrected for their start at zero. Each parameter counts by
    itself the steps ``t`` in which it had a gradient. ``eps`` is added after the correction, as
    in the book and in torch.

    ``weight_decay`` is coupled: it is added to the gradient, and so rescaled with it. See
    ``AdamW``.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
    lr : float
        The learning rate, epsilon in the book.
    betas : (float, float)
        Both in [0, 1): how much is kept of the mean gradient and of the mean square, rho_1 and
        rho_2 in the book.
    eps : float
        Delta in the book.
    weight_decay : float

    Raises
    ------
    ValueError, NonFiniteError, TypeError
        As for ``FirstOrderOptimizer``.
    """

    _default_decay: ClassVar[float] = 0.0

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        *,
        eps: float = 1e-8,
        weight_decay: float | None = None,
    ) -> None:
        decay = self._default_decay if weight_decay is None else weight_decay
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=decay)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Check the settings of a group, and add it."""
        betas = {**self.defaults, **param_group}["betas"]
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"expected two betas in [0, 1), got {betas}")
        super().add_param_group(param_group)

    def _update(
        self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        if not state:
            state["step"] = 0
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        state["step"] = step = int(state["step"]) + 1
        mean, square, (beta1, beta2) = state["exp_avg"], state["exp_avg_sq"], group["betas"]
        mean.lerp_(gradient, 1 - beta1)  # s <- beta1 s + (1 - beta1) g
        square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        # the corrections of s and r go into the rate and into the root: fewer passes
        rate = group["lr"] / (1 - beta1**step)
        divisor = square.sqrt().div_(math.sqrt(1 - beta2**step)).add_(group["eps"])
        parameter.addcdiv_(mean, divisor, value=-rate)


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019).

    Each step first multiplies the weight by ``1 - lr * weight_decay`` and then takes Adam's step
    for the gradient alone, so that no weight's decay depends on the size of its gradients. As
    in torch, the decay is in proportion to the learning rate, and dense: every entry of a
    parameter that has a gradient decays, also the rows of an embedding that no example touched.

    Parameters, errors
        As for ``Adam``; ``weight_decay`` is 0.01 if not given.
    """

    _default_decay = 1e-2
    _decay_in_gradient = False
    _lacking: ClassVar[dict[str, Any]] = {
        **FirstOrderOptimizer._lacking,
        "decoupled_weight_decay": True,
    }

    def _update(
        self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        super()._update(parameter, gradient, state, group)
