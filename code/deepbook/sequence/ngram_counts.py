"""n-grams as numbers in sorted arrays: counts for many histories at once, without dictionaries."""

from dataclasses import dataclass

import numpy as np

__all__ = ["GramTable", "counts_before", "gram_codes"]

Array = np.ndarray


def gram_codes(symbols: Array, length: int, base: int) -> Array:
    """Each ``length`` symbols in a row as one number, by the place where they end.

    Parameters
    ----------
    symbols : ndarray of int64, shape (T,), values in [0, base)
    length : int
    base : int

    Returns
    -------
    ndarray of int64, shape (T,)
        ``sum_i symbols[t - i] * base ** i``. The first ``length - 1`` are -1: nothing ends there.

    Raises
    ------
    ValueError
        If such numbers don't fit into 63 bits.
    """
    if base**length >= 2**63:
        raise ValueError(f"expected n-grams that fit into 63 bits, got {base} to the {length}")
    codes = np.zeros(len(symbols), dtype=np.int64)
    for i in range(min(length, len(symbols))):
        codes[i:] += symbols[: len(symbols) - i] * base**i
    codes[: length - 1] = -1
    return codes


def counts_before(keys: Array, events: Array) -> Array:
    """How many events with the same key happened before each place: no place counts itself.

    Parameters
    ----------
    keys : ndarray of int64, shape (T,)
    events : ndarray of bool, shape (T,)

    Returns
    -------
    ndarray of int64, shape (T,)
    """
    order = np.argsort(keys, kind="stable")
    # within each key, the places are in their order
    sums = np.cumsum(events[order], dtype=np.int64) - events[order]
    begins = np.flatnonzero(np.r_[True, np.diff(keys[order]) != 0]) if len(keys) else order
    sizes = np.diff(np.r_[begins, len(keys)])
    counts = np.empty(len(keys), dtype=np.int64)
    counts[order] = sums - np.repeat(sums[begins], sizes)
    return counts


@dataclass(frozen=True, eq=False)
class GramTable:
    """Counts of n-grams of one length, and of their histories.

    Attributes
    ----------
    codes, counts : ndarray, shape (M,)
        Different n-grams, ascending, and how often each counts.
    histories, totals, types : ndarray, shape (H,)
        Different histories, ascending; the sum of the counts behind each, and how many different
        symbols came.
    """

    codes: Array
    counts: Array
    histories: Array
    totals: Array
    types: Array

    @classmethod
    def of(cls, codes: Array, base: int) -> "GramTable":
        """Count n-grams, each as often as it stands there."""
        unique, counts = np.unique(codes, return_counts=True)
        histories, begins, types = np.unique(unique // base, return_index=True, return_counts=True)
        totals = np.add.reduceat(counts, begins) if len(begins) else types
        return cls(unique, counts, histories, totals, types)

    def count(self, codes: Array) -> Array:
        """How often n-grams count, 0 where they are new."""
        return _found(self.codes, self.counts, codes)

    def behind(self, histories: Array) -> tuple[Array, Array]:
        """Totals and types of histories, 0 where they are new."""
        return (
            _found(self.histories, self.totals, histories),
            _found(self.histories, self.types, histories),
        )


def _found(known: Array, values: Array, wanted: Array) -> Array:
    if not len(known):
        return np.zeros(wanted.shape, dtype=np.int64)
    place = np.searchsorted(known, wanted).clip(max=len(known) - 1)
    return np.where(known[place] == wanted, values[place], 0)
