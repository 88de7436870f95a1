"""Hidden units: what a layer does to its weighted sums (Goodfellow et al. 2016, section 6.3).

Every function maps a tensor entry by entry (only ``maxout`` joins entries) and stays
exact for large inputs, forward and in autograd. ``ACTIVATIONS`` is the table of them all.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


def step(x: Tensor) -> Tensor:
    """1 where ``x > 0``, else 0: the neuron of McCulloch and Pitts."""
    return (x > 0).to(x.dtype)


def identity(x: Tensor) -> Tensor:
    """``x`` itself: a linear unit."""
    return x


def sigmoid(x: Tensor) -> Tensor:
    """``1 / (1 + exp(-x))``."""
    # exp only of what is not positive: it cannot overflow
    shrinking = torch.exp(torch.where(x >= 0, -x, x))
    return torch.where(x >= 0, torch.ones_like(shrinking), shrinking) / (1 + shrinking)


def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent, ``2 sigmoid(2x) - 1``."""
    return torch.tanh(x)


def relu(x: Tensor) -> Tensor:
    """``max(0, x)``."""
    return torch.where(x <= 0, torch.zeros_like(x), x)


def leaky_relu(x: Tensor, slope: float = 0.01) -> Tensor:
    """``x`` where positive, else ``slope * x`` (Maas et al. 2013)."""
    return torch.where(x > 0, x, slope * x)


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """``x`` where positive, else ``alpha * (exp(x) - 1)`` (Clevert et al. 2016)."""
    # the clamp keeps the branch that is not taken from overflowing in the gradient
    return torch.where(x > 0, x, alpha * torch.expm1(x.clamp(max=0)))


def selu_constants() -> tuple[float, float]:
    """Scale (lambda) and alpha of SELU: mean 0 and variance 1 in, the same out.

    For ``z ~ N(0, 1)``, with ``P`` its distribution function,

    - ``E[elu(z)] = 1/sqrt(2 pi) + alpha (e^(1/2) P(-1) - 1/2) = 0`` gives alpha,
    - ``scale^2 E[elu(z)^2] = scale^2 (1/2 + alpha^2 (e^2 P(-2) - 2 e^(1/2) P(-1) + 1/2)) = 1``
      gives the scale (Klambauer et al. 2017).
    """
    p1, p2 = (0.5 * math.erfc(n / math.sqrt(2)) for n in (1, 2))  # P(-1), P(-2)
    first = math.exp(0.5) * p1  # E[e^z; z < 0]
    second = math.exp(2) * p2  # E[e^2z; z < 0]
    alpha = 1 / math.sqrt(2 * math.pi) / (0.5 - first)
    scale = (0.5 + alpha**2 * (second - 2 * first + 0.5)) ** -0.5
    return scale, alpha


_SCALE, _ALPHA = selu_constants()


def selu(x: Tensor) -> Tensor:
    """``scale * elu(x, alpha)`` with the constants of :func:`selu_constants`."""
    return _SCALE * elu(x, _ALPHA)


def gelu(x: Tensor) -> Tensor:
    """``x`` times the probability that ``N(0, 1)`` is below it (Hendrycks and Gimpel 2016)."""
    return x * _normal_below(x)


def softplus(x: Tensor) -> Tensor:
    """``log(1 + exp(x))``, a smooth ReLU (Dugas et al. 2001)."""
    return torch.logaddexp(x, torch.zeros_like(x))  # log(e^x + e^0)


def maxout(x: Tensor, pieces: int = 2) -> Tensor:
    """Largest of each group of ``pieces`` neighbours (eq. 6.37; Goodfellow et al. 2013).

    Parameters
    ----------
    x : Tensor, shape (..., units * pieces)

    Returns
    -------
    Tensor, shape (..., units)

    Raises
    ------
    ValueError
        If the last dimension does not divide into groups of ``pieces``.
    """
    return _groups(x, pieces).amax(-1)


def _normal_below(x: Tensor) -> Tensor:
    return 0.5 * torch.erfc(-x / math.sqrt(2))


def _groups(x: Tensor, pieces: int) -> Tensor:
    if pieces < 1 or x.dim() == 0 or x.shape[-1] % pieces:
        raise ValueError(
            f"expected a last dimension that divides into groups of {pieces}, "
            f"got shape {tuple(x.shape)}"
        )
    return x.unflatten(-1, (-1, pieces))


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
    return _SCALE * _elu_derivative(x, _ALPHA)


def _gelu_derivative(x: Tensor) -> Tensor:
    density = torch.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)
    return _normal_below(x) + x * density


def _maxout_derivative(x: Tensor) -> Tensor:
    grouped = _groups(x, 2)
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
