"""A node of a computational graph, and what an operation between nodes must know."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Operand: TypeAlias = "Node | npt.ArrayLike"

_clock = count()


class Node:
    """A value in a computational graph, and where it came from.

    A leaf is made from a number or an array; every other node is made by an operation on nodes.
    A node is always younger than its inputs, so the order in which nodes were made is a
    topological order of the graph (Goodfellow et al. 2016, section 6.5.1).

    Nodes, numbers and arrays go together by ``+ - * / @``; ``** number``, ``-node`` and ``node.T``
    are there too.

    Parameters
    ----------
    value
        A real number, nested sequence or array. It is copied, as float64, and read-only: a
        graph whose values change under it would give wrong derivatives.
    name
        A name for drawings.

    Attributes
    ----------
    value : array of float64
    operation : Operation or None
        What made the node; None for a leaf.
    inputs : tuple of Node
        What it was made from; empty for a leaf.

    Raises
    ------
    TypeError
        If the value is not made of real numbers.
    """

    __slots__ = ("inputs", "name", "operation", "order", "value")
    __array_ufunc__ = None  # so that `array * node` asks the node

    def __init__(self, value: npt.ArrayLike, *, name: str = "") -> None:
        self._set(real_array(value).copy(), None, (), name)

    def _set(
        self, value: Array, operation: Operation | None, inputs: tuple[Node, ...], name: str = ""
    ) -> None:
        value.flags.writeable = False
        self.value, self.operation, self.inputs, self.name = value, operation, inputs, name
        self.order = next(_clock)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return self.value.shape

    def detach(self) -> Node:
        """Return a leaf with the same value: derivatives do not pass through it."""
        return constant(self.value)

    def __repr__(self) -> str:
        made_by = f", made by {self.operation.symbol}" if self.operation else ""
        return f"Node({np.array2string(self.value, separator=', ', prefix='Node(')}{made_by})"

    if TYPE_CHECKING:  # the operators are operations on nodes: `operators` attaches them

        @property
        def T(self) -> Node:
            """The node with its axes in reverse order."""

        def __add__(self, other: Operand) -> Node: ...
        def __radd__(self, other: Operand) -> Node: ...
        def __sub__(self, other: Operand) -> Node: ...
        def __rsub__(self, other: Operand) -> Node: ...
        def __mul__(self, other: Operand) -> Node: ...
        def __rmul__(self, other: Operand) -> Node: ...
        def __truediv__(self, other: Operand) -> Node: ...
        def __rtruediv__(self, other: Operand) -> Node: ...
        def __matmul__(self, other: Operand) -> Node: ...
        def __rmatmul__(self, other: Operand) -> Node: ...
        def __pow__(self, exponent: float) -> Node: ...
        def __neg__(self) -> Node: ...


class Operation:
    """What the graph must know about an operation; `op` in Goodfellow et al., section 6.5.6.

    Both derivatives are made of nodes: they are graphs too, and can be differentiated again.
    """

    symbol = "?"

    def f(self, *values: Array) -> Array:
        """Compute the output's value from the inputs' values."""
        raise NotImplementedError

    def bprop(self, inputs: Sequence[Node], output: Node, i: int, G: Node) -> Node:
        """Transposed Jacobian with respect to input ``i`` times ``G`` (eq. 6.54).

        ``G`` has the output's shape, the result that of input ``i``.
        """
        raise NotImplementedError

    def push(self, inputs: Sequence[Node], output: Node, i: int, T: Node) -> Node:
        """Jacobian with respect to input ``i`` times ``T``.

        ``T`` has the shape of input ``i``, the result that of the output.
        """
        raise NotImplementedError

    def count(self, inputs: Sequence[Node], output: Node) -> int:
        """Additions, multiplications and function values that `f` needs."""
        return output.value.size

    def __call__(self, *inputs: Node) -> Node:
        """Make the node that holds the result."""
        node = Node.__new__(Node)
        node._set(np.asarray(self.f(*(x.value for x in inputs))), self, inputs)
        return node


def constant(value: Array) -> Node:
    """A leaf that shares the memory of a read-only array."""
    node = Node.__new__(Node)
    node._set(value.view(), None, ())
    return node


def as_node(value: Operand) -> Node:
    """Return the node itself, or a leaf for a number or an array."""
    return value if isinstance(value, Node) else Node(value)


def real_array(value: npt.ArrayLike) -> Array:
    """Return the value as a float64 array.

    Raises
    ------
    TypeError
        If it is not made of real numbers.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "buif":
        raise TypeError(
            f"a Node holds real numbers as float64; got dtype {array.dtype} "
            f"from {type(value).__name__}"
        )
    return array.astype(np.float64, copy=False)
