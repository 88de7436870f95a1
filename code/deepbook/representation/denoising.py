"""Denoising autoencoders: the score that they learn, and the chain that they define."""

from collections.abc import Callable

import torch
from torch import Tensor

from deepbook.units import bernoulli, check_units

__all__ = [
    "denoising_chain",
    "learned_score",
    "optimal_denoiser",
]

Reconstruct = Callable[[Tensor], Tensor]


def learned_score(reconstruct: Reconstruct, x: Tensor, sigma: float) -> Tensor:
    """Score that a denoising autoencoder has learned: ``(r(x) - x) / sigma^2``.

    Trained with squared error and Gaussian noise, the best ``r`` makes this the gradient of
    ``log p_sigma(x)``, where ``p_sigma`` is the density of *noisy* data (Goodfellow et al. 2016,
    section 14.5.1; Vincent 2011; Alain and Bengio 2013). Only for small ``sigma`` is it that of
    the data.

    Parameters
    ----------
    reconstruct : callable
        From points to points, shape (..., D).
    x : Tensor, shape (..., D)
    sigma : float
        Standard deviation of the noise it was trained with.
    """
    _check_sigma(sigma)
    return (reconstruct(x) - x) / sigma**2


def optimal_denoiser(x: Tensor, data: Tensor, sigma: float) -> Tensor:
    """Best reconstruction there is where the clean points are exactly ``data``.

    The mean of ``data`` given the noisy point: each weighs as a Gaussian around it would. An
    autoencoder of unlimited size, trained for ever, becomes this, and knows its data by heart.

    Parameters
    ----------
    x : Tensor, shape (..., D)
    data : Tensor, shape (N, D)
    sigma : float

    Returns
    -------
    Tensor, shape (..., D)
    """
    _check_sigma(sigma)
    # squared distances without the |x|^2, which is the same for all of data
    closeness = x @ data.T - 0.5 * (data**2).sum(1)
    return torch.softmax(closeness / sigma**2, -1) @ data


@torch.no_grad()
def denoising_chain(
    reconstruct: Reconstruct,
    state: Tensor,
    steps: int,
    corrupt: Callable[[Tensor], Tensor],
    generator: torch.Generator | None = None,
) -> Tensor:
    """Markov chain of a denoising autoencoder of bits (Goodfellow et al. 2016, section 20.11).

    One step: corrupt, reconstruct, draw each bit from its probability. If the reconstruction is
    the true ``p(clean | corrupted)`` and the chain is ergodic, its stationary distribution is the
    data's (Bengio et al. 2013). A factorised reconstruction is that only for a noise so weak that
    the other bits settle each one.

    Parameters
    ----------
    reconstruct : callable
        From bits, shape (N, D), to probabilities.
    state : Tensor, shape (N, D), values in [0, 1]
    steps : int
    corrupt : callable
        ``corrupt(state)``, the noise that it was trained with.

    Returns
    -------
    Tensor, shape (steps + 1, N, D)
        The start and every state after it.
    """
    if steps < 0:
        raise ValueError(f"expected at least 0 steps, got {steps}")
    check_units(state, state.shape[-1] if state.ndim else 0, state.dtype, "visible")
    chain = [state]
    for _ in range(steps):
        chain.append(bernoulli(reconstruct(corrupt(chain[-1])), generator))
    return torch.stack(chain)


def _check_sigma(sigma: float) -> None:
    if not sigma > 0:
        raise ValueError(f"expected a standard deviation above 0, got {sigma}")
