import itertools

import numpy as np
import pytest

from deepbook.feedforward import autodiff as ad
from deepbook.feedforward.autodiff import Node, grad, jvp, layout, operation_count


def network(batch=5, sizes=(4, 8, 3)):
    rng = np.random.default_rng(0)
    x = Node(rng.normal(size=(batch, sizes[0])), name="x")
    weights = [
        Node(rng.normal(size=pair), name=f"W{i}")
        for i, pair in enumerate(itertools.pairwise(sizes), 1)
    ]
    hidden = x
    for W in weights[:-1]:
        hidden = ad.tanh(hidden @ W)
    return x, weights, ad.sum((hidden @ weights[-1]) ** 2)


def test_operations_are_counted_as_by_hand():
    a, b = Node(np.ones((2, 3))), Node(np.ones((3, 4)))
    assert operation_count(a) == 0
    assert operation_count(a @ b) == 2 * 4 * (3 + 2)  # 3 products and 2 additions an element
    assert operation_count(ad.sum(a)) == 5
    assert operation_count(a.T, ad.reshape(a, (6,)), ad.broadcast_to(a, (9, 2, 3))) == 0
    assert operation_count(ad.exp(a) * 2) == 12
    assert operation_count(ad.logsumexp(a)) == 24


def test_a_shared_part_is_counted_once():
    shared = ad.exp(Node(np.ones(10)))
    assert operation_count(shared + shared, shared) == 20


def test_ancestors_are_each_node_once_and_none_before_what_it_is_made_from():
    x, weights, loss = network()
    found = ad.ancestors([loss, weights[0]])
    assert len(set(map(id, found))) == len(found)
    place = {id(node): i for i, node in enumerate(found)}
    assert {id(x), id(loss), *map(id, weights)} <= place.keys()
    assert all(place[id(part)] < place[id(node)] for node in found for part in node.inputs)
    assert id(Node(1.0)) not in place


def test_the_reverse_sweep_costs_a_small_multiple_of_the_function_whatever_the_number_of_inputs():
    ratios = []
    for width in (8, 32, 128):
        _, weights, loss = network(sizes=(4, width, width, 3))
        gradients = grad(loss, weights, create_graph=True)
        ratios.append(operation_count(loss, *gradients) / operation_count(loss))
    assert all(2 < ratio < 4 for ratio in ratios)


def test_one_forward_sweep_costs_about_as_much_as_the_reverse_sweep_and_gives_one_direction():
    _, weights, loss = network()
    forward = operation_count(loss, jvp(loss, weights, weights)) - operation_count(loss)
    reverse = operation_count(loss, *grad(loss, weights, create_graph=True))
    reverse -= operation_count(loss)
    assert 0.5 < forward / reverse < 2


@pytest.mark.parametrize("gradients", [False, True])
def test_every_edge_of_the_layout_points_to_a_later_layer_and_no_two_nodes_share_a_place(gradients):
    _, weights, loss = network()
    outputs = [loss, *grad(loss, weights, create_graph=True)] if gradients else [loss]
    graph = layout(*outputs)
    for start, end in graph.edges:
        assert graph.positions[start, 0] < graph.positions[end, 0]
        assert graph.nodes[start] in graph.nodes[end].inputs
    assert len(graph.edges) == sum(len(node.inputs) for node in graph.nodes)
    assert len({tuple(position) for position in graph.positions}) == len(graph.nodes)


def test_the_route_of_an_edge_passes_every_layer_between_and_comes_near_no_node():
    _, weights, loss = network()
    graph = layout(loss, *grad(loss, weights, create_graph=True))
    bends = 0
    for (start, end), route in zip(graph.edges, graph.routes, strict=True):
        np.testing.assert_array_equal(route[[0, -1]], graph.positions[[start, end]])
        np.testing.assert_array_equal(np.diff(route[:, 0]), 1)
        for bend in route[1:-1]:
            bends += 1
            assert np.abs(graph.positions - bend).sum(1).min() > 0.99
    assert bends > 10


def test_labels_say_the_name_the_number_the_shape_or_the_operation():
    x = Node(np.ones((2, 3)), name="x")
    graph = layout(ad.sum(x * 2.5 + np.arange(6.0).reshape(2, 3)) / 6)
    assert set(graph.labels) == {"x", "2.5", "×", "+", "(2, 3)", "sum", "6", "÷"}


def test_a_leaf_stands_one_layer_before_its_first_use():
    x, late = Node(1.0), Node(2.0, name="late")
    graph = layout(ad.exp(ad.exp(x)) * late)
    column = dict(zip(graph.labels, graph.positions[:, 0], strict=True))
    assert column["late"] == column["×"] - 1 == 2


def test_the_layout_is_the_same_every_time():
    first, second = (layout(network()[2]) for _ in range(2))
    np.testing.assert_array_equal(first.positions, second.positions)
