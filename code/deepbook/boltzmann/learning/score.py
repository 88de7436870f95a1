"""Objectives for real-valued units that need the score alone: ``Z`` does not depend on ``x``.

The *score* of a model is the gradient of ``log p(x)`` by ``x``, a function from shape (N, size) to
(N, size). ``GaussianRBM.score`` is one; a denoising autoencoder learns one.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

__all__ = ["denoising_score_matching", "score_matching"]

Score = Callable[[Tensor], Tensor]


def score_matching(score: Score, visible: Tensor, divergence: Score | None = None) -> Tensor:
    """The loss of score matching for each example (Hyvärinen 2005; section 18.4).

    Its mean over data is half the squared distance between the scores of model and data, less a
    constant that no parameter changes.

    Parameters
    ----------
    score : callable
        Differentiable by its argument; each row of the result depends on that row alone.
    visible : Tensor, shape (N, size)
    divergence : callable, optional
        ``sum_i d score_i / d x_i`` of shape (N,), where a formula is known, as in
        ``GaussianRBM.score_divergence``; otherwise it takes one backward pass for each unit.

    Returns
    -------
    Tensor, shape (N,)
        Differentiable by the parameters.

    Raises
    ------
    ValueError
        If the score has not the shape of its argument.
    """
    # 1/2 |score|^2 + sum_i d score_i / d x_i
    half_square = _values(score, visible).square().sum(1) / 2
    return half_square + (divergence or partial(_divergence, score))(visible)


def denoising_score_matching(
    score: Score, visible: Tensor, noise: float, generator: torch.Generator | None = None
) -> Tensor:
    """The loss of denoising score matching for each example (Vincent 2011; section 18.5).

    It fits the score of the data *blurred by the noise*, from first derivatives only.

    Parameters
    ----------
    score : callable
    visible : Tensor, shape (N, size)
    noise : float
        Standard deviation of the Gaussian noise that is added.
    generator : torch.Generator, optional

    Returns
    -------
    Tensor, shape (N,)

    Raises
    ------
    ValueError
        If the noise is not positive, or the score has not the shape of its argument.
    """
    if not noise > 0:
        raise ValueError(f"expected a noise above 0, got {noise}")
    normal = torch.randn(
        visible.shape, dtype=visible.dtype, device=visible.device, generator=generator
    )
    values = _values(score, visible + noise * normal)
    # the score of N(x + noise * e; x, noise^2) is -e / noise
    return (values + normal / noise).square().sum(1) / 2


def _divergence(score: Score, visible: Tensor) -> Tensor:
    with torch.enable_grad():
        visible = visible.detach().requires_grad_()
        values = score(visible)
        total = torch.zeros_like(values[:, 0])
        for unit in range(visible.shape[1]):
            (slope,) = torch.autograd.grad(values[:, unit].sum(), visible, create_graph=True)
            total = total + slope[:, unit]
        return total


def _values(score: Score, visible: Tensor) -> Tensor:
    if visible.ndim != 2:
        raise ValueError(f"expected examples of shape (N, size), got {tuple(visible.shape)}")
    values = score(visible)
    if values.shape != visible.shape:
        raise ValueError(
            f"expected a score of shape {tuple(visible.shape)}, got {tuple(values.shape)}"
        )
    return values
