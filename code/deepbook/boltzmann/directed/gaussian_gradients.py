"""Gradients of an expectation over Gaussian draws: section 20.9."""

import torch
from torch import Tensor

from deepbook.boltzmann.directed.gradient_estimators import Objective, check_draws, rows

__all__ = ["gaussian_reparameterised", "gaussian_score_function"]


def gaussian_reparameterised(
    objective: Objective,
    mean: Tensor,
    std: Tensor,
    samples: int,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Gradients of ``E[f(z)]``, ``z ~ N(mean, std^2)``, through ``z = mean + std * noise``.

    Unbiased; needs a differentiable ``f`` (Kingma and Welling 2014; Goodfellow, section 20.9).

    Parameters
    ----------
    mean, std : Tensor, shape (D,)

    Returns
    -------
    by_mean, by_std : Tensor, shape (samples, D)
    """
    noise = _noise(mean, std, samples, generator)
    means, stds = rows(mean, samples), rows(std, samples)
    by_mean, by_std = torch.autograd.grad(objective(means + stds * noise).sum(), (means, stds))
    return by_mean, by_std


def gaussian_score_function(
    objective: Objective,
    mean: Tensor,
    std: Tensor,
    samples: int,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """The same by ``f(z) d log p(z)``, which knows nothing of the slope of ``f``: unbiased.

    Parameters and returned values as in ``gaussian_reparameterised``.
    """
    noise = _noise(mean, std, samples, generator)
    value = objective(mean + std * noise).detach()[:, None]
    # d log N(z; mean, std^2) by mean is noise / std, by std (noise^2 - 1) / std
    return value * noise / std, value * (noise**2 - 1) / std


def _noise(mean: Tensor, std: Tensor, samples: int, generator: torch.Generator | None) -> Tensor:
    check_draws(mean, samples)
    if std.shape != mean.shape or not bool((std > 0).all()):
        raise ValueError(f"expected standard deviations above 0 of shape {tuple(mean.shape)}")
    return torch.randn(
        samples, len(mean), generator=generator, dtype=mean.dtype, device=mean.device
    )
