"""All states of a few binary units."""

from collections.abc import Iterator

import torch
from torch import Tensor

__all__ = ["MAX_UNITS", "all_states", "state_blocks"]

MAX_UNITS = 25
"""More binary units than this are not enumerated: 2 ** 25 states are 33 million."""


def all_states(
    size: int, *, dtype: torch.dtype | None = None, device: torch.device | str | None = None
) -> Tensor:
    """Every state of ``size`` binary units, counting upwards with the first unit as highest bit.

    Returns
    -------
    Tensor, shape (2 ** size, size), values 0 and 1

    Raises
    ------
    ValueError
        If ``size`` is negative or above ``MAX_UNITS``.

    Examples
    --------
    >>> from deepbook.boltzmann import all_states
    >>> all_states(2)
    tensor([[0., 0.],
            [0., 1.],
            [1., 0.],
            [1., 1.]])
    """
    return torch.cat(list(state_blocks(size, dtype=dtype, device=device)))


def state_blocks(
    size: int,
    *,
    block_size: int = 2**13,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Iterator[Tensor]:
    """The rows of ``all_states`` in blocks, so that 2 ** 25 of them need little memory.

    Yields
    ------
    Tensor, shape (at most block_size, size)
    """
    if not 0 <= size <= MAX_UNITS:
        raise ValueError(f"expected 0 to {MAX_UNITS} units to enumerate, got {size}")
    bits = torch.arange(size - 1, -1, -1, device=device)
    for start in range(0, 2**size, block_size):
        numbers = torch.arange(start, min(start + block_size, 2**size), device=device)
        yield (numbers[:, None] >> bits & 1).to(dtype or torch.get_default_dtype())
