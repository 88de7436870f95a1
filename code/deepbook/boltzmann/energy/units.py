"""Units of a layer: checks at the door, and log-odds of data."""

import torch
from torch import Tensor

__all__ = ["check_layers", "check_units", "log_odds"]


def check_units(units: Tensor, size: int, dtype: torch.dtype, layer: str) -> None:
    """Raise unless the last dimension holds ``size`` values in [0, 1] of this dtype."""
    if units.ndim < 1 or units.shape[-1] != size:
        raise ValueError(
            f"expected {size} {layer} units in the last dimension, got shape {tuple(units.shape)}"
        )
    if units.dtype != dtype:
        raise TypeError(f"expected {layer} units of {dtype}, got {units.dtype}")
    if units.numel():
        low, high = units.aminmax()
        # NaN compares false
        if not bool((low >= 0) & (high <= 1)):
            raise ValueError(
                f"expected {layer} units in [0, 1], got values from {float(low)} to {float(high)}"
            )


def check_layers(visible_size: int, hidden_size: int, weight_scale: float) -> None:
    """Raise unless each layer has a unit and the scale of the initial weights is not negative."""
    if visible_size < 1 or hidden_size < 1:
        raise ValueError(
            f"expected at least 1 visible and 1 hidden unit, got {visible_size} and {hidden_size}"
        )
    if not weight_scale >= 0:
        raise ValueError(f"expected a weight scale of at least 0, got {weight_scale}")


def log_odds(visible: Tensor) -> Tensor:
    """Log-odds of each unit being on: ``log((n + 1/2) / (N - n + 1/2))``, finite always.

    Parameters
    ----------
    visible : Tensor, shape (N, ...)
        ``n`` is the sum over the first dimension.
    """
    if len(visible) == 0:
        raise ValueError("expected at least 1 example, got none")
    on = visible.sum(0)
    return torch.log((on + 0.5) / (len(visible) - on + 0.5))
