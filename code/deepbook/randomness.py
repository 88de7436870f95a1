"""One seed for every source of randomness that a page may touch."""

import random

__all__ = ["seed"]


def seed(n: int) -> None:
    """Seed Python's, NumPy's and torch's global generators, on every device.

    Parameters
    ----------
    n : int
        From 0 to 2**32 - 1 (NumPy takes no more).

    Raises
    ------
    TypeError
        If ``n`` is no integer.
    ValueError
        If ``n`` is out of range.
    """
    import numpy as np
    import torch

    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"expected an integer seed, got {n!r} of type {type(n).__name__}")
    if not 0 <= n < 2**32:
        raise ValueError(f"expected a seed from 0 to 2**32 - 1, got {n}")
    random.seed(n)
    np.random.seed(n)  # noqa: NPY002  (scikit-learn draws from the global state)
    torch.manual_seed(n)
