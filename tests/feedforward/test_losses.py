import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deepbook.feedforward import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    gaussian_nll,
    half_squared_error,
    log_softmax,
    logsumexp,
    mixture_density_nll,
    softmax,
)

REDUCTIONS = ["mean", "sum", "none"]
LOGITS = arrays("float64", (3, 4), elements=st.floats(-1e4, 1e4)).map(torch.from_numpy)
HUGE = [[1000.0, 0.0, -1000.0], [-1000.0, -1000.0, -1000.0], [1e5, 1e5, 0.0]]


@pytest.fixture
def randn():
    generator = torch.Generator().manual_seed(0)
    return lambda *shape: torch.randn(shape, generator=generator, dtype=torch.float64)


def assert_same_value_and_gradient(ours, theirs, x):
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    value, expected = ours(a), theirs(b)
    torch.testing.assert_close(value, expected, rtol=1e-12, atol=1e-12)
    value.sum().backward()
    expected.sum().backward()
    torch.testing.assert_close(a.grad, b.grad, rtol=1e-12, atol=1e-12)


# half the sum of squares


def test_half_squared_error_is_half_of_torchs_sum(randn):
    predictions, targets = randn(6, 3), randn(6, 3)
    assert_same_value_and_gradient(
        lambda p: half_squared_error(p, targets, "sum"),
        lambda p: F.mse_loss(p, targets, reduction="sum") / 2,
        predictions,
    )


@pytest.mark.parametrize("shape", [(6,), (6, 3), (6, 3, 2)])
def test_half_squared_error_averages_over_examples_only(shape, randn):
    predictions, targets = randn(*shape), randn(*shape)
    each = half_squared_error(predictions, targets, "none")
    assert each.shape == (6,)
    torch.testing.assert_close(each[2], 0.5 * (predictions[2] - targets[2]).square().sum())
    mean = half_squared_error(predictions, targets)
    torch.testing.assert_close(mean, 0.5 * (predictions - targets).square().sum() / 6)


def test_the_gradient_of_half_squared_error_is_the_error(randn):
    predictions, targets = randn(5).requires_grad_(), randn(5)
    half_squared_error(predictions, targets, "sum").backward()
    torch.testing.assert_close(predictions.grad, (predictions - targets).detach())


# cross-entropy


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_binary_cross_entropy_equals_torchs(reduction, randn):
    targets = torch.sigmoid(randn(5, 3))
    assert_same_value_and_gradient(
        lambda z: binary_cross_entropy_with_logits(z, targets, reduction),
        lambda z: F.binary_cross_entropy_with_logits(z, targets, reduction=reduction),
        5 * randn(5, 3),
    )


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_binary_cross_entropy_equals_torchs_for_huge_logits(target):
    logits = torch.tensor([-1e4, -800.0, -40.0, 0.0, 40.0, 800.0, 1e4], dtype=torch.float64)
    targets = torch.full_like(logits, target)
    assert_same_value_and_gradient(
        lambda z: binary_cross_entropy_with_logits(z, targets),
        lambda z: F.binary_cross_entropy_with_logits(z, targets),
        logits,
    )


def test_binary_cross_entropy_keeps_small_losses_exact():
    logits = torch.tensor([50.0, -50.0], dtype=torch.float64)
    losses = binary_cross_entropy_with_logits(logits, (logits > 0).double(), "none")
    torch.testing.assert_close(losses, torch.exp(-logits.abs()), rtol=1e-12, atol=0)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_cross_entropy_equals_torchs(reduction, randn):
    targets = torch.tensor([0, 3, 2, 2, 1])
    assert_same_value_and_gradient(
        lambda z: cross_entropy(z, targets, reduction),
        lambda z: F.cross_entropy(z, targets, reduction=reduction),
        3 * randn(5, 4),
    )


def test_cross_entropy_equals_torchs_for_huge_logits():
    targets = torch.tensor([2, 1, 2])
    assert_same_value_and_gradient(
        lambda z: cross_entropy(z, targets, "none"),
        lambda z: F.cross_entropy(z, targets, reduction="none"),
        torch.tensor(HUGE, dtype=torch.float64),
    )


def test_cross_entropy_takes_classes_in_the_last_dimension(randn):
    logits, targets = randn(2, 5, 4), torch.tensor([[0, 3, 2, 2, 1], [1, 1, 0, 3, 3]])
    torch.testing.assert_close(
        cross_entropy(logits, targets), F.cross_entropy(logits.movedim(-1, 1), targets)
    )


def test_the_gradient_of_cross_entropy_is_softmax_minus_target(randn):
    logits, targets = randn(5, 4).requires_grad_(), torch.tensor([0, 3, 2, 2, 1])
    cross_entropy(logits, targets, "sum").backward()
    torch.testing.assert_close(logits.grad, softmax(logits.detach()) - F.one_hot(targets, 4))


