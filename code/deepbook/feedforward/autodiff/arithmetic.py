"""Arithmetic between nodes: ``+ - * / **``.

Broadcasting is an operation of its own, and its derivative a sum (see `shapes`): so every
elementwise operation sees inputs of one shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real

import numpy as np

from deepbook.feedforward.autodiff.node import (
    Array,
    Node,
    Operand,
    Operation,
    as_node,
    constant,
    real_array,
)
from deepbook.feedforward.autodiff.shapes import broadcast_to, common_shape


class Elementwise(Operation):
    """Acts on each element alone: the Jacobian is diagonal, and its own transpose."""

    def partial(self, inputs: Sequence[Node], output: Node, i: int) -> Node:
        """Derivative of each element of the output by the same element of input ``i``."""
        raise NotImplementedError

    def bprop(self, inputs: Sequence[Node], output: Node, i: int, G: Node) -> Node:
        """Multiply by the diagonal."""
        return mul(G, self.partial(inputs, output, i))

    def push(self, inputs: Sequence[Node], output: Node, i: int, T: Node) -> Node:
        """Multiply by the diagonal."""
        return self.bprop(inputs, output, i, T)


class _Add(Elementwise):
    symbol = "+"

    def f(self, *values: Array) -> Array:
        return values[0] + values[1]

    def bprop(self, inputs: Sequence[Node], output: Node, i: int, G: Node) -> Node:
        return G


class _Sub(Elementwise):
    symbol = "−"

    def f(self, *values: Array) -> Array:
        return values[0] - values[1]

    def bprop(self, inputs: Sequence[Node], output: Node, i: int, G: Node) -> Node:
        return G if i == 0 else neg(G)


class _Neg(Elementwise):
    symbol = "neg"

    def f(self, *values: Array) -> Array:
        return -values[0]

    def bprop(self, inputs: Sequence[Node], output: Node, i: int, G: Node) -> Node:
        return neg(G)


class _Mul(Elementwise):
    symbol = "×"

    def f(self, *values: Array) -> Array:
        return values[0] * values[1]

    def partial(self, inputs: Sequence[Node], output: Node, i: int) -> Node:
        return inputs[1 - i]


class _Div(Elementwise):
    symbol = "÷"

    def f(self, *values: Array) -> Array:
        return values[0] / values[1]

    def bprop(self, inputs: Sequence[Node], output: Node, i: int, G: Node) -> Node:
        # d(a/b)/da = 1/b,  d(a/b)/db = -(a/b)/b
        return div(G, inputs[1]) if i == 0 else neg(div(mul(G, output), inputs[1]))


class _Power(Elementwise):
    def __init__(self, exponent: float) -> None:
        self.exponent = exponent
        self.symbol = f"^{exponent:g}"

    def f(self, *values: Array) -> Array:
        # a negative number has no root, nor has -inf, for which ** gives inf
        if self.exponent == 0.5:
            return np.sqrt(values[0])
        if self.exponent == -0.5:
            return 1.0 / np.sqrt(values[0])
        return values[0] ** self.exponent

    def bprop(self, inputs: Sequence[Node], output: Node, i: int, G: Node) -> Node:
        if self.exponent == 0:  # 0 * x^-1 would not be a number at x = 0
            return constant(np.zeros(output.shape))
        return super().bprop(inputs, output, i, G)

    def partial(self, inputs: Sequence[Node], output: Node, i: int) -> Node:
        return mul(power(inputs[0], self.exponent - 1), self.exponent)


def add(a: Operand, b: Operand) -> Node:
    """``a + b``, elementwise with broadcasting."""
    return _Add()(*_of_one_shape("add", a, b))


def sub(a: Operand, b: Operand) -> Node:
    """``a - b``, elementwise with broadcasting."""
    return _Sub()(*_of_one_shape("sub", a, b))


def mul(a: Operand, b: Operand) -> Node:
    """``a * b``, elementwise with broadcasting."""
    return _Mul()(*_of_one_shape("mul", a, b))


def div(a: Operand, b: Operand) -> Node:
    """``a / b``, elementwise with broadcasting."""
    return _Div()(*_of_one_shape("div", a, b))


def neg(a: Operand) -> Node:
    """``-a``."""
    return _Neg()(as_node(a))


def power(a: Operand, exponent: float) -> Node:
    """``a ** exponent`` for a fixed number ``exponent``, Python's or NumPy's.

    Raises
    ------
    TypeError
        If the exponent is a node or an array: write ``exp(b * log(a))`` then.
    """
    if not isinstance(exponent, Real):
        raise TypeError(
            f"power: expected a number as exponent, got {type(exponent).__name__}; "
            "write exp(b * log(a)) for a node b"
        )
    return as_node(a) if exponent == 1 else _Power(float(exponent))(as_node(a))


def _of_one_shape(name: str, a: Operand, b: Operand) -> tuple[Node, Node]:
    values = [x.value if isinstance(x, Node) else real_array(x) for x in (a, b)]
    shape = common_shape(name, values[0].shape, values[1].shape)

    def grown(x: Operand, value: Array) -> Node:
        # a plain number or array needs no derivative, so it needs no node for its broadcasting
        if isinstance(x, Node):
            return broadcast_to(x, shape)
        return constant(np.broadcast_to(value.copy(), shape))

    return grown(a, values[0]), grown(b, values[1])
