import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.regularization import (
    ErrorMoments,
    bootstrap_rows,
    ensemble_error,
    ensemble_mean,
    error_moments,
    out_of_bag,
)


def seeded(n):
    return torch.Generator().manual_seed(n)


def test_a_bootstrap_draws_as_many_rows_with_replacement():
    rows = bootstrap_rows(200, 300, seeded(0))
    assert rows.shape == (300, 200)
    assert (int(rows.min()), int(rows.max())) == (0, 199)
    # every row as often as every other: the count has mean 300 and standard deviation 17
    assert float((rows.flatten().bincount() - 300).abs().max()) < 5 * 300**0.5
    assert torch.equal(rows, bootstrap_rows(200, 300, seeded(0)))
    assert not torch.equal(rows[0], rows[1])


def test_a_bootstrap_misses_about_one_in_e():
    missed = out_of_bag(bootstrap_rows(200, 300, seeded(0)), 200)
    assert missed.shape == (300, 200)
    expected = (1 - 1 / 200) ** 200
    assert float(missed.double().mean()) == pytest.approx(expected, abs=0.005)


def test_out_of_bag_is_what_no_row_names():
    missed = out_of_bag(torch.tensor([[0, 0, 2], [1, 1, 1]]), 4)
    assert missed.tolist() == [[False, True, False, True], [True, False, True, True]]


def test_the_ensemble_is_the_mean_of_probabilities_and_not_of_logits():
    logits = torch.tensor([[[0.9, 0.1]], [[0.5, 0.5]]], dtype=torch.float64).log()
    torch.testing.assert_close(ensemble_mean(logits), torch.tensor([[0.7, 0.3]]).double())
    # the geometric mean, normalised anew: 3 to 1
    torch.testing.assert_close(logits.mean(0).softmax(-1), torch.tensor([[0.75, 0.25]]).double())


@given(st.integers(2, 8), st.integers(1, 20), st.integers(0, 1000))
def test_the_formula_is_exact_for_the_errors_it_was_estimated_from(members, examples, seed):
    errors = torch.randn(members, examples, generator=seeded(seed), dtype=torch.float64) + 0.5
    mean_square = float(errors.mean(0).square().mean())
    assert ensemble_error(error_moments(errors), members) == pytest.approx(mean_square, abs=1e-12)


def test_moments_of_correlated_errors_are_found_and_predict_larger_ensembles():
    # a shared part of variance 0.5 and own parts of variance 1.5: v = 2, c = 0.5
    shared = 0.5**0.5 * torch.randn(100_000, generator=seeded(0), dtype=torch.float64)
    own = 1.5**0.5 * torch.randn(10, 100_000, generator=seeded(1), dtype=torch.float64)
    moments = error_moments((shared + own)[:5])
    assert moments.variance == pytest.approx(2, rel=0.02)
    assert moments.covariance == pytest.approx(0.5, rel=0.03)
    measured = float((shared + own).mean(0).square().mean())
    assert ensemble_error(moments, 10) == pytest.approx(measured, rel=0.03)


def test_independent_members_divide_the_error_and_equal_ones_keep_it():
    assert ensemble_error(ErrorMoments(3.0, 0.0), 4) == 0.75
    assert ensemble_error(ErrorMoments(3.0, 3.0), 4) == 3.0
    assert ensemble_error(ErrorMoments(3.0, 1.0), 4) == 1.5
    assert ensemble_error(ErrorMoments(3.0, 1.0), 1) == 3.0


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="at least 1 example, got 0"):
        bootstrap_rows(0, 3)
    with pytest.raises(ValueError, match="at least 1 member, got 0"):
        bootstrap_rows(3, 0)
    with pytest.raises(ValueError, match="at least 1 member, got 0"):
        ensemble_error(ErrorMoments(1.0, 0.0), 0)
    with pytest.raises(ValueError, match=r"2 members or more, got shape \(1, 5\)"):
        error_moments(torch.zeros(1, 5))
    with pytest.raises(ValueError, match=r"\(members, draws\), got \(3,\)"):
        out_of_bag(torch.zeros(3, dtype=torch.int64), 4)
    with pytest.raises(ValueError, match=r"\(members, ..., K\), got \(3,\)"):
        ensemble_mean(torch.zeros(3))