def test_with_two_classes_cross_entropy_is_binary_cross_entropy(randn):
    z, targets = randn(7), torch.tensor([0, 1, 1, 0, 1, 0, 0])
    torch.testing.assert_close(
        cross_entropy(torch.stack([torch.zeros_like(z), z], -1), targets),
        binary_cross_entropy_with_logits(z, targets.double()),
    )


# densities


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_gaussian_nll_equals_torchs_full_one(reduction, randn):
    targets, variance = randn(5, 3), randn(5, 3).exp()
    assert_same_value_and_gradient(
        lambda m: gaussian_nll(m, targets, variance, reduction),
        lambda m: F.gaussian_nll_loss(m, targets, variance, full=True, reduction=reduction),
        randn(5, 3),
    )


def test_gaussian_nll_with_variance_1_is_half_squared_error_and_a_constant(randn):
    mean, targets = randn(6), randn(6)
    difference = gaussian_nll(mean, targets, torch.ones(())) - half_squared_error(mean, targets)
    assert difference.item() == pytest.approx(0.5 * math.log(2 * math.pi))


def mixture(logits, means, scales):
    D = torch.distributions
    component = D.Normal(means, scales)
    if means.dim() == 3:
        component = D.Independent(component, 1)
    return D.MixtureSameFamily(D.Categorical(logits=logits), component)


@pytest.mark.parametrize("dimensions", [(), (1,), (3,)])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_mixture_density_equals_torchs_distribution(dimensions, reduction, randn):
    means, log_scales = randn(5, 4, *dimensions), randn(5, 4, *dimensions)
    targets = randn(5, *dimensions)
    reduce = {"mean": torch.mean, "sum": torch.sum, "none": lambda losses: losses}[reduction]
    assert_same_value_and_gradient(
        lambda z: mixture_density_nll(z, means, log_scales, targets, reduction),
        lambda z: reduce(-mixture(z, means, log_scales.exp()).log_prob(targets)),
        randn(5, 4),
    )


@pytest.mark.parametrize("parameter", [1, 2])
def test_mixture_density_has_the_gradients_of_torchs_distribution(parameter, randn):
    arguments, targets = [randn(5, 4), randn(5, 4), randn(5, 4)], randn(5)

    def given(x):
        return [x if i == parameter else argument for i, argument in enumerate(arguments)]

    def theirs(x):
        logits, means, log_scales = given(x)
        return -mixture(logits, means, log_scales.exp()).log_prob(targets).mean()

    assert_same_value_and_gradient(
        lambda x: mixture_density_nll(*given(x), targets), theirs, arguments[parameter]
    )


def test_a_mixture_of_one_is_a_gaussian(randn):
    mean, log_scale, targets = randn(6, 1), randn(6, 1), randn(6)
    torch.testing.assert_close(
        mixture_density_nll(randn(6, 1), mean, log_scale, targets),
        gaussian_nll(mean[:, 0], targets, torch.exp(2 * log_scale[:, 0])),
    )


def test_the_density_of_a_mixture_integrates_to_1(randn):
    y = torch.linspace(-30, 30, 20_001, dtype=torch.float64)
    parameters = [p.expand(len(y), 3) for p in (randn(3), 3 * randn(3), randn(3))]
    density = torch.exp(-mixture_density_nll(*parameters, y, "none"))
    assert torch.trapezoid(density, y).item() == pytest.approx(1, abs=1e-8)


def test_a_mixture_far_from_its_target_has_a_finite_loss_and_gradient():
    means = torch.zeros(1, 2, requires_grad=True)
    loss = mixture_density_nll(torch.zeros(1, 2), means, torch.zeros(1, 2), torch.tensor([1e3]))
    loss.backward()
    assert loss.item() == pytest.approx(5e5, rel=1e-4)
    assert means.grad.sum().item() == pytest.approx(-1e3)


# log-sum-exp and softmax


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(logsumexp, torch.logsumexp), (softmax, torch.softmax), (log_softmax, torch.log_softmax)],
)
def test_the_stable_twins_equal_torchs(ours, theirs, dim, randn):
    weights = randn(3, 3)  # so that gradients of softmax don't cancel
    for x in (randn(3, 3), torch.tensor(HUGE, dtype=torch.float64)):
        assert_same_value_and_gradient(
            lambda z: ours(z, dim) * weights[0] if ours is logsumexp else ours(z, dim) * weights,
            lambda z: (
                theirs(z, dim) * weights[0] if ours is logsumexp else theirs(z, dim) * weights
            ),
            x,
        )


