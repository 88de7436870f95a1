"""What the directed models share: bits as data, and bounds from weights of importance."""

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

from deepbook.units import check_units

__all__ = ["bernoulli_log_likelihood", "check_bits", "log_mean_exp"]


def bernoulli_log_likelihood(bits: Tensor, logits: Tensor) -> Tensor:
    """``log P(bits)`` of independent binary units, summed over the last dimension.

    Parameters
    ----------
    bits, logits : Tensor, shapes (..., D) that broadcast

    Returns
    -------
    Tensor, shape (...)
        In nats.
    """
    # log sigmoid(z) where the bit is 1, log sigmoid(-z) where it is 0
    return (bits * logits - softplus(logits)).sum(-1)


def check_bits(units: Tensor, size: int, dtype: torch.dtype, layer: str = "visible") -> None:
    """Raise unless the last dimension holds ``size`` zeros and ones of this dtype.

    A grey value has no probability under a model of bits, though a formula would give a number.
    """
    check_units(units, size, dtype, layer)
    grey = (units != 0) & (units != 1)
    if bool(grey.any()):
        raise ValueError(
            f"expected {layer} units that are 0 or 1, got {int(grey.sum())} values between "
            "(binarise them first)"
        )


def log_mean_exp(log_weights: Tensor, dim: int = 0) -> Tensor:
    """Logarithm of the mean of weights that are given by their logarithms.

    With ``log w = log p(v, h) - log q(h | v)`` for draws ``h`` from ``q`` this is the importance
    weighted bound (Burda et al. 2016, eq. 8): its expectation is at most ``log p(v)``, and grows
    with the number of draws. With one draw it is the evidence lower bound.
    """
    return torch.logsumexp(log_weights, dim) - math.log(log_weights.shape[dim])
