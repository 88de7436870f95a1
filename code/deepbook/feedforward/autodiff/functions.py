"""Elementwise functions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from deepbook.feedforward.autodiff.arithmetic import Elementwise
from deepbook.feedforward.autodiff.node import (
    Array,
    Node,
    Operand,
    as_node,
)
from deepbook.feedforward.autodiff.shapes import Linear


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
        # Far to the left the result is small, not zero: 0.5 + 0.5 tanh(x / 2) would cancel there.
        # Where exp overflows, its inverse is the zero that is meant.
        with np.errstate(over="ignore"):
            return 1.0 / (1.0 + np.exp(-values[0]))

    def partial(self, inputs: Sequence[Node], output: Node, i: int) -> Node:
        return output * (1.0 - output)


class _Relu(Elementwise):
    symbol = "relu"

    def f(self, *values: Array) -> Array:
        return np.maximum(values[0], 0.0)

    def bprop(self, inputs: Sequence[Node], output: Node, i: int, G: Node) -> Node:
        # 0 at the kink, as everywhere in this book and in torch; NaN lets G pass, as in torch
        return _Mask(~(inputs[0].value <= 0))(G)


class _Mask(Linear):
    """Lets some elements pass and makes the others zero, whatever they are.

    A product with 0 would make infinity to NaN: ``sqrt(relu(x))`` has slope 0 left of zero.
    """

    symbol = "mask"

    def __init__(self, mask: npt.NDArray[np.bool_]) -> None:
        self.mask = mask

    def f(self, *values: Array) -> Array:
        return np.where(self.mask, values[0], 0.0)

    def bprop(self, inputs: Sequence[Node], output: Node, i: int, G: Node) -> Node:
        return self(G)


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
