"""Automatic differentiation from nothing: a graph of NumPy arrays and two ways through it.

Goodfellow et al. (2016), section 6.5. `node` says what a graph is made of; `arithmetic`,
`functions` and `shapes` hold the operations, which `operators` lends to nodes; `modes`
differentiates; `graph` counts and draws.
"""

from deepbook.feedforward.autodiff import operators as _operators  # noqa: F401 - attaches them
from deepbook.feedforward.autodiff.arithmetic import add, div, matmul, mul, neg, power, sub
from deepbook.feedforward.autodiff.functions import (
    exp,
    log,
    logsumexp,
    mean,
    relu,
    sigmoid,
    sum,
    tanh,
)
from deepbook.feedforward.autodiff.graph import Graph, layout, operation_count
from deepbook.feedforward.autodiff.modes import ancestors, grad, jvp
from deepbook.feedforward.autodiff.node import Node, Operation
from deepbook.feedforward.autodiff.shapes import broadcast_to, reshape, sum_to, transpose

__all__ = [
    "Graph",
    "Node",
    "Operation",
    "add",
    "ancestors",
    "broadcast_to",
    "div",
    "exp",
    "grad",
    "jvp",
    "layout",
    "log",
    "logsumexp",
    "matmul",
    "mean",
    "mul",
    "neg",
    "operation_count",
    "power",
    "relu",
    "reshape",
    "sigmoid",
    "sub",
    "sum",
    "sum_to",
    "tanh",
    "transpose",
]
