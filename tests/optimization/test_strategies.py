"""Coordinate descent, continuation and greedy pretraining."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Lasso

from deepbook.feedforward import MLP
from deepbook.optimization import (
    LANDSCAPES,
    Sweeps,
    continuation,
    coordinate_descent,
    deepened,
    gaussian_smoothed,
    lbfgs,
    quadratic_coordinate,
)


def positive_definite(size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(size, size + 1, generator=generator, dtype=torch.float64)
    return a[:, :-1] @ a[:, :-1].T + torch.eye(size), a[:, -1]


@given(size=st.integers(1, 6), seed=st.integers(0, 50))
def test_on_a_quadratic_it_solves_the_equations(size, seed):
    h, b = positive_definite(size, seed)
    found = coordinate_descent(
        quadratic_coordinate(h, b), torch.zeros(size).double(), max_sweeps=20000
    )
    assert isinstance(found, Sweeps)
    assert found.converged
    torch.testing.assert_close(found.point, torch.linalg.solve(h, b), rtol=0, atol=1e-6)
    values = torch.stack([x @ h @ x / 2 - b @ x for x in found.points])
    assert bool((values[1:] <= values[:-1] + 1e-12).all())


def test_a_sweep_is_one_of_gauss_and_seidel():
    h, b = positive_definite(5)
    start = torch.ones(5).double()
    found = coordinate_descent(quadratic_coordinate(h, b), start, max_sweeps=3)
    assert found.points.shape == (4, 5)
    assert not found.converged
    assert torch.equal(found.points[0], start)
    x = start
    for row in found.points[1:]:
        # (D + L) x_new = b - U x
        x = torch.linalg.solve(h.tril(), b - h.triu(1) @ x)
        torch.testing.assert_close(row, x)


def test_blocks_are_solved_together():
    h, b = positive_definite(6)
    whole = [torch.arange(6)]
    start = torch.zeros(6).double()
    found = coordinate_descent(quadratic_coordinate(h, b), start, blocks=whole)
    torch.testing.assert_close(found.points[1], torch.linalg.solve(h, b))
    halves = [torch.tensor([0, 3, 5]), torch.tensor([1, 2, 4])]
    found = coordinate_descent(quadratic_coordinate(h, b), start, blocks=halves)
    torch.testing.assert_close(found.point, torch.linalg.solve(h, b), rtol=0, atol=1e-6)


@pytest.mark.parametrize("alpha", [0.01, 1.0])
def test_variables_that_must_move_together_move_slowly_one_at_a_time(alpha):
    # (x - y)^2 + alpha (x^2 + y^2): each sweep multiplies y by 1 / (1 + alpha)^2
    h = torch.tensor([[2 + 2 * alpha, -2.0], [-2.0, 2 + 2 * alpha]]).double()
    best = quadratic_coordinate(h, torch.zeros(2).double())
    found = coordinate_descent(best, torch.ones(2).double(), max_sweeps=10, tolerance=0)
    ratios = found.points[2:, 1] / found.points[1:-1, 1]
    assert ratios.tolist() == pytest.approx([(1 + alpha) ** -2] * 9)


def test_the_lasso_is_scikit_learns():
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(50, 8, generator=generator, dtype=torch.float64)
    y = x[:, 0] - 2 * x[:, 3] + 0.3 * torch.randn(50, generator=generator, dtype=torch.float64)

    def best(w, i):
        # (1 / 2n) sum of squares + 0.1 |w|: soft threshold
        correlation = x[:, i] @ (y - x @ w + x[:, i] * w[i]) / 50
        size = (correlation.abs() - 0.1).clamp(min=0)
        return correlation.sign() * size / (x[:, i] @ x[:, i] / 50)

    found = coordinate_descent(best, torch.zeros(8).double())
    scikits = Lasso(alpha=0.1, fit_intercept=False, tol=1e-12).fit(x.numpy(), y.numpy())
    assert found.point.tolist() == pytest.approx(scikits.coef_.tolist(), abs=1e-8)
    assert (found.point == 0).sum() >= 3


def test_coordinates_without_a_best_value_are_refused():
    with pytest.raises(ValueError, match="positive diagonal"):
        quadratic_coordinate(torch.tensor([[1.0, 0], [0, -1]]), torch.zeros(2))
    with pytest.raises(ValueError, match=r"matrix for 3 coordinates, got shape \(2, 2\)"):
        quadratic_coordinate(torch.eye(2), torch.zeros(3))
    with pytest.raises(ValueError, match="finite best value of coordinate 0, got nan"):
        coordinate_descent(lambda x, i: math.nan, torch.ones(2))
    with pytest.raises(ValueError, match=r"a vector to start from, got shape \(2, 2\)"):
        coordinate_descent(lambda x, i: 0.0, torch.ones(2, 2))


def test_a_blurred_quadratic_is_lifted_and_a_blurred_cosine_shrinks():
    generator = torch.Generator().manual_seed(0)
    h = torch.tensor([3.0, 1.0]).double()
    bowl = gaussian_smoothed(
        lambda p: (h * p**2).sum(-1) / 2, 0.5, 2, draws=40000, generator=generator
    )
    x = torch.tensor([[0.0, 0.0], [1.0, -2.0]]).double()
    lifted = (h * x**2).sum(-1) / 2 + 0.5**2 * h.sum() / 2
    torch.testing.assert_close(bowl(x), lifted, rtol=0, atol=0.02)
    wave = gaussian_smoothed(
        lambda p: torch.cos(4 * p).sum(-1), 0.3, 1, draws=40000, generator=generator
    )
    shrunk = math.exp(-(4**2) * 0.3**2 / 2)
    assert wave(torch.zeros(1).double()).item() == pytest.approx(shrunk, abs=0.02)


def test_pairs_on_opposite_sides_leave_a_linear_function_as_it_is():
    f = gaussian_smoothed(lambda p: p.sum(-1), 5.0, 3, draws=6)
    assert f(torch.tensor([1.0, 2, 3]).double()).item() == pytest.approx(6)
    same = lambda p: p.sum(-1)
    assert gaussian_smoothed(same, 0.0, 3) is same


def test_from_blurred_to_sharp_ends_in_the_deepest_hollow_where_descent_alone_does_not():
    rastrigin = LANDSCAPES["rastrigin"]
    start = torch.tensor(rastrigin.start).double()
    down = lambda f, x: lbfgs(f, x).point
    alone = down(rastrigin, start)
    assert rastrigin(alone) > 5
    generator = torch.Generator().manual_seed(0)
    family = [
        gaussian_smoothed(rastrigin, sigma, 2, draws=2000, generator=generator)
        for sigma in (1.0, 0.5, 0.25, 0.1, 0.0)
    ]
    points = continuation(down, family, start)
    assert len(points) == 6
    assert torch.equal(points[0], start)
    assert points[-1].norm() < 1e-6


def test_blurs_and_families_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="sigma >= 0 and two draws or more, got -1 and 100"):
        gaussian_smoothed(torch.sum, -1, 2)
    with pytest.raises(ValueError, match="got 1 and 1"):
        gaussian_smoothed(torch.sum, 1, 2, draws=1)
    with pytest.raises(ValueError, match="one function or more, got none"):
        continuation(lambda f, x: x, [], torch.ones(2))


@pytest.mark.parametrize("activation", ["sigmoid", "maxout"])
def test_a_deepened_network_keeps_its_hidden_layers_and_draws_the_rest(activation):
    model = MLP([5, 4, 3], activation, generator=torch.Generator().manual_seed(0)).double()
    before = [p.clone() for p in model.parameters()]
    deep = deepened(model, 6, torch.Generator().manual_seed(1))
    assert deep.sizes == (5, 4, 6, 3)
    assert deep.activation is model.activation
    x = torch.randn(7, 5, dtype=torch.float64)
    torch.testing.assert_close(deep.outputs(x)[0], model.outputs(x)[0])
    assert deep(x).shape == (7, 3)
    deeper = deepened(deep, 2)
    torch.testing.assert_close(deeper.outputs(x)[1], deep.outputs(x)[1])
    with torch.no_grad():
        deep.layers[0].weight.zero_()
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    with pytest.raises(ValueError, match="two or more positive sizes"):
        deepened(model, 0)
