"""Elementwise functions, and sums over axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deepbook.feedforward.autodiff.arithmetic import Elementwise, mul, sub
from deepbook.feedforward.autodiff.node import (
    Array,
    Node,
    Operand,
    Operation,
    as_node,
    constant,
    real_array,
)
from deepbook.feedforward.autodiff.shapes import reshape, sum_to

Axis = int | tuple[int, ...] | None


class _Exp(Elementwise):
    symbol = "exp"

    def f(self, *values: Array) -> Array:
        return np.exp(values[0])

    def partial(self, inputs: Sequence[Node], output: Node, i: int) -> Node:
        return output


class _Log(Elementwise):
    symbol = "log"

    def f(self, *values: Array) -> Array:
        return np.log(values[0])

    def bprop(self, inputs: Sequence[Node], output: Node, i: int, G: Node) -> Node:
        return G / inputs[0]


class _Tanh(Elementwise):
    symbol = "tanh"

    def f(self, *values: Array) -> Array:
        return np.tanh(values[0])

    def partial(self, inputs: Sequence[Node], output: Node, i: int) -> Node:
        return 1.0 - output * output


class _Sigmoid(Elementwise):
    symbol = "sigmoid"

    def f(self, *values: Array) -> Array:
        return 0.5 + 0.5 * np.tanh(0.5 * values[0])  # 1 / (1 + exp(-x)), without overflow

    def partial(self, inputs: Sequence[Node], output: Node, i: int) -> Node:
        return output * (1.0 - output)


class _Relu(Elementwise):
    symbol = "relu"

    def f(self, *values: Array) -> Array:
        return np.maximum(values[0], 0.0)

    def partial(self, inputs: Sequence[Node], output: Node, i: int) -> Node:
        # 0 at the kink, as everywhere in this book and in torch
        return constant(real_array(inputs[0].value > 0))


class _LogSumExp(Operation):
    """Over one axis, which stays with size 1."""

    symbol = "logsumexp"

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def f(self, *values: Array) -> Array:
        (x,) = values
        largest = x.max(axis=self.axis, keepdims=True)  # so that no exp overflows
        return largest + np.log(np.exp(x - largest).sum(axis=self.axis, keepdims=True))

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


def exp(a: Operand) -> Node:
    """Exponential of each element."""
    return _Exp()(as_node(a))


def log(a: Operand) -> Node:
    """Natural logarithm of each element."""
    return _Log()(as_node(a))


def tanh(a: Operand) -> Node:
    """Hyperbolic tangent of each element."""
    return _Tanh()(as_node(a))


def sigmoid(a: Operand) -> Node:
    """Logistic sigmoid ``1 / (1 + exp(-a))`` of each element."""
    return _Sigmoid()(as_node(a))


def relu(a: Operand) -> Node:
    """Larger of each element and zero; its derivative at zero is taken as zero."""
    return _Relu()(as_node(a))


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


def logsumexp(a: Operand, axis: int = -1, keepdims: bool = False) -> Node:
    """``log(sum(exp(a)))`` over one axis, stable for large and small numbers.

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
    wanted = range(dimensions) if axis is None else (axis,) if isinstance(axis, int) else axis
    if not all(-dimensions <= k < dimensions for k in wanted):
        raise ValueError(f"{name}: shape {shape} has no axis {axis}")
    return tuple(sorted({k % dimensions for k in wanted}))
