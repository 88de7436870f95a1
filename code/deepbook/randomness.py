"""One seed for every source of randomness that a page may touch.

``DEEPBOOK_SEED_OFFSET`` in the environment shifts every seed, so that a whole page can be
run again with other random numbers and not a letter of it changed: that is how the book
learns how much room its claims have.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["generator", "seed"]


def seed(n: int) -> None:
    """Seed Python's, NumPy's and torch's global generators, on every device.

    Also has the processor flush denormal numbers to zero where it can. Numbers under 1e-38
    in size carry nothing that a network learns from, and on some processors each of them
    costs as much as fifty ordinary ones. ``torch.set_flush_denormal(False)`` brings them back.

    Parameters
    ----------
    n : int
        From 0 to 2**32 - 1 (NumPy takes no more). The offset is added to it.

    Raises
    ------
    TypeError
        If ``n`` is no integer.
    ValueError
        If ``n`` is out of range, or the offset is no whole number.

    Examples
    --------
    >>> import deepbook, torch
    >>> deepbook.seed(0)
    >>> first = torch.rand(3)
    >>> deepbook.seed(0)
    >>> torch.equal(torch.rand(3), first)
    True
    """
    import numpy as np
    import torch

    shifted = _shifted(n)
    random.seed(shifted)
    np.random.seed(shifted)  # noqa: NPY002  (scikit-learn draws from the global state)
    torch.manual_seed(shifted)
    torch.set_flush_denormal(True)


def generator(n: int, device: str | torch.device = "cpu") -> torch.Generator:
    """A generator of its own, for an experiment that must not depend on what ran before it.

    Parameters
    ----------
    n : int
        Its seed, from 0 to 2**32 - 1. The offset is added to it.
    device : str or torch.device
        Where it draws.

    Returns
    -------
    torch.Generator

    Raises
    ------
    TypeError
        If ``n`` is no integer.
    ValueError
        If ``n`` is out of range, or the offset is no whole number.

    Examples
    --------
    >>> import deepbook, torch
    >>> first = torch.rand(3, generator=deepbook.generator(0))
    >>> _ = torch.rand(1000)  # draws elsewhere do not matter
    >>> torch.equal(torch.rand(3, generator=deepbook.generator(0)), first)
    True
    """
    import torch

    return torch.Generator(device=device).manual_seed(_shifted(n))


def _shifted(n: int) -> int:
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"expected an integer seed, got {n!r} of type {type(n).__name__}")
    if not 0 <= n < 2**32:
        raise ValueError(f"expected a seed from 0 to 2**32 - 1, got {n}")
    offset = os.environ.get("DEEPBOOK_SEED_OFFSET") or "0"
    if not offset.isdecimal():
        raise ValueError(f"expected DEEPBOOK_SEED_OFFSET to be a whole number, got {offset!r}")
    return (n + int(offset)) % 2**32
