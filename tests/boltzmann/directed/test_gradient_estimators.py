import pytest
import torch

from deepbook.boltzmann import (
    all_states,
    exact_gradient,
    reinforce,
    relaxed,
    straight_through,
)

LOGITS = torch.tensor([0.3, -1.2, 0.8], dtype=torch.float64)
TARGET = torch.tensor([0.9, 0.2, -0.4], dtype=torch.float64)
MIX = torch.tensor([[1.0, 0.5, -0.3], [0.2, 1.0, 0.7], [-0.6, 0.1, 1.0]], dtype=torch.float64)
SAMPLES = 40000


def curved(h):
    return ((h @ MIX - TARGET) ** 2).sum(-1)


def multilinear(h):
    return h[..., 0] * h[..., 1] - 2 * h[..., 2] * h[..., 0] + h[..., 1] + 3


def generator():
    return torch.Generator().manual_seed(0)


def biased(estimates, exact):
    error = estimates.std(0) / len(estimates) ** 0.5
    return bool(((estimates.mean(0) - exact).abs() > 4.5 * error).any())


def test_the_exact_gradient_is_that_of_the_written_out_expectation():
    logits = LOGITS.clone().requires_grad_()
    states, p = all_states(3, dtype=torch.float64), logits.sigmoid()
    probability = torch.where(states > 0, p, 1 - p).prod(1)
    (probability @ curved(states)).backward()
    torch.testing.assert_close(exact_gradient(curved, LOGITS), logits.grad)


@pytest.mark.parametrize("baseline", ["none", "others"])
@pytest.mark.parametrize("objective", [curved, multilinear])
def test_the_score_function_is_unbiased_with_and_without_a_baseline(objective, baseline):
    estimates = reinforce(objective, LOGITS, SAMPLES, baseline=baseline, generator=generator())
    assert not biased(estimates, exact_gradient(objective, LOGITS))


def test_few_others_make_an_unbiased_baseline_too():
    draws, g = 4000, generator()
    means = [
        reinforce(curved, LOGITS, 2, baseline="others", generator=g).mean(0) for _ in range(draws)
    ]
    assert not biased(torch.stack(means), exact_gradient(curved, LOGITS))


def test_a_baseline_that_holds_its_own_draw_would_be_biased():
    # the mutant: the mean over all draws, shrinks the gradient by 1 / samples
    g, means = generator(), []
    for _ in range(4000):
        h = (torch.rand(2, 3, generator=g, dtype=torch.float64) < LOGITS.sigmoid()).double()
        value = curved(h) - curved(h).mean()
        means.append((value[:, None] * (h - LOGITS.sigmoid())).mean(0))
    assert biased(torch.stack(means), exact_gradient(curved, LOGITS))


def test_the_baseline_lowers_the_variance_where_the_values_are_far_from_zero():
    far = lambda h: curved(h) + 10
    plain = reinforce(far, LOGITS, SAMPLES, generator=generator())
    with_baseline = reinforce(far, LOGITS, SAMPLES, baseline="others", generator=generator())
    assert (with_baseline.var(0) < plain.var(0) / 10).all()


def test_straight_through_is_biased_for_a_curved_objective():
    estimates = straight_through(curved, LOGITS, SAMPLES, generator())
    assert biased(estimates, exact_gradient(curved, LOGITS))


def test_straight_through_is_unbiased_for_a_multilinear_objective():
    estimates = straight_through(multilinear, LOGITS, SAMPLES, generator())
    assert not biased(estimates, exact_gradient(multilinear, LOGITS))


def test_a_cooler_relaxation_has_less_bias_and_more_variance():
    exact = exact_gradient(curved, LOGITS)
    bias, variance = [], []
    for temperature in (2.0, 0.5, 0.1):
        estimates = relaxed(curved, LOGITS, SAMPLES, temperature, generator())
        bias.append((estimates.mean(0) - exact).norm())
        variance.append(estimates.var(0).sum())
    assert bias[0] > 2 * bias[1] > 4 * bias[2]
    assert variance[0] < variance[1] < variance[2]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_estimates_are_repeatable_and_keep_the_dtype(dtype):
    logits, target = LOGITS.to(dtype), TARGET.to(dtype)
    objective = lambda h: ((h - target) ** 2).sum(-1)
    for estimate in (
        lambda g: reinforce(objective, logits, 5, generator=g),
        lambda g: straight_through(objective, logits, 5, g),
        lambda g: relaxed(objective, logits, 5, 0.5, g),
    ):
        first = estimate(generator())
        assert first.dtype == dtype
        assert first.shape == (5, 3)
        assert first.isfinite().all()
        assert torch.equal(first, estimate(generator()))
    assert exact_gradient(objective, logits).dtype == dtype


def test_arguments_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=r"shape \(D,\), got \(1, 3\)"):
        reinforce(curved, LOGITS[None], 5)
    with pytest.raises(ValueError, match="at least 1 sample, got 0"):
        straight_through(curved, LOGITS, 0)
    with pytest.raises(ValueError, match="at least 2 samples"):
        reinforce(curved, LOGITS, 1, baseline="others")
    with pytest.raises(ValueError, match="got 'mean'"):
        reinforce(curved, LOGITS, 2, baseline="mean")
    with pytest.raises(ValueError, match="temperature above 0, got 0"):
        relaxed(curved, LOGITS, 2, 0)
    with pytest.raises(ValueError, match="0 to 25 units"):
        exact_gradient(lambda h: h.sum(-1), torch.zeros(26))
