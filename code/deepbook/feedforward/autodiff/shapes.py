"""The operations that move, repeat or sum numbers: linear maps, in pairs that undo each other."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from deepbook.feedforward.autodiff.node import Array, Node, Operand, Operation, as_node


class Linear(Operation):
    """A linear map of one input: its Jacobian is the map itself."""

    def push(self, inputs: Sequence[Node], output: Node, i: int, T: Node) -> Node:
        """Apply the map."""
        return self(T)


class _Transpose(Linear):
    symbol = "T"

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes

    def f(self, *values: Array) -> Array:
        return values[0].transpose(self.axes)

    def bprop(self, inputs: Sequence[Node], output: Node, i: int, G: Node) -> Node:
        return transpose(G, [int(axis) for axis in np.argsort(self.axes)])

    def count(self, inputs: Sequence[Node], output: Node) -> int:
        return 0


class _Reshape(Linear):
    symbol = "reshape"

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def f(self, *values: Array) -> Array:
        return values[0].reshape(self.shape)

    def bprop(self, inputs: Sequence[Node], output: Node, i: int, G: Node) -> Node:
        return reshape(G, inputs[0].shape)

    def count(self, inputs: Sequence[Node], output: Node) -> int:
        return 0


class _BroadcastTo(Linear):
    symbol = "broadcast"

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def f(self, *values: Array) -> Array:
        return np.broadcast_to(values[0], self.shape)

    def bprop(self, inputs: Sequence[Node], output: Node, i: int, G: Node) -> Node:
        return sum_to(G, inputs[0].shape)  # a number that was copied collects from all its copies

    def count(self, inputs: Sequence[Node], output: Node) -> int:
        return 0


class _SumTo(Linear):
    symbol = "sum"

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def f(self, *values: Array) -> Array:
        (x,) = values
        extra = x.ndim - len(self.shape)
        kept = (1,) * extra + self.shape
        axes = tuple(axis for axis, size in enumerate(kept) if size == 1)
        return x.sum(axis=axes, keepdims=True).reshape(self.shape)

    def bprop(self, inputs: Sequence[Node], output: Node, i: int, G: Node) -> Node:
        return broadcast_to(G, inputs[0].shape)

    def count(self, inputs: Sequence[Node], output: Node) -> int:
        return inputs[0].value.size - output.value.size


def transpose(a: Operand, axes: Sequence[int] | None = None) -> Node:
    """Permute the axes; in reverse order if none are given."""
    a = as_node(a)
    order = tuple(axes) if axes is not None else tuple(range(len(a.shape)))[::-1]
    if sorted(order) != list(range(len(a.shape))):
        raise ValueError(f"transpose: axes {order} are no permutation for shape {a.shape}")
    return _Transpose(order)(a)


def reshape(a: Operand, shape: tuple[int, ...]) -> Node:
    """Lay the same numbers out in another shape, without -1; no operation if it is the same."""
    a = as_node(a)
    if math.prod(shape) != a.value.size:
        raise ValueError(f"reshape: shape {a.shape} does not fit into {shape}")
    return a if a.shape == shape else _Reshape(shape)(a)


def broadcast_to(a: Operand, shape: tuple[int, ...]) -> Node:
    """Repeat along new axes and axes of size 1, by NumPy's rules."""
    a = as_node(a)
    if common_shape("broadcast_to", a.shape, shape) != shape:
        raise ValueError(f"broadcast_to: shape {a.shape} cannot grow to {shape}")
    return a if a.shape == shape else _BroadcastTo(shape)(a)


def sum_to(a: Operand, shape: tuple[int, ...]) -> Node:
    """Sum over the axes that broadcasting from ``shape`` would have made; undoes `broadcast_to`."""
    a = as_node(a)
    if common_shape("sum_to", a.shape, shape) != a.shape:
        raise ValueError(f"sum_to: shape {a.shape} cannot be summed to {shape}")
    return a if a.shape == shape else _SumTo(shape)(a)


def common_shape(name: str, a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """Shape that two shapes broadcast to; the error names the operation and both shapes."""
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        raise ValueError(f"{name}: shapes {a} and {b} do not broadcast together") from None
