"""Mean field: the best distribution of independent units in place of a posterior."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from deepbook.boltzmann.energy.states import state_blocks

__all__ = [
    "MeanField",
    "binary_entropy",
    "fit_mean_field",
    "pairwise_bound",
    "pairwise_log_partition",
]


@dataclass(frozen=True)
class MeanField:
    """What ``fit_mean_field`` found.

    Attributes
    ----------
    mean : Tensor, shape (..., units)
        ``q(h_i = 1)``.
    bounds : Tensor, shape (updates + 1, ...)
        The lower bound on ``log sum_h exp(...)`` at the start and after each block's update.
    """

    mean: Tensor
    bounds: Tensor


def binary_entropy(mean: Tensor) -> Tensor:
    """Entropy in nats of binary units that are on with probability ``mean``; same shape."""
    # xlogy(0, 0) is 0, where 0 * log(0) would be NaN
    return -torch.xlogy(mean, mean) - torch.xlogy(1 - mean, 1 - mean)


def pairwise_bound(mean: Tensor, field: Tensor, coupling: Tensor) -> Tensor:
    """``E_q[field.h + h coupling h / 2] + H(q)`` for independent units: the bound in nats.

    Never more than ``pairwise_log_partition`` (Goodfellow et al. 2016, section 19.1).

    Parameters
    ----------
    mean : Tensor, shape (..., units), values in [0, 1]
    field : Tensor, shape (..., units)
    coupling : Tensor, shape (units, units)
        Symmetric with a zero diagonal.

    Returns
    -------
    Tensor, shape (...)
    """
    expected = (mean * field).sum(-1) + (mean @ coupling * mean).sum(-1) / 2
    return expected + binary_entropy(mean).sum(-1)


def pairwise_log_partition(field: Tensor, coupling: Tensor) -> Tensor:
    """``log sum_h exp(field.h + h coupling h / 2)`` by enumeration, shape (...).

    Raises
    ------
    ValueError
        If there are more than ``MAX_UNITS`` units, or shapes do not fit.
    """
    _check(field, coupling)
    parts = [
        (field @ h.T + (h @ coupling * h).sum(-1) / 2).logsumexp(-1)
        for h in state_blocks(len(coupling), dtype=field.dtype, device=field.device)
    ]
    return torch.stack(parts).logsumexp(0)


def fit_mean_field(
    field: Tensor,
    coupling: Tensor,
    *,
    blocks: Sequence[Sequence[int]] | None = None,
    start: Tensor | None = None,
    sweeps: int = 100,
    tolerance: float = 1e-6,
) -> MeanField:
    """Fit independent units to ``p(h) ~ exp(field.h + h coupling h / 2)`` by coordinate ascent.

    The posterior of binary hidden units has this form in a general Boltzmann machine, in a deep
    one, and in binary sparse coding (section 19.4.1). Each update sets a block's means to
    ``sigmoid(field + mean @ coupling)``, the best there is with all others held. That is true of
    several units together only if they are not coupled to each other: updated all at once, the
    units of a coupled block can lower the bound.

    Parameters
    ----------
    field : Tensor, shape (..., units)
        One problem for each batch entry.
    coupling : Tensor, shape (units, units)
        Symmetric with a zero diagonal.
    blocks : sequence of sequences of int, optional
        Units that are updated together, for instance layers; one unit at a time if not given.
    start : Tensor, shape (..., units), optional
        First means; 1/2 if not given. There may be several local optima.
    sweeps : int
        At most so many times through all blocks.
    tolerance : float
        Ends once a sweep moves no mean by more.

    Returns
    -------
    MeanField

    Raises
    ------
    ValueError
        If shapes do not fit, the coupling is not symmetric with a zero diagonal, a unit is in no
        block or in two, or units of one block are coupled.
    """
    _check(field, coupling)
    units = len(coupling)
    blocks = [[i] for i in range(units)] if blocks is None else blocks
    if sorted(i for block in blocks for i in block) != list(range(units)):
        raise ValueError(f"expected blocks with each of the {units} units once, got {blocks}")
    for block in blocks:
        if coupling[list(block)][:, list(block)].count_nonzero():
            raise ValueError(f"expected blocks of uncoupled units, but some of {block} are coupled")
    mean = torch.full_like(field, 0.5) if start is None else start.clone()
    bounds = [pairwise_bound(mean, field, coupling)]
    for _ in range(sweeps):
        before = mean.clone()
        for block in map(list, blocks):
            mean[..., block] = torch.sigmoid(field[..., block] + mean @ coupling[:, block])
            bounds.append(pairwise_bound(mean, field, coupling))
        if float((mean - before).abs().max()) <= tolerance:
            break
    return MeanField(mean, torch.stack(bounds))


def _check(field: Tensor, coupling: Tensor) -> None:
    units = field.shape[-1]
    if coupling.shape != (units, units):
        raise ValueError(
            f"expected a coupling of shape {(units, units)}, got {tuple(coupling.shape)}"
        )
    if coupling.diagonal().count_nonzero() or not torch.equal(coupling, coupling.T):
        raise ValueError("expected a symmetric coupling with a zero diagonal")
