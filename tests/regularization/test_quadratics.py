import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.regularization import (
    early_stopping_shrinkage,
    equivalent_decay,
    equivalent_steps,
    l1_minimum,
    l2_minimum,
    l2_shrinkage,
)


def quadratic(seed, size=4):
    """A Hessian with eigenvalues from 0.1 to 3, its eigenvectors, and an optimum."""
    generator = torch.Generator().manual_seed(seed)
    normal = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)
    vectors = torch.linalg.qr(normal(size, size)).Q
    values = torch.linspace(0.1, 3, size, dtype=torch.float64)
    return vectors @ values.diag() @ vectors.T, values, vectors, normal(size)


@given(st.integers(0, 1000), st.floats(0.01, 10))
def test_l2_leaves_its_share_of_the_optimum_along_each_eigenvector(seed, alpha):
    hessian, values, vectors, optimum = quadratic(seed)
    shrunk = vectors.T @ l2_minimum(hessian, optimum, alpha)
    torch.testing.assert_close(shrunk, l2_shrinkage(values, alpha) * (vectors.T @ optimum))


def test_at_the_l2_minimum_the_gradient_is_zero():
    hessian, _, _, optimum = quadratic(3)
    w = l2_minimum(hessian, optimum, 0.7).requires_grad_()
    loss = (w - optimum) @ hessian @ (w - optimum) / 2 + 0.7 * w.square().sum() / 2
    (slope,) = torch.autograd.grad(loss, w)
    assert slope.abs().max() < 1e-12


def test_without_a_penalty_the_optimum_stays():
    hessian, _, _, optimum = quadratic(1)
    torch.testing.assert_close(l2_minimum(hessian, optimum, 0.0), optimum)
    assert l2_shrinkage(torch.tensor([0.0, 1.0, 3.0]), 1.0).tolist() == [0.0, 0.5, 0.75]


@given(st.floats(0.1, 3), st.floats(-3, 3), st.floats(0, 3))
def test_the_l1_minimum_is_the_best_of_a_fine_grid(curvature, optimum, alpha):
    w = torch.linspace(-4, 4, 8001, dtype=torch.float64)
    loss = lambda w: curvature * (w - optimum) ** 2 / 2 + alpha * w.abs()
    tensor = lambda value: torch.tensor([value], dtype=torch.float64)
    best = l1_minimum(tensor(curvature), tensor(optimum), alpha)
    assert float(loss(best)) <= float(loss(w).min()) + 1e-12


def test_l1_takes_alpha_over_the_curvature_from_each_entry():
    curvatures = torch.tensor([1.0, 2.0, 4.0])
    optimum = torch.tensor([1.0, -1.0, 0.1])
    assert l1_minimum(curvatures, optimum, 0.5).tolist() == [0.5, -0.75, 0.0]


@pytest.mark.parametrize("steps", [0, 1, 7, 200])
def test_the_shrinkage_of_an_early_stop_is_what_gradient_descent_reaches(steps):
    hessian, values, vectors, optimum = quadratic(5)
    w = torch.zeros(4, dtype=torch.float64)
    for _ in range(steps):
        w = w - 0.2 * hessian @ (w - optimum)
    expected = early_stopping_shrinkage(values, 0.2, steps) * (vectors.T @ optimum)
    torch.testing.assert_close(vectors.T @ w, expected)


def test_an_early_stop_is_close_to_its_decay_where_steps_are_few_or_directions_flat():
    flat = torch.tensor([1e-4, 1e-3], dtype=torch.float64)
    stopped = early_stopping_shrinkage(flat, 0.1, 50)
    decayed = l2_shrinkage(flat, equivalent_decay(0.1, 50))
    torch.testing.assert_close(stopped, decayed, rtol=3e-3, atol=0)
    # and is not the same: in between it shrinks less than L2 by up to a factor
    values = torch.logspace(-3, 1, 400, dtype=torch.float64)
    ratio = early_stopping_shrinkage(values, 0.01, 500) / l2_shrinkage(
        values, equivalent_decay(0.01, 500)
    )
    assert float(ratio.min()) >= 1 - 1e-9
    assert 1.2 < float(ratio.max()) < 1.4


def test_steps_and_decay_are_each_others_inverse():
    assert equivalent_decay(0.1, 50) == pytest.approx(0.2)
    assert equivalent_steps(0.1, 0.2) == pytest.approx(50)


def test_what_cannot_be_is_refused():
    hessian, values, _, optimum = quadratic(0)
    with pytest.raises(ValueError, match=r"shapes \(4, 4\) and \(3,\)"):
        l2_minimum(hessian, optimum[:3], 1.0)
    with pytest.raises(ValueError, match="a strength alpha of at least 0, got -1"):
        l2_minimum(hessian, optimum, -1.0)
    with pytest.raises(ValueError, match=r"eigenvalues of at least 0, got -3"):
        l2_shrinkage(-values, 1.0)
    with pytest.raises(ValueError, match="a strength alpha above 0, got 0"):
        l2_shrinkage(values, 0.0)
    with pytest.raises(ValueError, match=r"shapes \(4, 4\) and \(4,\): the Hessian must be diag"):
        l1_minimum(hessian, optimum, 1.0)
    with pytest.raises(ValueError, match="positive curvatures, got -1"):
        l1_minimum(-torch.ones(4), optimum, 1.0)
    with pytest.raises(ValueError, match="a number of steps of at least 0, got -1"):
        early_stopping_shrinkage(values, 0.1, -1)
    with pytest.raises(ValueError, match="steps above 0, got 0"):
        equivalent_decay(0.1, 0)
    with pytest.raises(ValueError, match="a learning rate above 0, got 0"):
        equivalent_steps(0.0, 0.1)
