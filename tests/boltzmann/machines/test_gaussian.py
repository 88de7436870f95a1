import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.boltzmann import GaussianRBM, all_states, log_partition, model_statistics
from deepbook.units import bernoulli


def machine(visible_size=2, hidden_size=3, *, seed=0, dtype=torch.float64, learn_precision=False):
    generator = torch.Generator().manual_seed(seed)
    deviation = 0.5 + torch.rand(visible_size, generator=generator, dtype=dtype)
    rbm = GaussianRBM(
        visible_size,
        hidden_size,
        standard_deviation=deviation,
        learn_precision=learn_precision,
        weight_scale=0.7,
        generator=generator,
        dtype=dtype,
    )
    with torch.no_grad():
        rbm.visible_bias.normal_(0, 0.5, generator=generator)
        rbm.hidden_bias.normal_(0, 0.5, generator=generator)
    return rbm


def grid(dimensions, *, reach=14.0, points=1401):
    """Points of a grid, shape (points ** dimensions, dimensions), and the volume of each."""
    line = torch.linspace(-reach, reach, points, dtype=torch.float64)
    axes = torch.meshgrid(*[line] * dimensions, indexing="ij")
    # where the integrand has died out at the ends, the trapezium rule converges exponentially
    return torch.stack([axis.flatten() for axis in axes], -1), (
        2 * reach / (points - 1)
    ) ** dimensions


def log_integral(values, volume):
    return torch.logsumexp(values, 0) + math.log(volume)


CASES = [(1, 1401), (2, 281)]


def test_free_energy_is_the_log_sum_over_all_hidden_states():
    rbm = machine(8, 6)
    visible = torch.randn(20, 8, dtype=torch.float64)
    hidden = all_states(6, dtype=torch.float64)
    by_enumeration = -torch.logsumexp(-rbm.energy(visible[:, None], hidden[None]), 1)
    torch.testing.assert_close(rbm.free_energy(visible), by_enumeration, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("visible_size", "points"), CASES)
def test_hidden_free_energy_is_the_integral_over_visible_units(visible_size, points):
    rbm = machine(visible_size)
    hidden = all_states(3, dtype=torch.float64)
    visible, volume = grid(visible_size, points=points)
    by_quadrature = -log_integral(-rbm.energy(visible[:, None], hidden), volume)
    torch.testing.assert_close(rbm.hidden_free_energy(hidden), by_quadrature, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("visible_size", "points"), CASES)
def test_log_partition_is_the_integral_of_the_density(visible_size, points):
    rbm = machine(visible_size)
    visible, volume = grid(visible_size, points=points)
    by_quadrature = log_integral(rbm.log_unnormalised(visible), volume)
    torch.testing.assert_close(log_partition(rbm), by_quadrature, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("visible_size", "points"), CASES)
def test_conditional_moments_are_those_of_the_density(visible_size, points):
    rbm = machine(visible_size)
    visible, volume = grid(visible_size, points=points)
    for hidden in all_states(3, dtype=torch.float64):
        density = torch.exp(rbm.hidden_free_energy(hidden) - rbm.energy(visible, hidden)) * volume
        mean = density @ visible
        variance = density @ (visible - mean) ** 2
        torch.testing.assert_close(rbm.visible_mean(hidden), mean, rtol=0, atol=1e-6)
        torch.testing.assert_close(rbm.visible_variance(hidden), variance, rtol=0, atol=1e-6)


def test_hidden_mean_is_that_of_the_joint_distribution():
    rbm = machine(4, 5)
    visible, hidden = torch.randn(10, 4, dtype=torch.float64), all_states(5, dtype=torch.float64)
    posterior = torch.softmax(-rbm.energy(visible[:, None], hidden), 1)
    torch.testing.assert_close(rbm.hidden_mean(visible), posterior @ hidden, rtol=0, atol=1e-10)


@given(seed=st.integers(0, 10**6))
def test_score_is_the_gradient_of_the_log_density(seed):
    rbm = machine(4, 5, seed=seed)
    visible = torch.randn(
        3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    ).requires_grad_()
    (gradient,) = torch.autograd.grad(rbm.log_unnormalised(visible).sum(), visible)
    torch.testing.assert_close(rbm.score(visible), gradient, rtol=0, atol=1e-10)


def test_score_divergence_is_the_trace_of_the_hessian():
    rbm = machine(4, 5)
    visible = torch.randn(6, 4, dtype=torch.float64)
    traces = [
        torch.autograd.functional.hessian(rbm.log_unnormalised, row).trace() for row in visible
    ]
    torch.testing.assert_close(
        rbm.score_divergence(visible), torch.stack(traces), rtol=0, atol=1e-10
    )


