"""Sums over axes: plain, as a mean, and of exponentials."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import SupportsIndex

import numpy as np

from deepbook.feedforward.autodiff.arithmetic import mul, sub
from deepbook.feedforward.autodiff.functions import exp
from deepbook.feedforward.autodiff.node import (
    Array,
    Node,
    Operand,
    Operation,
    as_node,
)
from deepbook.feedforward.autodiff.shapes import reshape, sum_to

Axis = SupportsIndex | Sequence[SupportsIndex] | None


class _LogSumExp(Operation):
    """Over one axis, which stays with size 1."""

    symbol = "logsumexp"

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def f(self, *values: Array) -> Array:
        (x,) = values
        # The largest is taken out so that no exp overflows. An infinite one is not: it would
        # leave inf - inf, where log and exp by themselves know the answer.
        largest = x.max(axis=self.axis, keepdims=True, initial=-np.inf)
        shift = np.where(np.isfinite(largest), largest, 0.0)
        with np.errstate(divide="ignore"):  # the log of a sum of nothing but zeros is -inf
            return shift + np.log(np.exp(x - shift).sum(axis=self.axis, keepdims=True))

    def bprop(self, inputs: Sequence[Node], output: Node, i: int, G: Node) -> Node:
        return mul(G, self._softmax(inputs[0], output))

    def push(self, inputs: Sequence[Node], output: Node, i: int, T: Node) -> Node:
        return sum_to(mul(T, self._softmax(inputs[0], output)), output.shape)

    def count(self, inputs: Sequence[Node], output: Node) -> int:
        # of k numbers: k-1 comparisons, k differences, k exps, k-1 additions, a log and a sum
        return 4 * inputs[0].value.size

    @staticmethod
    def _softmax(x: Node, output: Node) -> Node:
        return exp(sub(x, output))


def sum(a: Operand, axis: Axis = None, keepdims: bool = False) -> Node:
    """Sum over one axis, several, or all of them.

    Raises
    ------
    ValueError
        If there is no such axis.
    """
    a = as_node(a)
    axes = _axes("sum", axis, a.shape)
    kept = tuple(1 if k in axes else size for k, size in enumerate(a.shape))
    left = tuple(size for k, size in enumerate(a.shape) if k not in axes)
    if keepdims:
        return sum_to(a, kept)
    leading = axes == tuple(range(len(axes)))  # these sum_to takes away by itself
    return sum_to(a, left) if leading else reshape(sum_to(a, kept), left)


def mean(a: Operand, axis: Axis = None, keepdims: bool = False) -> Node:
    """Mean over one axis, several, or all of them."""
    total = sum(a, axis, keepdims)
    return total / (as_node(a).value.size / max(total.value.size, 1))


def logsumexp(a: Operand, axis: SupportsIndex = -1, keepdims: bool = False) -> Node:
    """``log(sum(exp(a)))`` over one axis, stable for large and small numbers.

    It is -inf where all numbers are, or where there are none; the gradient is NaN there, for
    no number is larger than the others.

    Raises
    ------
    ValueError
        If there is no such axis.
    """
    a = as_node(a)
    (k,) = _axes("logsumexp", axis, a.shape)
    result = _LogSumExp(k)(a)
    return result if keepdims else reshape(result, a.shape[:k] + a.shape[k + 1 :])


def _axes(name: str, axis: Axis, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes counted from the front, in order."""
    dimensions = len(shape)
    if axis is None:
        axis = tuple(range(dimensions))
    wanted = [index(k) for k in (axis if isinstance(axis, Sequence) else (axis,))]
    if not all(-dimensions <= k < dimensions for k in wanted):
        raise ValueError(f"{name}: shape {shape} has no axis {axis}")
    return tuple(sorted({k % dimensions for k in wanted}))
