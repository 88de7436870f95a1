"""Random numbers that are the same on every device, if the generator is."""

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["normal", "uniform"]


def uniform(
    shape: Sequence[int],
    like: Tensor,
    generator: torch.Generator | None = None,
    *,
    low: float = 0.0,
    high: float = 1.0,
) -> Tensor:
    """Uniform in [low, high), with the dtype and on the device of ``like``.

    Drawn where the generator lives: one on the CPU gives every device the same numbers.
    """
    device = like.device if generator is None else generator.device
    numbers = torch.rand(tuple(shape), dtype=like.dtype, device=device, generator=generator)
    return (low + (high - low) * numbers).to(like.device)


def normal(shape: Sequence[int], like: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Normal with mean 0 and variance 1; otherwise as ``uniform``."""
    device = like.device if generator is None else generator.device
    numbers = torch.randn(tuple(shape), dtype=like.dtype, device=device, generator=generator)
    return numbers.to(like.device)
