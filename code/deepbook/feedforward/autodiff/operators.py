"""The operators of nodes, ``+ - * / @ ** -`` and ``.T``: attached when all operations are there.

Operations are made of nodes, and the operators of nodes are operations. So that neither module has
to import the other, `node` knows no operation, and this one is loaded last.
"""

from __future__ import annotations

from collections.abc import Callable

from deepbook.feedforward.autodiff.arithmetic import add, div, mul, neg, power, sub
from deepbook.feedforward.autodiff.matrix_product import matmul
from deepbook.feedforward.autodiff.node import Node, Operand
from deepbook.feedforward.autodiff.shapes import transpose

Binary = Callable[[Operand, Operand], Node]


def _reflected(operation: Binary) -> Binary:
    """For ``number + node``, which Python asks the node as ``node.__radd__(number)``."""
    return lambda right, left: operation(left, right)


_METHODS: dict[str, object] = {
    "__pow__": power,
    "__neg__": neg,
    "T": property(transpose, doc="The node with its axes in reverse order."),
}
for _name, _operation in {
    "add": add,
    "sub": sub,
    "mul": mul,
    "truediv": div,
    "matmul": matmul,
}.items():
    _METHODS |= {f"__{_name}__": _operation, f"__r{_name}__": _reflected(_operation)}

for _name, _method in _METHODS.items():
    setattr(Node, _name, _method)
