"""Probabilistic max pooling: square blocks of units, of which at most one is on."""

import torch
from torch import Tensor
from torch.nn.functional import softplus


def to_blocks(units: Tensor, side: int) -> Tensor:
    """Maps of shape (..., height, width) as (..., blocks down, blocks across, side ** 2)."""
    parts = units.unflatten(-1, (-1, side)).unflatten(-3, (-1, side))
    return parts.transpose(-3, -2).flatten(-2)


def from_blocks(blocks: Tensor, side: int) -> Tensor:
    """What ``to_blocks`` made, back as (..., height, width)."""
    return blocks.unflatten(-1, (side, side)).transpose(-3, -2).flatten(-4, -3).flatten(-2)


def log_one_plus_sum(blocks: Tensor) -> Tensor:
    """``log(1 + sum_n exp(x_n))`` over the last dimension; 1 is the state with all units off."""
    return softplus(torch.logsumexp(blocks, -1))


def one_way_means(inputs: Tensor, side: int) -> Tensor:
    """Probability of each unit to be the one that is on, for inputs (..., height, width)."""
    blocks = to_blocks(inputs, side)
    # a softmax in which "all off" takes part with an input of 0
    return from_blocks(torch.exp(blocks - log_one_plus_sum(blocks)[..., None]), side)


def one_way_draws(means: Tensor, side: int, generator: torch.Generator | None = None) -> Tensor:
    """Zeros and ones with the means of ``one_way_means``, at most one unit of a block on."""
    blocks = to_blocks(means, side)
    # one uniform number for a block: the first partial sum above it is the unit that is on
    uniform = torch.rand(
        (*blocks.shape[:-1], 1), dtype=blocks.dtype, device=blocks.device, generator=generator
    )
    reached = uniform < blocks.cumsum(-1)
    drawn = reached & (reached.cumsum(-1) == 1)
    return from_blocks(drawn.to(blocks), side)
