"""Exact sums over the hidden states of a general machine, one block of states at a time.

``visible`` is of shape (N, visible_size), ``coupling`` of (size, size), visible units first.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from deepbook.boltzmann.energy.states import state_blocks


def sum_out_hidden(
    visible: Tensor, coupling: Tensor, visible_bias: Tensor, hidden_bias: Tensor
) -> Tensor:
    """``F(v) = -log sum_h exp(-E(v, h))`` in nats, shape (N,)."""
    blocks = _hidden_blocks(visible, coupling, visible_bias, hidden_bias)
    return -torch.stack([log_weight.logsumexp(-1) for _, log_weight in blocks]).logsumexp(0)


def mean_moments(
    visible: Tensor, weights: Tensor, coupling: Tensor, visible_bias: Tensor, hidden_bias: Tensor
) -> tuple[Tensor, Tensor]:
    """Means of ``x_i x_j`` and of ``x`` where hidden units follow ``p(h | v)``.

    Parameters
    ----------
    weights : Tensor, shape (N,)
        Of the examples; they add up to one.

    Returns
    -------
    moment : Tensor, shape (size, size)
    mean : Tensor, shape (size,)
    """
    machine = coupling, visible_bias, hidden_bias
    hidden_size = len(hidden_bias)
    free_energy = sum_out_hidden(visible, *machine)
    hidden_mean = visible.new_zeros(len(visible), hidden_size)
    hidden_moment = visible.new_zeros(hidden_size, hidden_size)
    for hidden, log_weight in _hidden_blocks(visible, *machine):
        # p(h | v) = exp(-E(v, h)) / exp(-F(v)), times the weight of v
        share = torch.exp(log_weight + free_energy[:, None]) * weights[:, None]
        hidden_mean += share @ hidden
        hidden_moment += (hidden * share.sum(0)[:, None]).T @ hidden
    weighted = visible * weights[:, None]
    across = visible.T @ hidden_mean
    moment = torch.cat(
        [
            torch.cat([weighted.T @ visible, across], dim=1),
            torch.cat([across.T, hidden_moment], dim=1),
        ]
    )
    return moment, torch.cat([weighted.sum(0), hidden_mean.sum(0)])


def _hidden_blocks(
    visible: Tensor, coupling: Tensor, visible_bias: Tensor, hidden_bias: Tensor
) -> Iterator[tuple[Tensor, Tensor]]:
    """Hidden states (B, hidden_size) and ``-E(v, h)`` for each of them, shape (N, B)."""
    visible_size, hidden_size = len(visible_bias), len(hidden_bias)
    split = [visible_size, hidden_size]
    within_visible, across = coupling[:visible_size].split(split, dim=1)
    within_hidden = coupling[visible_size:, visible_size:]
    of_visible = (visible @ within_visible * visible).sum(-1) / 2 + visible @ visible_bias
    field = visible @ across + hidden_bias
    kind = {"dtype": coupling.dtype, "device": coupling.device}
    for hidden in state_blocks(hidden_size, block_size=2**10, **kind):  # type: ignore[arg-type]
        of_hidden = (hidden @ within_hidden * hidden).sum(-1) / 2
        yield hidden, of_visible[:, None] + field @ hidden.T + of_hidden
