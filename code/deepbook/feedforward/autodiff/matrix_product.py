"""The product ``@`` of vectors, matrices and stacks of matrices."""

from __future__ import annotations

from collections.abc import Sequence

from deepbook.feedforward.autodiff.node import (
    Array,
    Node,
    Operand,
    Operation,
    as_node,
)
from deepbook.feedforward.autodiff.shapes import broadcast_to, common_shape, reshape, transpose


class _MatMul(Operation):
    symbol = "@"

    def f(self, *values: Array) -> Array:
        return values[0] @ values[1]

    def bprop(self, inputs: Sequence[Node], output: Node, i: int, G: Node) -> Node:
        A, B = inputs
        return matmul(G, _turned(B)) if i == 0 else matmul(_turned(A), G)

    def push(self, inputs: Sequence[Node], output: Node, i: int, T: Node) -> Node:
        return matmul(T, inputs[1]) if i == 0 else matmul(inputs[0], T)

    def count(self, inputs: Sequence[Node], output: Node) -> int:
        return output.value.size * (2 * inputs[0].shape[-1] - 1)


def matmul(a: Operand, b: Operand) -> Node:
    """``a @ b`` by NumPy's rules: vectors, matrices, and stacks of matrices with broadcasting.

    Raises
    ------
    ValueError
        If the inner sizes differ, an operand is a single number, or stacks do not broadcast.
    """
    a, b = as_node(a), as_node(b)
    A = reshape(a, (1, *a.shape)) if len(a.shape) == 1 else a
    B = reshape(b, (*b.shape, 1)) if len(b.shape) == 1 else b
    if not a.shape or not b.shape or A.shape[-1] != B.shape[-2]:
        raise ValueError(f"matmul: shapes {a.shape} and {b.shape} do not fit: inner sizes differ")
    stack = common_shape("matmul", A.shape[:-2], B.shape[:-2])
    A, B = broadcast_to(A, stack + A.shape[-2:]), broadcast_to(B, stack + B.shape[-2:])
    rows = a.shape[-2:-1] if len(a.shape) > 1 else ()
    columns = b.shape[-1:] if len(b.shape) > 1 else ()
    return reshape(_MatMul()(A, B), stack + rows + columns)


def _turned(a: Node) -> Node:
    """Exchange the last two axes."""
    last = len(a.shape) - 1
    return transpose(a, [*range(last - 1), last, last - 1])
