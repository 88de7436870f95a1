"""Estimators that change another estimator's gradient: centring, and a sparsity target."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from deepbook.boltzmann.energy.energy_model import EnergyModel
from deepbook.boltzmann.learning.likelihood_gradients import GradientEstimator, Statistics

__all__ = ["Centred", "SparsityTarget"]

Link = tuple[str, str, str]


class Centred(GradientEstimator):
    """The gradient of the machine whose units are measured from their means.

    Written with ``v - mu`` and ``h - lambda`` in place of ``v`` and ``h``, the same machine has
    other biases and the same weights. Its gradient, carried back to the usual parameters, is

    ``dW - db lambda^T - mu dc^T`` for the weights ``dW'``, ``db - dW' lambda`` for the lower
    biases and ``dc - dW'^T mu`` for the upper ones

    (Montavon and Mueller 2012; Melchior, Fischer and Wiskott 2016). It no longer changes when
    zeros and ones change places in the data. The offsets follow the means of the positive phase.

    Parameters
    ----------
    estimator : GradientEstimator
        Gives the plain gradient.
    rate : float
        The offsets move this share of the way to each batch's means.
    links : sequence of (weight, lower bias, upper bias)
        Names of parameters; the weight's shape is that of both biases, one after the other. One
        link for a restricted machine, one a layer for a deep one.

    Raises
    ------
    ValueError
        If the rate is not in [0, 1], or the model has no such parameters.
    """

    def __init__(
        self,
        estimator: GradientEstimator,
        *,
        rate: float = 0.01,
        links: Sequence[Link] = (("weight", "visible_bias", "hidden_bias"),),
    ) -> None:
        super().__init__()
        if not 0 <= rate <= 1:
            raise ValueError(f"expected a rate between 0 and 1, got {rate}")
        self.estimator, self.rate, self.links = estimator, rate, tuple(links)
        self.offsets: Statistics = {}

    @torch.no_grad()
    def measure(self, model: EnergyModel, visible: Tensor) -> tuple[Statistics, Statistics]:
        """The centred gradient, and the plain positive phase."""
        plain, positive = self.estimator.measure(model, visible)
        gradient = dict(plain)
        for weight, lower, upper in self.links:
            _check_link(plain, weight, lower, upper)
            mu, lam = self._offset(lower, positive), self._offset(upper, positive)
            shape = plain[weight].shape
            centred = (
                plain[weight].reshape(mu.numel(), lam.numel())
                - plain[lower].reshape(-1, 1) * lam
                - mu[:, None] * plain[upper].reshape(-1)
            )
            gradient[weight] = centred.reshape(shape)
            # a bias between two layers gets a share from each
            gradient[lower] = gradient[lower] - (centred @ lam).reshape(plain[lower].shape)
            gradient[upper] = gradient[upper] - (mu @ centred).reshape(plain[upper].shape)
        for name, offset in self.offsets.items():
            self.offsets[name] = torch.lerp(offset.to(positive[name]), positive[name], self.rate)
        return gradient, positive

    def negative_phase(self, model: EnergyModel, visible: Tensor) -> Statistics:
        """That of the plain estimator."""
        return self.estimator.negative_phase(model, visible)

    def settings(self) -> dict[str, Any]:
        """Adds the plain estimator's, the offsets' rate and the links."""
        own = {"estimator": self.estimator.settings(), "rate": self.rate, "links": self.links}
        return {**super().settings(), **own}

    def state_dict(self) -> dict[str, Any]:
        """The plain estimator's, and the offsets."""
        return {"estimator": self.estimator.state_dict(), "offsets": self.offsets}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what ``state_dict`` gave."""
        self.estimator.load_state_dict(state["estimator"])
        self.offsets = dict(state["offsets"])

    def _offset(self, bias: str, positive: Statistics) -> Tensor:
        # a bias's statistic is its unit
        offset = self.offsets.setdefault(bias, positive[bias].clone())
        return offset.to(positive[bias]).reshape(-1)


class SparsityTarget(GradientEstimator):
    """Draws each hidden unit's mean activity to a target (Hinton 2012, section 11).

    Subtracts ``cost`` times the gradient of the cross-entropy between the target ``p`` and a
    running mean ``q`` of the activity, which is ``q - p`` by the unit's input.

    Parameters
    ----------
    estimator : GradientEstimator
        Gives the gradient that is changed.
    target : float
        ``p``, between 0 and 1.
    cost : float
        Weight of the cross-entropy.
    decay : float
        Share of the old ``q`` that each batch leaves.

    Raises
    ------
    ValueError
        If a number is out of its range, or the model has no such parameters.
    """

    def __init__(
        self, estimator: GradientEstimator, target: float, cost: float, *, decay: float = 0.95
    ) -> None:
        super().__init__()
        if not 0 < target < 1:
            raise ValueError(f"expected a target between 0 and 1, got {target}")
        if not cost >= 0:
            raise ValueError(f"expected a cost of at least 0, got {cost}")
        if not 0 <= decay < 1:
            raise ValueError(f"expected a decay in [0, 1), got {decay}")
        self.estimator, self.target, self.cost, self.decay = estimator, target, cost, decay
        self.activity: Tensor | None = None

    @torch.no_grad()
    def measure(self, model: EnergyModel, visible: Tensor) -> tuple[Statistics, Statistics]:
        """The changed gradient, and the positive phase."""
        plain, positive = self.estimator.measure(model, visible)
        _check_link(plain, "weight", "visible_bias", "hidden_bias")
        gradient = dict(plain)
        active = positive["hidden_bias"]
        if self.activity is None:
            self.activity = active
        self.activity = torch.lerp(active, self.activity.to(active), self.decay)
        push = self.cost * (self.target - self.activity)
        gradient["hidden_bias"] = plain["hidden_bias"] + push
        # the same derivative goes to the weights, or their pull would undo the bias's
        gradient["weight"] = plain["weight"] + positive["visible_bias"][..., None] * push
        return gradient, positive

    def negative_phase(self, model: EnergyModel, visible: Tensor) -> Statistics:
        """That of the plain estimator."""
        return self.estimator.negative_phase(model, visible)

    def settings(self) -> dict[str, Any]:
        """Adds the plain estimator's, and the three numbers."""
        own = {"target": self.target, "cost": self.cost, "decay": self.decay}
        return {**super().settings(), "estimator": self.estimator.settings(), **own}

    def state_dict(self) -> dict[str, Any]:
        """The plain estimator's, and the running mean."""
        return {"estimator": self.estimator.state_dict(), "activity": self.activity}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what ``state_dict`` gave."""
        self.estimator.load_state_dict(state["estimator"])
        self.activity = state["activity"]


def _check_link(gradient: Statistics, weight: str, lower: str, upper: str) -> None:
    for name in (weight, lower, upper):
        if name not in gradient:
            raise ValueError(f"expected a model with a parameter {name}, got {sorted(gradient)}")
    expected = gradient[lower].shape + gradient[upper].shape
    if gradient[weight].shape != expected:
        raise ValueError(
            f"expected {weight} of shape {tuple(expected)}, got {tuple(gradient[weight].shape)}"
        )
