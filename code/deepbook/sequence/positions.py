"""Codes that tell a network which place is which."""

import math

import torch
from torch import Tensor

__all__ = ["sinusoidal_positions"]


def sinusoidal_positions(
    length: int,
    size: int,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
) -> Tensor:
    """Sines and cosines of wavelengths from ``2 pi`` to ``20,000 pi`` (Vaswani et al. 2017, 3.5).

    Feature ``2i`` of place ``t`` is ``sin(t / 10000 ** (2i / size))``, feature ``2i + 1`` the
    cosine. An odd size ends with a sine.

    Returns
    -------
    Tensor, shape (length, size)

    Raises
    ------
    ValueError
        If a size is less than 1.
    """
    if length < 1 or size < 1:
        raise ValueError(f"expected at least 1 place and 1 feature, got {length} and {size}")
    places = torch.arange(length, dtype=torch.float64)[:, None]
    rates = torch.exp(-math.log(10_000) * torch.arange(0, size, 2, dtype=torch.float64) / size)
    angles = places * rates
    both = torch.stack([angles.sin(), angles.cos()], 2).flatten(1)
    return both[:, :size].to(dtype).to(device)