@given(LOGITS, st.floats(-1e3, 1e3))
def test_softmax_does_not_notice_a_shift(x, shift):
    torch.testing.assert_close(softmax(x + shift), softmax(x), rtol=1e-9, atol=1e-12)


@given(LOGITS)
def test_softmax_is_a_distribution(x):
    p = softmax(x)
    assert (p >= 0).all()
    torch.testing.assert_close(p.sum(-1), torch.ones(3, dtype=torch.float64))


@given(LOGITS)
def test_logsumexp_lies_between_the_largest_and_log_n_more(x):
    largest, value = x.amax(-1), logsumexp(x)
    assert (value >= largest).all()
    assert (value <= largest + math.log(4) + 1e-11).all()


@given(LOGITS)
def test_log_softmax_is_the_logarithm_of_softmax_where_that_is_not_0(x):
    p = softmax(x)
    seen = p > 1e-300
    torch.testing.assert_close(log_softmax(x)[seen], p[seen].log(), rtol=1e-9, atol=1e-9)


def test_infinite_logits_are_treated_as_by_torch():
    inf = math.inf
    x = torch.tensor([[-inf, 0.0, 1.0], [-inf, -inf, -inf], [inf, 0.0, 1.0]])
    assert torch.equal(logsumexp(x)[1:], torch.logsumexp(x, -1)[1:])
    torch.testing.assert_close(logsumexp(x)[0], torch.logsumexp(x, -1)[0])
    torch.testing.assert_close(softmax(x)[0], torch.softmax(x, -1)[0])
    assert softmax(x)[1].isnan().all()


# what is refused


@pytest.mark.parametrize(
    "loss",
    [
        half_squared_error,
        binary_cross_entropy_with_logits,
        lambda p, t: gaussian_nll(p, t, torch.ones(())),
    ],
)
def test_targets_of_another_shape_are_refused_instead_of_broadcast(loss):
    with pytest.raises(ValueError, match=r"targets of shape \(4, 1\), got \(4,\)"):
        loss(torch.zeros(4, 1), torch.zeros(4))


@pytest.mark.parametrize("target", [-0.1, 1.1, math.nan])
def test_a_target_that_is_no_probability_is_refused(target):
    with pytest.raises(ValueError, match="targets between 0 and 1"):
        binary_cross_entropy_with_logits(torch.zeros(2), torch.tensor([0.5, target]))


@pytest.mark.parametrize("target", [-1, 3])
def test_a_class_that_does_not_exist_is_refused(target):
    with pytest.raises(ValueError, match=f"class numbers 0 to 2, got .*{target}"):
        cross_entropy(torch.zeros(2, 3), torch.tensor([1, target]))


def test_classes_must_be_int64():
    with pytest.raises(TypeError, match=r"int64, got torch\.float32"):
        cross_entropy(torch.zeros(2, 3), torch.zeros(2))


@pytest.mark.parametrize("shape", [(), (3,), (2, 1)])
def test_classes_must_fit_the_logits(shape):
    with pytest.raises(ValueError, match=r"logits \(\.\.\., K\) and targets"):
        cross_entropy(torch.zeros(2, 3), torch.zeros(shape, dtype=torch.int64))


@pytest.mark.parametrize("variance", [0.0, -1.0, math.nan])
def test_a_variance_that_is_not_positive_is_refused(variance):
    with pytest.raises(ValueError, match="positive variances, got"):
        gaussian_nll(torch.zeros(2), torch.zeros(2), torch.tensor([1.0, variance]))


@pytest.mark.parametrize(
    ("logits", "means", "targets"),
    [
        ((5, 4), (5, 3), (5,)),
        ((5, 4), (5, 4), (5, 1)),
        ((5, 4), (5, 4, 2), (5,)),
        ((5, 4), (5, 4, 2), (5, 3)),
        ((4,), (4,), (4,)),
        ((5, 4), (5, 4, 2, 2), (5, 2, 2)),
    ],
)
def test_parts_of_a_mixture_that_do_not_fit_are_refused(logits, means, targets):
    with pytest.raises(ValueError, match=r"expected logits \(N, K\), means"):
        mixture_density_nll(
            torch.zeros(logits), torch.zeros(means), torch.zeros(means), torch.zeros(targets)
        )


def test_scales_of_a_mixture_must_fit_its_means():
    with pytest.raises(ValueError, match=r"log_scales of shape \(5, 4, 2\), got \(5, 4\)"):
        mixture_density_nll(
            torch.zeros(5, 4), torch.zeros(5, 4, 2), torch.zeros(5, 4), torch.zeros(5, 2)
        )


def test_an_unknown_reduction_is_refused():
    with pytest.raises(ValueError, match="mean, sum or none, got 'batch'"):
        half_squared_error(torch.zeros(2), torch.zeros(2), "batch")
