import pytest
import torch

from deepbook.boltzmann import (
    gaussian_reparameterised,
    gaussian_score_function,
)

LOGITS = torch.tensor([0.3, -1.2, 0.8], dtype=torch.float64)

TARGET = torch.tensor([0.9, 0.2, -0.4], dtype=torch.float64)

MIX = torch.tensor([[1.0, 0.5, -0.3], [0.2, 1.0, 0.7], [-0.6, 0.1, 1.0]], dtype=torch.float64)

SAMPLES = 40000


def curved(h):
    return ((h @ MIX - TARGET) ** 2).sum(-1)


def generator():
    return torch.Generator().manual_seed(0)


def biased(estimates, exact):
    error = estimates.std(0) / len(estimates) ** 0.5
    return bool(((estimates.mean(0) - exact).abs() > 4.5 * error).any())


def test_both_gaussian_estimators_are_unbiased_and_reparameterised_has_less_variance():
    mean, std = LOGITS, torch.tensor([0.5, 1.0, 0.8], dtype=torch.float64)
    # E|z M - t|^2 = |mean M - t|^2 + sum_i std_i^2 |M_i|^2
    m, s = mean.clone().requires_grad_(), std.clone().requires_grad_()
    (curved(m) + (s**2 * (MIX**2).sum(1)).sum()).backward()
    variances = []
    for estimator in (gaussian_reparameterised, gaussian_score_function):
        by_mean, by_std = estimator(curved, mean, std, SAMPLES, generator())
        assert not biased(by_mean, m.grad)
        assert not biased(by_std, s.grad)
        variances.append((by_mean.var(0), by_std.var(0)))
    assert (variances[0][0] < variances[1][0] / 2).all()
    assert (variances[0][1] < variances[1][1]).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("estimate", [gaussian_reparameterised, gaussian_score_function])
def test_gaussian_estimates_are_repeatable_and_keep_the_dtype(estimate, dtype):
    mean, target = LOGITS.to(dtype), TARGET.to(dtype)
    objective = lambda h: ((h - target) ** 2).sum(-1)
    first = estimate(objective, mean, mean.exp(), 5, generator())[1]
    assert first.dtype == dtype
    assert first.shape == (5, 3)
    assert first.isfinite().all()
    assert torch.equal(first, estimate(objective, mean, mean.exp(), 5, generator())[1])


def test_standard_deviations_that_are_not_positive_are_refused():
    with pytest.raises(ValueError, match="above 0 of shape"):
        gaussian_reparameterised(curved, LOGITS, LOGITS, 2)
    with pytest.raises(ValueError, match=r"shape \(D,\), got \(1, 3\)"):
        gaussian_score_function(curved, LOGITS[None], LOGITS[None].exp(), 2)
