from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from deepbook.regularization import (
    elastic_net_prox,
    fista,
    ista,
    proximal_step_,
    soft_threshold,
    weights_of,
)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_soft_threshold_moves_towards_zero_and_stops_there():
    x = torch.tensor([-3.0, -0.5, 0.0, 0.5, 3.0])
    assert soft_threshold(x, 1.0).tolist() == [-2.0, 0.0, 0.0, 0.0, 2.0]
    assert soft_threshold(x, torch.tensor([1.0, 0.1, 1.0, 0.5, 4.0])).tolist() == [
        *(-2.0, -0.4000000059604645, 0.0, 0.0, 0.0)
    ]


def test_soft_threshold_is_torchs_softshrink():
    x = draw(50)
    torch.testing.assert_close(soft_threshold(x, 0.7), nn.functional.softshrink(x, 0.7))


@given(st.floats(-5, 5), st.floats(0.1, 2), st.floats(0, 2), st.floats(0, 2))
def test_no_point_of_a_fine_grid_is_better_than_the_proximal_point(x, step, l1, l2):
    w = torch.linspace(-6, 6, 4001, dtype=torch.float64)
    objective = lambda w: (w - x) ** 2 / (2 * step) + l1 * w.abs() + l2 * w**2 / 2
    best = elastic_net_prox(torch.tensor(x, dtype=torch.float64), step, l1=l1, l2=l2)
    assert objective(best) <= objective(w).min() + 1e-12


def test_a_proximal_step_shrinks_weights_in_place_and_gives_exact_zeros():
    model = nn.Linear(3, 2).double()
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, -0.1, 0.3], [-2.0, 0.05, 0.0]]))
        model.bias.fill_(0.01)
    proximal_step_(weights_of(model), learning_rate=0.5, l1=0.4, l2=2.0)
    expected = torch.tensor([[0.4, 0.0, 0.05], [-0.9, 0.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(model.weight.detach(), expected)
    assert (model.weight == 0).sum() == 3
    assert model.bias.tolist() == [0.01, 0.01]


@pytest.fixture
def lasso():
    """A step of the lasso |y - X w|^2 / 2 + |w|_1 on more weights than examples, and its loss."""
    x, y = draw(12, 20), draw(12, seed=1)
    curvature = torch.linalg.matrix_norm(x, 2) ** 2

    def step(w):
        return soft_threshold(w - (x @ w - y) @ x / curvature, 1 / curvature)

    def loss(w):
        return float((y - x @ w).square().sum() / 2 + w.abs().sum())

    return step, loss


def test_ista_lowers_the_loss_in_every_step(lasso):
    step, loss = lasso
    losses = [loss(ista(step, torch.zeros(20, dtype=torch.float64), n)) for n in range(40)]
    assert all(b <= a + 1e-12 for a, b in pairwise(losses))


def test_both_end_in_the_same_minimum_and_fista_sooner(lasso):
    step, loss = lasso
    start = torch.zeros(20, dtype=torch.float64)
    best = fista(step, start, 5000)
    torch.testing.assert_close(ista(step, start, 20_000), best, rtol=0, atol=1e-8)
    torch.testing.assert_close(step(best), best, rtol=0, atol=1e-10)
    after = [loss(method(step, start, 60)) - loss(best) for method in (ista, fista)]
    assert after[1] < after[0] / 5


def test_the_momentum_of_fista_is_that_of_the_paper():
    # a step that halves: 16, 8, 4 without momentum, as t_1 = 1; then from ahead of 4
    t_2 = (1 + 5**0.5) / 2
    t_3 = (1 + (1 + 4 * t_2**2) ** 0.5) / 2
    points = [fista(lambda x: x / 2, torch.tensor(16.0).double(), n).item() for n in range(4)]
    assert points == pytest.approx([16, 8, 4, (4 + (t_2 - 1) / t_3 * (4 - 8)) / 2])


def test_the_bound_of_fista_holds(lasso):
    step, loss = lasso
    start = torch.zeros(20, dtype=torch.float64)
    best, curvature = (
        fista(step, start, 5000),
        float(torch.linalg.matrix_norm(draw(12, 20), 2)) ** 2,
    )
    for steps in (1, 3, 10, 30, 100):
        bound = 2 * curvature * float(best.square().sum()) / (steps + 1) ** 2
        assert loss(fista(step, start, steps)) - loss(best) <= bound


def test_what_cannot_be_is_refused():
    x = torch.ones(2)
    with pytest.raises(ValueError, match="a step above 0, got 0"):
        elastic_net_prox(x, 0.0)
    with pytest.raises(ValueError, match="an L1 strength of at least 0, got -1"):
        elastic_net_prox(x, 1.0, l1=-1.0)
    with pytest.raises(ValueError, match="an L2 strength of at least 0, got nan"):
        elastic_net_prox(x, 1.0, l2=float("nan"))
