import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.neighbors import kneighbors_graph
from sklearn.semi_supervised import LabelPropagation, LabelSpreading

from deepbook.regularization import knn_graph, propagate_labels, spread_labels


@pytest.fixture(scope="module")
def digits():
    """300 small digits, of which every tenth has a label."""
    x, y = load_digits(return_X_y=True)
    x, y = torch.from_numpy(x[:300]), torch.from_numpy(y[:300])
    # no two distances are the same: which of two as near is taken would be luck
    x = x + 0.01 * torch.rand(x.shape, generator=torch.Generator().manual_seed(0))
    targets = torch.where(torch.arange(300) % 10 == 0, y, -1)
    targets[:20] = y[:20]  # every class once at least
    return x, targets, y


def test_the_graph_is_scikit_learns(digits):
    x, _, _ = digits
    theirs = kneighbors_graph(x.numpy(), 7, include_self=False).toarray()
    assert torch.equal(knn_graph(x, 7, symmetric=False), torch.from_numpy(theirs))
    both = knn_graph(x, 7)
    assert torch.equal(both, both.T)
    assert torch.equal(both, torch.from_numpy(np.maximum(theirs, theirs.T)))


@pytest.mark.parametrize("alpha", [0.2, 0.9])
def test_spreading_is_scikit_learns_on_its_own_graph(digits, alpha):
    x, targets, _ = digits
    model = LabelSpreading("knn", n_neighbors=8, alpha=alpha, max_iter=5000, tol=1e-12)
    model.fit(x.numpy(), targets.numpy())
    graph = knn_graph(x, 7, symmetric=False)  # they count the example itself
    ours = spread_labels(graph, targets, 10, alpha=alpha)
    np.testing.assert_allclose(ours, model.label_distributions_, atol=1e-10)


def test_spreading_is_scikit_learns_on_weights_of_any_size(digits):
    x, targets, _ = digits
    graph = torch.exp(-(torch.cdist(x, x) ** 2) / 500)
    model = LabelSpreading("rbf", gamma=1 / 500, alpha=0.5, max_iter=5000, tol=1e-12)
    model.fit(x.numpy(), targets.numpy())
    ours = spread_labels(graph, targets, 10, alpha=0.5)
    np.testing.assert_allclose(ours, model.label_distributions_, atol=1e-10)


def test_propagation_is_scikit_learns(digits):
    x, targets, _ = digits
    graph = knn_graph(x, 7, symmetric=False)
    model = LabelPropagation("knn", n_neighbors=8, max_iter=5000, tol=1e-11)
    model.fit(x.numpy(), targets.numpy())
    ours = propagate_labels(graph, targets, 10, tolerance=1e-12)
    np.testing.assert_allclose(ours, model.label_distributions_, atol=1e-8)


def test_most_digits_get_their_label_from_few(digits):
    x, targets, y = digits
    hidden = targets < 0
    for method in (spread_labels, propagate_labels):
        found = method(knn_graph(x, 7), targets, 10).argmax(1)
        assert float((found == y)[hidden].double().mean()) > 0.85


def test_on_a_chain_propagation_is_the_chance_to_meet_a_label_first():
    chain = torch.zeros(5, 5, dtype=torch.float64)
    for i in range(4):
        chain[i, i + 1] = chain[i + 1, i] = 1
    targets = torch.tensor([0, -1, -1, -1, 1])
    shares = propagate_labels(chain, targets, 2)
    torch.testing.assert_close(shares[:, 1], torch.arange(5).double() / 4)


@settings(max_examples=20)
@given(st.integers(0, 1000), st.floats(0.05, 0.95))
def test_the_solution_is_the_fixed_point_of_spreading(seed, alpha):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(12, 2, generator=generator, dtype=torch.float64)
    graph = knn_graph(x, 3)
    targets = torch.full((12,), -1)
    targets[:2] = torch.tensor([0, 1])
    degree = graph.sum(1)
    spread = graph / (degree[:, None] * degree).sqrt()
    given = torch.zeros(12, 2, dtype=torch.float64)
    given[[0, 1], [0, 1]] = 1
    state = given
    for _ in range(2000):
        state = alpha * spread @ state + (1 - alpha) * given
    state = state / state.sum(1, keepdim=True).clamp(min=1e-300)
    torch.testing.assert_close(spread_labels(graph, targets, 2, alpha=alpha), state)


def test_what_no_label_reaches_stays_without():
    graph = torch.zeros(4, 4, dtype=torch.float64)
    graph[0, 1] = graph[1, 0] = 1.0
    targets = torch.tensor([1, -1, -1, -1])
    for method in (spread_labels, propagate_labels):
        found = method(graph, targets, 2)
        assert found.tolist() == [[0, 1], [0, 1], [0, 0], [0, 0]]


def test_what_cannot_be_is_refused(digits):
    x, targets, _ = digits
    graph = knn_graph(x, 3)
    with pytest.raises(ValueError, match="1 to 299 neighbours, got 300"):
        knn_graph(x, 300)
    with pytest.raises(ValueError, match=r"shape \(N, D\), got \(64,\)"):
        knn_graph(x[0], 3)
    with pytest.raises(ValueError, match=r"alpha in \[0, 1\), got 1"):
        spread_labels(graph, targets, 10, alpha=1.0)
    with pytest.raises(ValueError, match="alpha above 0, got 0"):
        spread_labels(graph, targets, 10, alpha=0.0)
    with pytest.raises(ValueError, match=r"got shapes \(300, 300\) and \(299,\)"):
        spread_labels(graph, targets[1:], 10)
    with pytest.raises(ValueError, match=r"targets from 0 to 8, at least one.*got -1 to 9"):
        spread_labels(graph, targets, 9)
    with pytest.raises(ValueError, match="at least one"):
        propagate_labels(graph, targets * 0 - 1, 10)
    with pytest.raises(ValueError, match="weights of at least 0, got -1"):
        propagate_labels(-graph, targets, 10)
    with pytest.raises(RuntimeError, match="settle within 2 steps, got a change of"):
        propagate_labels(graph, targets, 10, steps=2)
