"""Two classic sets of binary patterns, small enough to know everything about."""

import torch
from torch import Tensor

from deepbook.boltzmann.energy.states import all_states

__all__ = ["bars_and_stripes", "shifter"]


def bars_and_stripes(size: int, *, dtype: torch.dtype | None = None) -> Tensor:
    """Square pictures whose columns, or whose rows, are each all on or all off.

    MacKay 2003, *Information Theory, Inference, and Learning Algorithms*, chapter 43.

    Parameters
    ----------
    size : int
        Of one side.

    Returns
    -------
    Tensor, shape (2 ** (size + 1) - 2, size * size), values 0 and 1
        Each picture once: first the bars, then the stripes that are not bars too. For a size of
        1 the two pictures are the same either way.

    Raises
    ------
    ValueError
        If the size is below 1 or above 12.

    Examples
    --------
    >>> from deepbook.boltzmann import bars_and_stripes
    >>> bars_and_stripes(2).reshape(-1, 2, 2)[1]
    tensor([[0., 1.],
            [0., 1.]])
    """
    if not 1 <= size <= 12:
        raise ValueError(f"expected a size from 1 to 12, got {size}")
    lines = all_states(size, dtype=dtype)
    bars = lines[:, None, :].expand(-1, size, size).flatten(1)
    # all off and all on are bars and stripes at once
    stripes = lines[1:-1, :, None].expand(-1, size, size).flatten(1)
    return torch.cat([bars, stripes])


def shifter(size: int, *, dtype: torch.dtype | None = None) -> Tensor:
    """A row of units, the same row shifted by -1, 0 or 1 (around the end), and the shift.

    Any two units are independent or nearly so: what there is to learn shows in threes (Hinton and
    Sejnowski 1986, *Learning and relearning in Boltzmann machines*).

    Parameters
    ----------
    size : int
        Of the row.

    Returns
    -------
    Tensor, shape (3 * 2 ** size, 2 * size + 3), values 0 and 1
        The row, the shifted row, and one unit for each of the shifts left, none and right, of
        which one is on. Each row with each shift once.

    Raises
    ------
    ValueError
        If the size is below 2 or above 12.
    """
    if not 2 <= size <= 12:
        raise ValueError(f"expected a size from 2 to 12, got {size}")
    rows = all_states(size, dtype=dtype)
    labels = torch.eye(3, dtype=dtype)
    return torch.cat(
        [
            torch.cat([rows, rows.roll(shift, dims=1), label.expand(len(rows), 3)], dim=1)
            for shift, label in zip((-1, 0, 1), labels, strict=True)
        ]
    )
