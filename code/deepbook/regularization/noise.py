"""Noise that corrupts an input: Gaussian, masking, salt and pepper."""

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["gaussian_noise", "masking_noise", "salt_and_pepper"]


def gaussian_noise(x: Tensor, sigma: float, generator: torch.Generator | None = None) -> Tensor:
    """``x`` plus independent noise from ``N(0, sigma^2)``."""
    _check_sigma(sigma)
    return x + sigma * _like(x, torch.randn, generator)


def masking_noise(x: Tensor, share: float, generator: torch.Generator | None = None) -> Tensor:
    """``x`` with each entry set to 0 with probability ``share`` (Vincent et al. 2010)."""
    _check_share(share)
    return x * (_like(x, torch.rand, generator) >= share)


def salt_and_pepper(x: Tensor, share: float, generator: torch.Generator | None = None) -> Tensor:
    """``x`` with each entry replaced, with probability ``share``, by 0 or 1 alike.

    From any state every state can follow: what a chain needs to be ergodic.
    """
    _check_share(share)
    uniform = _like(x, torch.rand, generator)
    # below share / 2: 0; from there to share: 1
    return torch.where(uniform < share, (uniform >= share / 2).to(x.dtype), x)


def _like(
    x: Tensor, draw: Callable[..., Tensor], generator: torch.Generator | None = None
) -> Tensor:
    return draw(x.shape, dtype=x.dtype, device=x.device, generator=generator)


def _check_sigma(sigma: float) -> None:
    if not sigma > 0:
        raise ValueError(f"expected a standard deviation above 0, got {sigma}")


def _check_share(share: float) -> None:
    if not 0 <= share <= 1:
        raise ValueError(f"expected a share between 0 and 1, got {share}")
