"""Automatic differentiation from nothing: a graph of NumPy arrays and two ways through it.

Goodfellow et al. (2016), section 6.5. `node` says what a graph is made of; `arithmetic`,
`matrix_product`, `functions`, `sums` and `shapes` hold the operations, which `operators` lends to
nodes; `modes` differentiates; `graph` counts and draws.
"""

from deepbook.feedforward.autodiff import operators as _operators  # noqa: F401 - attaches them
from deepbook.feedforward.autodiff.arithmetic import add, div, mul, neg, power, sub
from deepbook.feedforward.autodiff.functions import exp, log, relu, sigmoid, tanh
from deepbook.feedforward.autodiff.graph import Graph, layout, operation_count
from deepbook.feedforward.autodiff.matrix_product import matmul
from deepbook.feedforward.autodiff.modes import ancestors, grad, jvp
from deepbook.feedforward.autodiff.node import Node, Operation
from deepbook.feedforward.autodiff.shapes import broadcast_to, reshape, sum_to, transpose
from deepbook.feedforward.autodiff.sums import logsumexp, mean, sum

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
