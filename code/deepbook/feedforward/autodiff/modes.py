"""Two ways through a graph: from the output back (`grad`), from the inputs on (`jvp`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from deepbook.feedforward.autodiff.node import Node, as_node, constant


def ancestors(outputs: Iterable[Node]) -> list[Node]:
    """Return all nodes that the outputs were made from, and themselves: inputs before outputs."""
    found: set[Node] = set()
    waiting = list(outputs)
    while waiting:  # not recursive: a graph may be deeper than Python's stack
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting.extend(node.inputs)
    return sorted(found, key=lambda node: node.order)


def grad(
    output: Node,
    inputs: Sequence[Node],
    seed: Node | npt.ArrayLike | None = None,
    *,
    create_graph: bool = False,
) -> list[Node]:
    """Derivatives of ``output`` with respect to each input, by reverse accumulation.

    Walks once from the output back, only over nodes that lie between it and the inputs, and
    keeps the finished derivatives in a table (Goodfellow et al. 2016, algorithms 6.5 and 6.6).

    Parameters
    ----------
    output
        A scalar, or any node if ``seed`` is given.
    inputs
        The nodes to differentiate by; leaves or not.
    seed
        Weights of the output's elements, of the output's shape: the result is the transposed
        Jacobian times ``seed``. One for a scalar output.
    create_graph
        Keep the graph of the derivatives, so that they can be differentiated again.

    Returns
    -------
    list of Node
        One for each input, of its shape; zero where the output does not depend on it.

    Raises
    ------
    ValueError
        If the output is no scalar and has no seed, or the seed's shape is not the output's.
    TypeError
        If ``inputs`` is not a sequence of nodes.
    """
    _check_nodes(output, inputs)
    if seed is None:
        if output.value.size != 1:
            raise ValueError(
                f"the gradient of an output of shape {output.shape} needs a seed of that shape; "
                "only a scalar output has a gradient of its own"
            )
        seed = np.ones(output.shape)
    seed = as_node(seed)
    _check_shape("seed", seed, "output", output)

    order = ancestors([output])
    between = set(inputs)  # grows to all nodes that depend on an input
    for node in order:
        if any(parent in between for parent in node.inputs):
            between.add(node)

    grad_table = {output: seed}
    for node in reversed(order):
        if node not in between or node.operation is None:
            continue
        for i, parent in enumerate(node.inputs):
            if parent in between:
                G = node.operation.bprop(node.inputs, node, i, grad_table[node])  # eq. 6.54
                total = grad_table[parent] + G if parent in grad_table else G
                grad_table[parent] = total if create_graph else total.detach()
    return [grad_table.get(x, constant(np.zeros(x.shape))) for x in inputs]


def jvp(output: Node, inputs: Sequence[Node], tangents: Sequence[Node | npt.ArrayLike]) -> Node:
    """Derivative of ``output`` along one direction of the inputs, by forward accumulation.

    Walks once from the inputs on: each node's tangent is what its inputs' tangents push into it
    (Goodfellow et al. 2016, section 6.5.9). The result keeps its graph.

    Parameters
    ----------
    output
        Any node.
    inputs
        The nodes that move; leaves or not.
    tangents
        How each input moves, of its shape.

    Returns
    -------
    Node, of the output's shape

    Raises
    ------
    ValueError
        If there are not as many tangents as inputs, or a shape differs.
    TypeError
        If ``inputs`` is not a sequence of nodes.
    """
    _check_nodes(output, inputs)
    if len(tangents) != len(inputs):
        raise ValueError(
            f"expected {len(inputs)} tangents, one for each input; got {len(tangents)}"
        )
    moved: dict[Node, Node] = {}
    for x, tangent in zip(inputs, map(as_node, tangents), strict=True):
        _check_shape("tangent", tangent, "input", x)
        moved[x] = moved[x] + tangent if x in moved else tangent

    for node in ancestors([output]):
        for i, parent in enumerate(node.inputs):
            if parent in moved and node.operation is not None:
                T = node.operation.push(node.inputs, node, i, moved[parent])
                moved[node] = moved[node] + T if node in moved else T
    return moved.get(output, constant(np.zeros(output.shape)))


def _check_nodes(output: Node, inputs: Sequence[Node]) -> None:
    if not isinstance(output, Node):
        raise TypeError(f"expected a Node as output, got {type(output).__name__}")
    if isinstance(inputs, Node) or not all(isinstance(x, Node) for x in inputs):
        raise TypeError("expected a list of Nodes as inputs, even for a single one: grad(y, [x])")


def _check_shape(what: str, given: Node, of: str, wanted: Node) -> None:
    if given.shape != wanted.shape:
        raise ValueError(f"{what} has shape {given.shape}, but the {of} has shape {wanted.shape}")
