"""Items that take one of K values, or are missing: how they are written, checked and drawn.

An item is a row of K numbers with a single one; a missing item is a row of zeros.
"""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from deepbook.units import check_units


def encode(values: Tensor, item_count: int, value_count: int) -> Tensor:
    """Integers 0 to K - 1, or -1 where missing, as rows: (..., item_count, value_count), int64.

    Raises
    ------
    TypeError
        If the values are no integers.
    ValueError
        If the last dimension or a value is out of range.
    """
    if values.shape[-1:] != (item_count,):
        raise ValueError(f"expected {item_count} items, got shape {tuple(values.shape)}")
    if values.is_floating_point() or values.is_complex():
        raise TypeError(f"expected integers, got {values.dtype}")
    if bool(((values < -1) | (values >= value_count)).any()):
        raise ValueError(
            f"expected values from 0 to {value_count - 1}, or -1 where missing, "
            f"got values from {int(values.min())} to {int(values.max())}"
        )
    # one row more for the missing, then cut off
    return one_hot(values.long() + 1, value_count + 1)[..., 1:]


def there(visible: Tensor) -> Tensor:
    """Which items are not missing: bool, shape (..., item_count)."""
    return visible.sum(-1) > 0.5


def check_items(visible: Tensor, item_count: int, value_count: int, dtype: torch.dtype) -> None:
    """Raise unless rows sum to one or zero, and each example has an item that is there."""
    if visible.shape[-2:] != (item_count, value_count):
        raise ValueError(
            f"expected {item_count} items of K = {value_count} values in the last "
            f"two dimensions, got shape {tuple(visible.shape)}"
        )
    check_units(visible, value_count, dtype, "visible")
    total = visible.sum(-1)
    present = there(visible)
    if bool(((total - present.to(total)).abs() > 1e-4).any()):
        raise ValueError("expected rows that sum to 1, or to 0 where an item is missing")
    if not bool(present.any(-1).all()):
        raise ValueError("expected at least 1 observed item in each example, got none in one")


def check_mask(observed: Tensor | None, item_count: int) -> None:
    """Raise unless ``observed``, where it is given, has a bool for each item."""
    if observed is None:
        return
    if observed.shape[-1:] != (item_count,) or observed.dtype != torch.bool:
        raise ValueError(
            f"expected a bool for each of {item_count} items, "
            f"got {observed.dtype} of shape {tuple(observed.shape)}"
        )


def draw_values(probability: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Rows with a single one, at each value with its probability (..., item_count, value_count)."""
    # the number of partial sums below a uniform number is a draw of the value
    uniform = torch.rand(
        (*probability.shape[:-1], 1),
        dtype=probability.dtype,
        device=probability.device,
        generator=generator,
    )
    value = (probability.cumsum(-1)[..., :-1] <= uniform).sum(-1)
    return one_hot(value, probability.shape[-1]).to(probability)
