import numpy as np
import pytest
import sklearn.linear_model
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes

from deepbook.regularization import (
    LinearFit,
    elastic_net,
    elastic_net_loss,
    elastic_net_path,
    elastic_net_prox,
    fista,
    largest_alpha,
    ridge,
)


@pytest.fixture(scope="module")
def diabetes():
    x, y = load_diabetes(return_X_y=True)
    return torch.from_numpy(x) * 20, torch.from_numpy(y)


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("alpha", [0.1, 2.0, 20.0])
def test_it_is_scikit_learns(diabetes, alpha, l1_ratio):
    x, y = diabetes
    ours = elastic_net(x, y, alpha, l1_ratio)
    theirs = sklearn.linear_model.ElasticNet(
        alpha=alpha, l1_ratio=l1_ratio, tol=1e-12, max_iter=100_000
    ).fit(x.numpy(), y.numpy())
    np.testing.assert_allclose(ours.weight, theirs.coef_, rtol=0, atol=1e-6)
    np.testing.assert_allclose(ours.bias, theirs.intercept_, rtol=1e-10)
    assert ((ours.weight == 0).numpy() == (theirs.coef_ == 0)).all()


def test_it_is_scikit_learns_without_a_bias_and_with_more_weights_than_examples():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(12, 30, generator=generator, dtype=torch.float64) + 1
    y = x[:, :3].sum(1) + 0.1 * torch.randn(12, generator=generator, dtype=torch.float64)
    ours = elastic_net(x, y, 0.2, 0.8, bias=False)
    theirs = sklearn.linear_model.ElasticNet(
        alpha=0.2, l1_ratio=0.8, fit_intercept=False, tol=1e-12, max_iter=100_000
    ).fit(x.numpy(), y.numpy())
    np.testing.assert_allclose(ours.weight, theirs.coef_, rtol=0, atol=1e-7)
    assert float(ours.bias) == 0


def test_the_scaling_is_half_the_mean_square():
    # x = (1, 1, 2), y = 4 x, sum x^2 = 6: lasso is 4 - alpha / 2, with the L2 half 8 / (2 + alpha)
    x = torch.tensor([[1.0], [1.0], [2.0]], dtype=torch.float64)
    y = 4 * x[:, 0]
    fits = [elastic_net(x, y, 0.4, ratio, bias=False).weight.item() for ratio in (1.0, 0.0)]
    assert fits == pytest.approx([3.8, 8 / 2.4])


def test_without_l1_it_is_ridge(diabetes):
    x, y = diabetes
    torch.testing.assert_close(elastic_net(x, y, 0.5, 0.0), ridge(x, y, 0.5), rtol=1e-7, atol=1e-7)


def test_fista_finds_the_same_minimum(diabetes):
    x, y = diabetes
    x, y = x - x.mean(0), y - y.mean()
    curvature = float(torch.linalg.matrix_norm(x, 2)) ** 2 / len(x)

    def step(w):
        slope = (x @ w - y) @ x / len(x)
        return elastic_net_prox(w - slope / curvature, 1 / curvature, l1=1.4, l2=0.6)

    w = fista(step, torch.zeros(10, dtype=torch.float64), 3000)
    torch.testing.assert_close(w, elastic_net(x, y, 2.0, 0.7).weight, rtol=0, atol=1e-6)


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.floats(0.01, 1), st.floats(0, 1))
def test_no_weights_nearby_are_better(seed, alpha, l1_ratio):
    generator = torch.Generator().manual_seed(seed)
    normal = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)
    x, y = normal(8, 4), normal(8)
    best = elastic_net(x, y, alpha, l1_ratio)
    lowest = elastic_net_loss(best, x, y, alpha, l1_ratio)
    for _ in range(10):
        nearby = LinearFit(best.weight + 0.01 * normal(4), best.bias + 0.01 * normal(1)[0])
        assert elastic_net_loss(nearby, x, y, alpha, l1_ratio) >= lowest - 1e-12


def test_from_the_largest_strength_on_nothing_is_left(diabetes):
    x, y = diabetes
    for ratio in (1.0, 0.3):
        top = largest_alpha(x, y, ratio)
        assert not elastic_net(x, y, top * 1.0001, ratio).weight.any()
        assert elastic_net(x, y, top * 0.99, ratio).weight.count_nonzero() == 1
    top = largest_alpha(x + 1, y, bias=False)
    assert not elastic_net(x + 1, y, top * 1.0001, 1.0, bias=False).weight.any()


def test_the_path_is_scikit_learns(diabetes):
    x, y = diabetes
    alphas = (largest_alpha(x, y) * torch.logspace(0, -3, 12)).tolist()
    path = elastic_net_path(x, y, alphas)
    centred = (x - x.mean(0)).numpy()
    _, theirs, _ = sklearn.linear_model.lasso_path(
        centred, (y - y.mean()).numpy(), alphas=alphas, tol=1e-12, max_iter=100_000
    )
    np.testing.assert_allclose(path.T, theirs, rtol=0, atol=1e-6)
    assert path[0].count_nonzero() <= 1
    assert path[-1].count_nonzero() == 10


def test_an_input_that_never_changes_gets_no_weight():
    x = torch.randn(9, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = torch.cat([x, torch.full((9, 1), 0.5, dtype=torch.float64)], 1)
    fit = elastic_net(x, x[:, 0] + 1, 0.0, 1.0)
    torch.testing.assert_close(fit.weight, torch.tensor([1.0, 0, 0], dtype=torch.float64))
    torch.testing.assert_close(fit.bias, torch.tensor(1.0, dtype=torch.float64))


def test_what_cannot_be_is_refused(diabetes):
    x, y = diabetes
    with pytest.raises(ValueError, match="a strength alpha of at least 0, got -1"):
        elastic_net(x, y, -1.0)
    with pytest.raises(ValueError, match=r"a ratio l1_ratio between 0 and 1, got 1\.5"):
        elastic_net(x, y, 1.0, 1.5)
    with pytest.raises(ValueError, match="a tolerance above 0, got 0"):
        elastic_net(x, y, 1.0, tolerance=0.0)
    with pytest.raises(ValueError, match=r"outputs of shape \(N,\), got \(442, 1\)"):
        elastic_net(x, y[:, None], 1.0)
    with pytest.raises(ValueError, match=r"got shapes \(442, 10\) and \(441,\)"):
        elastic_net_loss(ridge(x, y, 1.0), x, y[1:], 1.0, 0.5)
    with pytest.raises(ValueError, match=r"start of shape \(10,\), got \(9,\)"):
        elastic_net(x, y, 1.0, start=torch.zeros(9, dtype=torch.float64))
    with pytest.raises(ValueError, match="a ratio l1_ratio above 0, got 0"):
        largest_alpha(x, y, 0.0)
    with pytest.raises(ValueError, match="at least 1 strength alpha, got none"):
        elastic_net_path(x, y, [])
    with pytest.raises(RuntimeError, match="settle within 2 sweeps, got a last one that moved"):
        elastic_net(x, y, 0.1, sweeps=2)
