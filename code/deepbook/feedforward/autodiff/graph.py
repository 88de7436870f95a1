"""What a graph costs, and where to draw its nodes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

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
        Layer, counted from 0, and place within the layer, at least one apart.
    routes : list of array, shape (points, 2)
        Where to draw each edge: from its start through a bend in every layer that it passes to
        its end, clear of all nodes.
    """

    nodes: list[Node]
    labels: list[str]
    edges: list[tuple[int, int]]
    positions: Array
    routes: list[Array]


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

    A result stands one layer behind its last input, a leaf one layer before its first use;
    within a layer, nodes are sorted by the mean place of their neighbours.
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

    # a long edge gets a bend in every layer that it passes, which is placed like a node
    columns: list[int] = layers.tolist()
    chains: list[list[int]] = []
    for parent, child in edges:
        passed = range(layers[parent] + 1, layers[child])
        bends = range(len(columns), len(columns) + len(passed))
        columns.extend(passed)
        chains.append([parent, *bends, child])
    positions = np.column_stack([columns, _places(np.array(columns), chains)]).astype(float)
    routes = [positions[chain] for chain in chains]
    return Graph(nodes, [_label(node) for node in nodes], edges, positions[: len(nodes)], routes)


def _places(
    columns: npt.NDArray[np.int_], chains: list[list[int]], sweeps: int = 100
) -> npt.NDArray[np.float64]:
    """Place within its column for each point: near its neighbours, again and again."""
    neighbours: list[list[int]] = [[] for _ in columns]
    for left, right in (pair for chain in chains for pair in pairwise(chain)):
        neighbours[left].append(right)
        neighbours[right].append(left)
    members = [np.flatnonzero(columns == column) for column in range(max(columns) + 1)]
    places = np.zeros(len(columns))
    for column in members:
        places[column] = np.arange(len(column)) - (len(column) - 1) / 2
    for sweep in range(sweeps):
        for column in members if sweep % 2 else members[::-1]:
            wishes = np.array([places[neighbours[i] or [int(i)]].mean() for i in column])
            order = np.argsort(wishes, kind="stable")
            # as wished, but one apart: take off the ranks, and no place may be below the last
            spread = np.maximum.accumulate(wishes[order] - np.arange(len(column)))
            spread += np.arange(len(column))
            places[column[order]] = spread - (spread - wishes[order]).mean()
    return places


def _label(node: Node) -> str:
    if node.operation is not None:
        return node.operation.symbol
    numbers = np.unique(node.value)
    return node.name or (f"{numbers[0]:.3g}" if len(numbers) == 1 else str(node.shape))
