"""What an n-gram model makes of its counts: one formula for each kind of smoothing."""

from collections.abc import Callable

import numpy as np

from deepbook.sequence.ngram_counts import Array

__all__ = [
    "absolute_discounting",
    "additive",
    "estimated_discount",
    "jelinek_mercer",
    "maximum_likelihood",
    "witten_bell",
]

Smoothing = Callable[[Array, Array, Array, Array], Array]


def maximum_likelihood(count: Array, total: Array, types: Array, shorter: Array) -> Array:
    """``count / total``; behind a history that is new, what the shorter history says.

    Parameters
    ----------
    count : array
        Of history and symbol together.
    total : array
        Of the history: the sum of ``count`` over all symbols.
    types : array
        How many different symbols came behind the history.
    shorter : array
        Probability of the symbol behind the history without its first symbol.
    """
    return np.where(total > 0, count / np.maximum(total, 1), shorter)


def additive(amount: float, symbols: int) -> Smoothing:
    """``(count + amount) / (total + amount * symbols)``: Laplace's rule for amount 1."""
    if not amount > 0:
        raise ValueError(f"expected an amount above 0, got {amount}")
    return lambda count, total, types, shorter: (count + amount) / (total + amount * symbols)


def jelinek_mercer(weight: float) -> Smoothing:
    """``weight * count / total + (1 - weight) * shorter`` (Jelinek and Mercer 1980)."""
    if not 0 <= weight <= 1:
        raise ValueError(f"expected a weight in [0, 1], got {weight}")

    def smooth(count: Array, total: Array, types: Array, shorter: Array) -> Array:
        longer = maximum_likelihood(count, total, types, shorter)
        return weight * longer + (1 - weight) * shorter

    return smooth


def witten_bell(count: Array, total: Array, types: Array, shorter: Array) -> Array:
    """``(count + types * shorter) / (total + types)``: the more kinds came, the likelier is a new.

    Witten and Bell (1991), method C of the compressor PPM.
    """
    known = total > 0
    return np.where(known, (count + types * shorter) / np.where(known, total + types, 1), shorter)


def absolute_discounting(discount: float) -> Smoothing:
    """``(max(count - discount, 0) + discount * types * shorter) / total`` (Ney et al. 1994)."""
    if not 0 < discount <= 1:
        raise ValueError(f"expected a discount above 0 and at most 1, got {discount}")

    def smooth(count: Array, total: Array, types: Array, shorter: Array) -> Array:
        mass = np.maximum(count - discount, 0) + discount * types * shorter
        return np.where(total > 0, mass / np.maximum(total, 1), shorter)

    return smooth


def estimated_discount(counts: Array) -> float:
    """``n1 / (n1 + 2 n2)``, of the n-grams that count once and twice (Ney et al. 1994).

    Kept within [0.1, 0.95]; 0.5 if there are neither.
    """
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    if not once + twice:
        return 0.5
    return float(np.clip(once / (once + 2 * twice), 0.1, 0.95))
