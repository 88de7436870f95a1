import numpy as np
import pytest
import sklearn.linear_model
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.regularization import LinearFit, minimum_norm_solution, pseudo_inverse, ridge


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("bias", [True, False])
def test_ridge_is_scikit_learns_with_alpha_times_the_examples(bias):
    x, y = draw(30, 5) + 2, draw(30, 2, seed=1) - 3
    ours = ridge(x, y, 0.3, bias=bias)
    theirs = sklearn.linear_model.Ridge(30 * 0.3, fit_intercept=bias).fit(x.numpy(), y.numpy())
    np.testing.assert_allclose(ours.weight.T, theirs.coef_, rtol=1e-10)
    np.testing.assert_allclose(ours.bias, theirs.intercept_, atol=1e-10)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x.numpy()), rtol=1e-10)


def test_the_scaling_is_half_the_mean_square_and_half_the_penalty():
    # x = (1, 2, 2), y = 3 x: least squares gives w = 3; sum x^2 = 9
    x = torch.tensor([[1.0], [2.0], [2.0]], dtype=torch.float64)
    y = 3 * x[:, 0]
    ours = ridge(x, y, 0.5, bias=False).weight.item()
    assert ours == pytest.approx(9 / (3 + 0.5))  # (1/2n) SSE + alpha w^2 / 2
    assert ridge(x, y, 0.5 / 3, bias=False).weight.item() == pytest.approx(
        27 / 9.5
    )  # SSE + alpha w^2


def test_ridge_of_one_output_is_a_column_of_ridge_of_several():
    x, y = draw(10, 3), draw(10, 2, seed=1)
    both, first = ridge(x, y, 0.1), ridge(x, y[:, 0], 0.1)
    torch.testing.assert_close(first, LinearFit(both.weight[:, 0], both.bias[0]))


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 100))
def test_the_pseudo_inverse_is_torchs_and_meets_penroses_conditions(rows, columns, seed):
    x = draw(rows, columns, seed=seed)
    x[:, -1] = x[:, 0]  # not of full rank
    inverse = pseudo_inverse(x)
    torch.testing.assert_close(inverse, torch.linalg.pinv(x), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(x @ inverse @ x, x)
    torch.testing.assert_close(x @ inverse, (x @ inverse).T)


def test_the_pseudo_inverse_of_nothing_is_nothing():
    assert not pseudo_inverse(torch.zeros(3, 2)).any()


def test_with_fewer_examples_than_weights_the_shortest_of_the_exact_fits_is_found():
    x, y = draw(4, 9), draw(4, seed=1)
    w = minimum_norm_solution(x, y)
    torch.testing.assert_close(x @ w, y)
    blind = draw(9, seed=2)
    blind = blind - pseudo_inverse(x) @ (x @ blind)  # a direction that the data do not see
    torch.testing.assert_close(x @ (w + blind), y)
    assert abs(float(w @ blind)) < 1e-10  # so any other fit is longer


def test_ridge_tends_to_it_as_the_penalty_goes_to_zero_and_gradient_descent_ends_in_it():
    x, y = draw(4, 9), draw(4, seed=1)
    w = minimum_norm_solution(x, y)
    far, near = (float((ridge(x, y, a, bias=False).weight - w).norm()) for a in (1e-3, 1e-6))
    assert near < far / 900
    descended = torch.zeros(9, dtype=torch.float64)
    for _ in range(20_000):
        descended -= 0.05 * x.T @ (x @ descended - y)
    torch.testing.assert_close(descended, w)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"got shapes \(3, 2\) and \(4,\)"):
        ridge(torch.zeros(3, 2), torch.zeros(4), 1.0)
    with pytest.raises(ValueError, match=r"at least one example, got shapes \(0, 2\) and \(0,\)"):
        minimum_norm_solution(torch.zeros(0, 2), torch.zeros(0))
    with pytest.raises(ValueError, match="a strength alpha of at least 0, got -1"):
        ridge(torch.zeros(3, 2), torch.zeros(3), -1.0)
    with pytest.raises(ValueError, match=r"matrix of shape \(N, D\), got shape \(3,\)"):
        pseudo_inverse(torch.zeros(3))
    with pytest.raises(ValueError, match="a tolerance of at least 0, got -1"):
        pseudo_inverse(torch.zeros(3, 2), tolerance=-1.0)