@pytest.mark.parametrize("learn_precision", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_statistics_are_the_gradient_of_log_unnormalised(learn_precision, weighted):
    rbm = machine(8, 6, learn_precision=learn_precision)
    visible = torch.randn(9, 8, dtype=torch.float64)
    weights = torch.softmax(torch.randn(9, dtype=torch.float64), 0)
    mean = (
        weights @ rbm.log_unnormalised(visible)
        if weighted
        else rbm.log_unnormalised(visible).mean()
    )
    mean.backward()
    statistics = rbm.statistics(visible, weights if weighted else None)
    assert statistics.keys() == dict(rbm.named_parameters()).keys()
    for name, parameter in rbm.named_parameters():
        torch.testing.assert_close(statistics[name], parameter.grad, rtol=0, atol=1e-10)


@pytest.mark.parametrize("learn_precision", [False, True])
def test_the_exact_gradient_is_that_of_the_likelihood_by_quadrature(learn_precision):
    rbm = machine(2, learn_precision=learn_precision)
    data = torch.randn(7, 2, dtype=torch.float64)
    points, volume = grid(2, points=281)
    log_z = log_integral(rbm.log_unnormalised(points), volume)
    (rbm.log_unnormalised(data).mean() - log_z).backward()
    data_side, model_side = rbm.data_statistics(data), model_statistics(rbm)
    for name, parameter in rbm.named_parameters():
        torch.testing.assert_close(
            data_side[name] - model_side[name], parameter.grad, rtol=0, atol=1e-6
        )


@given(beta=st.floats(0, 1), learn_precision=st.booleans())
def test_energies_between_two_machines_are_on_the_line_between_theirs(beta, learn_precision):
    rbm = machine(4, 3, learn_precision=learn_precision)
    base = rbm.without_couplings(torch.randn(50, 4, dtype=torch.float64) * 2)
    visible, hidden = (
        torch.randn(6, 4, dtype=torch.float64),
        bernoulli(torch.full((6, 3), 0.5).double()),
    )
    torch.testing.assert_close(
        rbm.between(base, beta).energy(visible, hidden),
        (1 - beta) * base.energy(visible, hidden) + beta * rbm.energy(visible, hidden),
        rtol=0,
        atol=1e-10,
    )


def test_between_refuses_fixed_precisions_that_differ():
    with pytest.raises(ValueError, match="same standard deviations"):
        machine(seed=0).between(machine(seed=1), 0.5)
    with pytest.raises(ValueError, match="same standard deviations"):
        machine().between(machine(learn_precision=True), 0.5)


@pytest.mark.parametrize("learn_precision", [False, True])
def test_without_couplings_log_z_has_a_closed_form_and_moments_are_the_datas(learn_precision):
    data = 3 + 2 * torch.randn(100, 2, dtype=torch.float64)
    base = machine(2, learn_precision=learn_precision).without_couplings(data)
    torch.testing.assert_close(base.log_partition_without_couplings(), log_partition(base))
    hidden = torch.zeros(3, dtype=torch.float64)
    torch.testing.assert_close(base.visible_mean(hidden), data.mean(0))
    if learn_precision:
        torch.testing.assert_close(base.standard_deviation, data.std(0))
    with pytest.raises(ValueError, match="all zero"):
        machine().log_partition_without_couplings()


def hidden_after_a_step_from_the_exact_start(rbm, count=20_000):
    generator = torch.Generator().manual_seed(0)
    states = all_states(rbm.hidden_size, dtype=rbm.dtype)
    probability = torch.softmax(-rbm.hidden_free_energy(states), 0).detach()
    hidden = states[torch.multinomial(probability, count, replacement=True, generator=generator)]
    visible = rbm.gibbs_step(rbm.sample_visible(hidden, generator), generator)
    return rbm.sample_hidden(visible, generator), probability


def test_the_chain_keeps_the_exact_distribution(goodness_of_fit):
    samples, probability = hidden_after_a_step_from_the_exact_start(machine())
    assert goodness_of_fit(samples, probability) > 1e-4


def test_a_chain_that_takes_variance_for_deviation_is_found_out(goodness_of_fit):
    class Wrong(GaussianRBM):
        def _sample_visible(self, hidden, generator=None):
            mean = self._visible_mean(hidden)
            return (
                mean
                + torch.randn(mean.shape, generator=generator, dtype=mean.dtype) / self.precision
            )

    wrong = Wrong(2, 3, dtype=torch.float64)
    wrong.load_state_dict(machine().state_dict())
    samples, probability = hidden_after_a_step_from_the_exact_start(wrong)
    assert goodness_of_fit(samples.detach(), probability) < 1e-4


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_generator_makes_the_chain_repeatable_in_either_dtype(dtype):
    rbm = machine(dtype=dtype)
    first, second = (
        rbm.gibbs_step(rbm.initial_state(5), torch.Generator().manual_seed(3)) for _ in range(2)
    )
    assert first.dtype == dtype
    assert torch.equal(first, second)


def test_a_learned_precision_below_zero_is_reported():
    rbm = machine(learn_precision=True)
    with torch.no_grad():
        rbm.precision[0] = -0.1
    with pytest.raises(ValueError, match=r"positive precisions.*-0\.1.*learning rate"):
        rbm.free_energy(torch.zeros(1, 2, dtype=torch.float64))


@pytest.mark.parametrize(
    ("visible", "error", "message"),
    [
        (torch.zeros(3, 1).double(), ValueError, r"expected 2 visible units.*\(3, 1\)"),
        (torch.zeros(3, 2), TypeError, r"float64, got torch\.float32"),
        (torch.full((3, 2), math.nan).double(), ValueError, "NaN or infinity"),
        (torch.full((3, 2), math.inf).double(), ValueError, "NaN or infinity"),
    ],
)
def test_wrong_visible_units_are_refused(visible, error, message):
    for method in ("free_energy", "hidden_mean", "score", "statistics", "gibbs_step"):
        with pytest.raises(error, match=message):
            getattr(machine(), method)(visible)


def test_hidden_units_outside_their_range_are_refused():
    with pytest.raises(ValueError, match=r"hidden units in \[0, 1\]"):
        machine().visible_mean(torch.full((1, 3), 1.5, dtype=torch.float64))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"visible_size": 0}, "at least 1 visible"),
        ({"weight_scale": -1.0}, "weight scale"),
        ({"standard_deviation": 0.0}, "positive standard deviations"),
        ({"standard_deviation": torch.ones(3)}, r"1 or 2 standard deviations.*\(3,\)"),
    ],
)
def test_impossible_machines_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        GaussianRBM(**{"visible_size": 2, "hidden_size": 3, **arguments})
