"""The table of hidden units: function, slope, and what else there is to know of each."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from deepbook.feedforward.activation_functions import (
    SELU_ALPHA,
    SELU_SCALE,
    elu,
    gelu,
    groups,
    identity,
    leaky_relu,
    maxout,
    normal_below,
    relu,
    selu,
    sigmoid,
    softplus,
    step,
    tanh,
)

# Derivatives. At a kink they are what torch takes: the slope on the left (the step's is 0).


def _sigmoid_derivative(x: Tensor) -> Tensor:
    return sigmoid(x) * sigmoid(-x)  # 1 - sigmoid(x) would round to 0


def _tanh_derivative(x: Tensor) -> Tensor:
    return 1 - torch.tanh(x) ** 2


def _leaky_relu_derivative(x: Tensor) -> Tensor:
    return torch.where(x > 0, torch.ones_like(x), 0.01)


def _elu_derivative(x: Tensor, alpha: float = 1.0) -> Tensor:
    return torch.where(x > 0, torch.ones_like(x), alpha * torch.exp(x.clamp(max=0)))


def _selu_derivative(x: Tensor) -> Tensor:
    return SELU_SCALE * _elu_derivative(x, SELU_ALPHA)


def _gelu_derivative(x: Tensor) -> Tensor:
    density = torch.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)
    return normal_below(x) + x * density


def _maxout_derivative(x: Tensor) -> Tensor:
    grouped = groups(x, 2)
    won = torch.zeros_like(grouped).scatter(-1, grouped.argmax(-1, keepdim=True), 1.0)
    return won.flatten(-2)


@dataclass(frozen=True)
class Activation:
    """One kind of hidden unit. Calling it applies its function.

    Attributes
    ----------
    name : str
    function : Tensor -> Tensor
    derivative : Tensor -> Tensor
        Slope at each entry of the input (for maxout: 1 at the entry that won).
    saturates_left, saturates_right : bool
        Whether the slope goes to 0 for very negative, very positive inputs.
    initial : str
        The initial weights that suit it, a name from ``initialization.SCHEMES``.
    pieces : int
        How many weighted sums a unit takes.
    """

    name: str
    function: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor], Tensor]
    saturates_left: bool
    saturates_right: bool
    initial: str
    pieces: int = 1

    def __call__(self, x: Tensor) -> Tensor:
        """Apply the function."""
        return self.function(x)


ACTIVATIONS: dict[str, Activation] = {
    entry.name: entry
    for entry in (
        Activation("step", step, torch.zeros_like, True, True, "lecun"),
        Activation("identity", identity, torch.ones_like, False, False, "lecun"),
        Activation("sigmoid", sigmoid, _sigmoid_derivative, True, True, "xavier"),
        Activation("tanh", tanh, _tanh_derivative, True, True, "xavier"),
        Activation("relu", relu, step, True, False, "he"),
        Activation("leaky_relu", leaky_relu, _leaky_relu_derivative, False, False, "he"),
        Activation("elu", elu, _elu_derivative, True, False, "lecun"),
        Activation("selu", selu, _selu_derivative, True, False, "lecun"),
        Activation("gelu", gelu, _gelu_derivative, True, False, "he"),
        Activation("softplus", softplus, sigmoid, True, False, "lecun"),
        Activation("maxout", maxout, _maxout_derivative, False, False, "lecun", pieces=2),
    )
}


def get_activation(activation: str | Activation) -> Activation:
    """Look an activation up by its name, or pass one through; ValueError for other names."""
    if isinstance(activation, Activation):
        return activation
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"expected an activation among {', '.join(ACTIVATIONS)}, got {activation!r}"
        )
    return ACTIVATIONS[activation]
