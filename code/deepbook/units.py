"""Units with values between 0 and 1: draws, checks at the door, and log-odds of data."""

import torch
from torch import Tensor

__all__ = ["bernoulli", "check_size", "check_units", "log_odds"]


def bernoulli(probability: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Draw 1 with the given probability, else 0; shape, dtype and device of ``probability``."""
    # comparing uniform numbers is faster than torch.bernoulli, and as exact
    uniform = torch.rand(
        probability.shape,
        dtype=probability.dtype,
        device=probability.device,
        generator=generator,
    )
    return (uniform < probability).to(probability.dtype)


def check_size(units: Tensor, size: int, dtype: torch.dtype, layer: str) -> None:
    """Raise unless the last dimension holds ``size`` values of this dtype."""
    if units.ndim < 1 or units.shape[-1] != size:
        raise ValueError(
            f"expected {size} {layer} units in the last dimension, got shape {tuple(units.shape)}"
        )
    if units.dtype != dtype:
        raise TypeError(f"expected {layer} units of {dtype}, got {units.dtype}")


def check_units(units: Tensor, size: int, dtype: torch.dtype, layer: str) -> None:
    """Raise unless the last dimension holds ``size`` values in [0, 1] of this dtype."""
    check_size(units, size, dtype, layer)
    if units.numel():
        low, high = units.aminmax()
        # NaN compares false
        if not bool((low >= 0) & (high <= 1)):
            raise ValueError(
                f"expected {layer} units in [0, 1], got values from {float(low)} to {float(high)}"
            )


def log_odds(visible: Tensor) -> Tensor:
    """Log-odds of each unit being on: ``log((n + 1/2) / (N - n + 1/2))``, finite always.

    Parameters
    ----------
    visible : Tensor, shape (N, ...)
        ``n`` is the sum over the first dimension.

    Examples
    --------
    >>> import torch
    >>> from deepbook.units import log_odds
    >>> visible = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]])
    >>> log_odds(visible)  # always on, and on in half of the examples
    tensor([2.1972, 0.0000])
    >>> log_odds(visible).sigmoid()
    tensor([0.9000, 0.5000])
    """
    if len(visible) == 0:
        raise ValueError("expected at least 1 example, got none")
    on = visible.sum(0)
    return torch.log((on + 0.5) / (len(visible) - on + 0.5))
