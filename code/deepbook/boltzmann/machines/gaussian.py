"""The restricted Boltzmann machine whose visible units are real numbers."""

import math
from typing import Any, ClassVar, Self, Unpack

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from deepbook.boltzmann.energy.energy_model import shares
from deepbook.boltzmann.energy.harmonium import Harmonium
from deepbook.boltzmann.energy.layers import check_layers
from deepbook.boltzmann.energy.two_layers import InitialWeights, TwoLayers
from deepbook.units import check_size

__all__ = ["GaussianRBM"]


class GaussianRBM(TwoLayers, Harmonium):
    """Restricted Boltzmann machine with real visible and binary hidden units.

    Energy ``E(v, h) = 1/2 sum_i p_i v_i ** 2 - b.v - c.h - v W h`` with precisions ``p_i``
    (Goodfellow et al. 2016, section 20.5.1; Welling et al. 2005). Given ``h``, unit ``i`` is
    Gaussian with mean ``(b + W h)_i / p_i`` and variance ``1 / p_i``. Given nothing it is a
    mixture of ``2 ** hidden_size`` Gaussians that share their variances.

    The parameters are the natural ones: ``b`` and ``W`` are not divided by the variance. So the
    energy is linear in all of them, precision included, and ``between`` and ``statistics`` are
    as simple as those of binary units. A positive precision on both sides is positive in between.

    Methods take real visible units of shape (..., visible_size) and hidden ones of shape
    (..., hidden_size) with values in [0, 1]; batch dimensions broadcast.

    Parameters
    ----------
    visible_size, hidden_size : int
        Number of visible and hidden units.
    standard_deviation : float or Tensor, shape (visible_size,)
        Of each visible unit given the hidden ones; 1 suits whitened data.
    learn_precision : bool
        Whether ``precision`` is a parameter; else it stays as it is.
    weight_scale, generator, device, dtype
        As of ``RBM``.

    Attributes
    ----------
    weight : Tensor, shape (visible_size, hidden_size)
    visible_bias : Tensor, shape (visible_size,)
    hidden_bias : Tensor, shape (hidden_size,)
    precision : Tensor, shape (visible_size,)
        ``1 / standard_deviation ** 2``; positive.

    Raises
    ------
    ValueError
        If a layer has no unit, the weight scale is negative or a standard deviation not positive.
    """

    binary_state: ClassVar[bool] = False
    precision: Tensor

    def __init__(
        self,
        visible_size: int,
        hidden_size: int,
        *,
        standard_deviation: float | Tensor = 1.0,
        learn_precision: bool = False,
        **options: Unpack[InitialWeights],
    ) -> None:
        check_layers(visible_size, hidden_size)
        super().__init__((visible_size,), (hidden_size,), **options)
        self.visible_size, self.hidden_size = visible_size, hidden_size
        deviation = torch.as_tensor(standard_deviation, dtype=self.dtype, device=self.device)
        if deviation.ndim and deviation.shape != (visible_size,):
            raise ValueError(
                f"expected 1 or {visible_size} standard deviations, "
                f"got shape {tuple(deviation.shape)}"
            )
        if not bool((deviation > 0).all()):
            raise ValueError(f"expected positive standard deviations, got {standard_deviation}")
        precision = deviation.detach().pow(-2).expand(visible_size).clone()
        if learn_precision:
            self.precision = nn.Parameter(precision)
        else:
            self.register_buffer("precision", precision)

    @property
    def learns_precision(self) -> bool:
        """Whether ``precision`` is a parameter."""
        return isinstance(self.precision, nn.Parameter)

    @property
    def standard_deviation(self) -> Tensor:
        """Of each visible unit given the hidden ones, shape (visible_size,)."""
        return self.precision.detach().rsqrt()

    def visible_variance(self, hidden: Tensor) -> Tensor:
        """``Var[v | h]``, the same for every ``h``; shape (..., visible_size)."""
        self.check_hidden(hidden)
        return (1 / self.precision).expand(*hidden.shape[:-1], self.visible_size)

    def score(self, visible: Tensor) -> Tensor:
        """Gradient of ``log p(v)`` with respect to ``v`` (section 18.4), shape (..., visible_size).

        It needs no partition function. Differentiable in the parameters.
        """
        hidden = self.hidden_mean(visible)
        return self.visible_bias + hidden @ self.weight.T - self.precision * visible

    def score_divergence(self, visible: Tensor) -> Tensor:
        """Sum of the second derivatives of ``log p(v)`` by each ``v_i``, shape (...)."""
        hidden = self.hidden_mean(visible)
        return (hidden * (1 - hidden)) @ self.weight.square().sum(0) - self.precision.sum()

    @torch.no_grad()
    def initialize_biases_(self, visible: Tensor) -> None:
        """Let the visible units, without hidden ones, have the data's means.

        Where the precision is learned it becomes that of the data too.

        Parameters
        ----------
        visible : Tensor, shape (N, visible_size)
        """
        self.check_visible(visible)
        if len(visible) < 2:
            raise ValueError(f"expected at least 2 examples, got {len(visible)}")
        if self.learns_precision:
            variance = visible.var(0)
            if not bool((variance > 0).all()):
                raise ValueError("expected data that varies in each visible unit")
            self.precision.copy_(1 / variance)
        self.visible_bias.copy_(self.precision * visible.mean(0))

    @torch.no_grad()
    def without_couplings(self, visible: Tensor | None = None) -> Self:
        """The machine with zero weights, and visible units with the data's moments.

        A precision that is not learned stays as it is; ``between`` could not change it.
        """
        result = super().without_couplings()
        # to the last bit, which the way through the deviation would round
        result.precision.copy_(self.precision)
        if visible is not None:
            result.initialize_biases_(visible)
        return result

    def between(self, base: Self, beta: float) -> Self:
        """The machine with parameters ``(1 - beta) * base + beta * self``.

        Raises
        ------
        ValueError
            If ``beta`` is not in [0, 1], or precisions that are not learned differ: they would
            have to move too.
        """
        if self.learns_precision != base.learns_precision or not (
            self.learns_precision or torch.equal(self.precision, base.precision)
        ):
            raise ValueError(
                "expected a base with the same standard deviations, or both with learned ones"
            )
        return super().between(base, beta)

    def check_visible(self, visible: Tensor) -> None:
        """Raise unless ``visible`` has ``visible_size`` finite values of the model's dtype."""
        check_size(visible, self.visible_size, self.dtype, "visible")
        if not bool(visible.isfinite().all()):
            raise ValueError("expected finite visible units, got NaN or infinity")
        self.check_parameters()

    def check_hidden(self, hidden: Tensor) -> None:
        """Raise unless ``hidden`` has ``hidden_size`` values in [0, 1] of the model's dtype."""
        super().check_hidden(hidden)
        self.check_parameters()

    def check_parameters(self) -> None:
        """Raise unless precisions are positive."""
        # a step of gradient ascent can carry a precision below zero, where no density exists
        if self.learns_precision and not bool((self.precision > 0).all()):
            raise ValueError(
                "expected positive precisions, got one of "
                f"{float(self.precision.detach().min())}: a smaller learning rate may help"
            )

    def _hidden_free_energy(self, hidden: Tensor) -> Tensor:
        # for each unit the integral of exp(-p v^2 / 2 + a v) is sqrt(2 pi / p) exp(a^2 / 2p)
        squared = self._visible_input(hidden) ** 2
        gaussian = torch.log(2 * math.pi / self.precision) + squared / self.precision
        return -hidden @ self.hidden_bias - gaussian.sum(-1) / 2

    def _visible_mean(self, hidden: Tensor) -> Tensor:
        return self._visible_input(hidden) / self.precision

    @torch.no_grad()
    def _sample_visible(self, hidden: Tensor, generator: torch.Generator | None = None) -> Tensor:
        mean = self._visible_mean(hidden)
        noise = torch.randn(mean.shape, dtype=mean.dtype, device=mean.device, generator=generator)
        return mean + noise * self.precision.rsqrt()

    @torch.no_grad()
    def _statistics(self, state: Tensor, weights: Tensor | None = None) -> dict[str, Tensor]:
        weights = shares(state, weights)
        result = super()._statistics(state, weights)
        if self.learns_precision:
            result["precision"] = -(state * weights[:, None] * state).sum(0) / 2
        return result

    def _log_partition_without_couplings(self) -> Tensor:
        # Gaussians, and a softplus for each hidden unit
        return softplus(self.hidden_bias).sum() - self._hidden_free_energy(
            torch.zeros_like(self.hidden_bias)
        )

    def _visible_energy(self, visible: Tensor) -> Tensor:
        return visible**2 @ self.precision / 2 - visible @ self.visible_bias

    def _arguments(self) -> dict[str, Any]:
        return {
            **super()._arguments(),
            "standard_deviation": self.standard_deviation,
            "learn_precision": self.learns_precision,
        }
