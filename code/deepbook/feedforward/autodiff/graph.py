"""What a graph costs, and where to draw its nodes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deepbook.feedforward.autodiff.modes import ancestors
from deepbook.feedforward.autodiff.node import Array, Node


@dataclass(frozen=True)
class Graph:
    """A graph laid out for drawing.

    Attributes
    ----------
    nodes : list of Node
        Inputs before outputs.
    labels : list of str
        Symbol of the operation; of a leaf its name, its number if it holds but one, or its shape.
    edges : list of (int, int)
        From each input to the node made of it, as indices into ``nodes``.
    positions : array, shape (nodes, 2)
        Column (layers from left to right, one apart) and row (centred at zero, one apart).
    """

    nodes: list[Node]
    labels: list[str]
    edges: list[tuple[int, int]]
    positions: npt.NDArray[np.float64]


def operation_count(*nodes: Node) -> int:
    """Scalar operations needed to compute the nodes from their leaves, shared parts once.

    An addition, a multiplication, a comparison and the value of an elementary function count
    one each; moving numbers (reshape, transpose, broadcast) counts nothing.
    """
    return sum(
        node.operation.count(node.inputs, node) for node in ancestors(nodes) if node.operation
    )


def layout(*outputs: Node) -> Graph:
    """Lay out the graph of the outputs in layers, with few crossings.

    A result stands one layer to the right of its last input, a leaf one layer to the left of
    its first use; within a layer, nodes are sorted by the mean row of their neighbours.
    """
    nodes = ancestors(outputs)
    index = {node: i for i, node in enumerate(nodes)}
    edges = [(index[parent], i) for i, node in enumerate(nodes) for parent in node.inputs]

    layers = np.zeros(len(nodes), dtype=int)
    for parent, child in edges:  # in order of the child, so each parent's layer is final
        layers[child] = max(layers[child], layers[parent] + 1)
    for i, node in enumerate(nodes):
        uses = [layers[child] for parent, child in edges if parent == i]
        if node.operation is None and uses:
            layers[i] = min(uses) - 1

    rows = _rows(layers, edges)
    return Graph(nodes, [_label(node) for node in nodes], edges, np.column_stack([layers, rows]))


def _rows(layers: npt.NDArray[np.int_], edges: list[tuple[int, int]], sweeps: int = 8) -> Array:
    """Place each layer's nodes one apart, by the mean row of their neighbours, again and again."""
    neighbours: list[list[int]] = [[] for _ in layers]
    for parent, child in edges:
        neighbours[parent].append(child)
        neighbours[child].append(parent)
    members = [np.flatnonzero(layers == layer) for layer in range(layers.max() + 1)]
    rows = np.zeros(len(layers))
    for layer in members:
        rows[layer] = np.arange(len(layer)) - (len(layer) - 1) / 2
    for _ in range(sweeps):
        for layer in members:
            wished = [np.mean(rows[neighbours[i]]) if neighbours[i] else rows[i] for i in layer]
            order = np.argsort(wished, kind="stable")
            rows[layer[order]] = np.arange(len(layer)) - (len(layer) - 1) / 2
    return rows


def _label(node: Node) -> str:
    if node.operation is not None:
        return node.operation.symbol
    numbers = np.unique(node.value)
    return node.name or (f"{numbers[0]:.3g}" if len(numbers) == 1 else str(node.shape))
