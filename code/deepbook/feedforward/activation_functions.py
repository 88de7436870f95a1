"""Hidden units: what a layer does to its weighted sums (Goodfellow et al. 2016, section 6.3).

Every function maps a tensor entry by entry (only ``maxout`` joins entries) and stays
exact for large inputs, forward and in autograd.
"""

import math

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


SELU_SCALE, SELU_ALPHA = selu_constants()


def selu(x: Tensor) -> Tensor:
    """``scale * elu(x, alpha)`` with the constants of :func:`selu_constants`."""
    return SELU_SCALE * elu(x, SELU_ALPHA)


def gelu(x: Tensor) -> Tensor:
    """``x`` times the probability that ``N(0, 1)`` is below it (Hendrycks and Gimpel 2016)."""
    return x * normal_below(x)


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
    return groups(x, pieces).amax(-1)


def normal_below(x: Tensor) -> Tensor:
    """Probability that ``N(0, 1)`` is below each entry."""
    return 0.5 * torch.erfc(-x / math.sqrt(2))


def groups(x: Tensor, pieces: int) -> Tensor:
    """The entries of shape (..., units * pieces) as (..., units, pieces)."""
    if pieces < 1 or x.dim() == 0 or x.shape[-1] % pieces:
        raise ValueError(
            f"expected a last dimension that divides into groups of {pieces}, "
            f"got shape {tuple(x.shape)}"
        )
    return x.unflatten(-1, (-1, pieces))
