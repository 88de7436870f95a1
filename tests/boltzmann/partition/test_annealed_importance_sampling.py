import math

import pytest
import torch

from deepbook.boltzmann import (
    RBM,
    Estimate,
    ais,
    all_states,
    bridge,
    log_likelihood,
    log_partition,
    reverse_ais,
    two_sided_log_likelihood,
)
from deepbook.boltzmann.partition import annealed_importance_sampling as annealing
from deepbook.boltzmann.partition.annealing_paths import AnnealingPath, RBMPath, annealing_path

RUNS, CHAINS, TEMPERATURES = 300, 100, 20


def exact_samples(rbm, count, generator):
    states = all_states(rbm.visible_size, dtype=rbm.dtype)
    probability = log_likelihood(rbm, states).exp()
    return states[torch.multinomial(probability, count, replacement=True, generator=generator)]


def split(estimate: Estimate) -> list[Estimate]:
    """Chains are independent: one run of all is as good as many runs of a few."""
    return [
        Estimate.from_log_weights(weights, estimate.log_z_base, reverse=estimate.reverse)
        for weights in estimate.log_weights.reshape(RUNS, -1)
    ]


def coverage(runs: list[Estimate], exact: float) -> float:
    return sum(run.interval[0] <= exact <= run.interval[1] for run in runs) / len(runs)


def deviations_of_mean_z(estimate: Estimate, exact: float) -> float:
    """How many standard errors the mean of Z-hat / Z lies from 1."""
    ratio = (estimate.log_weights + estimate.log_z_base - exact).exp()
    return float((ratio.mean() - 1) / (ratio.std() / math.sqrt(len(ratio))))


def run_forward(rbm, seed=0, temperatures=TEMPERATURES):
    generator = torch.Generator().manual_seed(seed)
    return ais(rbm, temperatures=temperatures, chains=RUNS * CHAINS, generator=generator)


@pytest.fixture
def exact(small_rbm):
    return float(log_partition(small_rbm).detach())


def test_the_95_percent_interval_covers_the_truth_as_often_as_it_says(small_rbm, exact):
    assert 0.91 <= coverage(split(run_forward(small_rbm)), exact) <= 0.98


def test_z_is_right_on_average(small_rbm, exact):
    assert abs(deviations_of_mean_z(run_forward(small_rbm), exact)) < 3


class PreviousTemperature(RBMPath):
    """The fault of a published package: the step is one of the machine before."""

    def cross(self, state, here, there, generator):
        log_ratio, _ = super().cross(state, here, there, generator)
        _, wrong = super().cross(state, here, here, generator)
        return log_ratio, wrong


def test_sampling_with_the_previous_temperatures_parameters_fails_both_tests(
    small_rbm, exact, monkeypatch
):
    monkeypatch.setattr(annealing, "annealing_path", PreviousTemperature)
    estimate = run_forward(small_rbm)
    assert not 0.91 <= coverage(split(estimate), exact) <= 0.98
    assert abs(deviations_of_mean_z(estimate, exact)) > 3


def test_the_fast_path_of_an_rbm_takes_the_same_steps_as_the_general_one(small_rbm):
    base = small_rbm.without_couplings()
    state = all_states(8, dtype=torch.float64)
    for here, there in [(0.0, 0.3), (0.3, 1.0)]:
        paths = [kind(base, small_rbm) for kind in (RBMPath, AnnealingPath)]
        (ratio, after), (expected_ratio, expected_after) = (
            path.cross(state, here, there, torch.Generator().manual_seed(1)) for path in paths
        )
        torch.testing.assert_close(ratio, expected_ratio.detach(), rtol=0, atol=1e-12)
        assert torch.equal(after, expected_after)


def test_an_rbm_takes_the_fast_path_and_a_kind_of_its_own_the_general_one(small_rbm):
    class Other(RBM):
        pass

    base = small_rbm.without_couplings()
    assert isinstance(annealing_path(base, small_rbm), RBMPath)
    assert not isinstance(annealing_path(Other(8, 6), Other(8, 6)), RBMPath)


def test_forward_and_reverse_runs_hold_log_z_between_them_on_average(small_rbm, exact):
    generator = torch.Generator().manual_seed(0)
    forward = split(ais(small_rbm, None, 2, RUNS * 10, generator))
    samples = exact_samples(small_rbm, RUNS * 10, generator)
    backward = split(reverse_ais(small_rbm, samples, None, 2, generator))
    below, above = (
        torch.tensor([run.log_z - exact for run in runs]) for runs in (forward, backward)
    )
    # in expectation: each mean lies on its side by more than its standard error explains away
    assert below.mean() < 3 * below.std() / math.sqrt(RUNS)
    assert above.mean() > -3 * above.std() / math.sqrt(RUNS)
    # and with ten chains and two steps, the gap is there to be seen
    assert below.mean() < -2 * below.std() / math.sqrt(RUNS)
    assert above.mean() > 2 * above.std() / math.sqrt(RUNS)


def test_reverse_runs_from_exact_samples_are_right_on_average(small_rbm, exact):
    generator = torch.Generator().manual_seed(0)
    samples = exact_samples(small_rbm, RUNS * CHAINS, generator)
    estimate = reverse_ais(small_rbm, samples, None, TEMPERATURES, generator)
    ratio = (estimate.log_weights + exact - estimate.log_z_base).exp()
    assert abs(float((ratio.mean() - 1) / (ratio.std() / math.sqrt(len(ratio))))) < 3
    assert 0.91 <= coverage(split(estimate), exact) <= 0.98


@pytest.mark.parametrize("steps", [1, 10])
def test_the_bridge_is_better_than_either_side_and_knows_its_error(small_rbm, exact, steps):
    generator = torch.Generator().manual_seed(0)
    forward = ais(small_rbm, None, steps, RUNS * CHAINS, generator)
    samples = exact_samples(small_rbm, RUNS * CHAINS // 2, generator)
    backward = reverse_ais(small_rbm, samples, None, steps, generator)
    both = bridge(forward, backward)
    assert 0 < both.overlap < 1
    assert both.standard_error < min(forward.standard_error, backward.standard_error)
    assert abs(both.log_z - exact) < 3 * both.standard_error


def test_the_standard_error_of_the_bridge_is_the_spread_over_runs(small_rbm):
    generator = torch.Generator().manual_seed(0)
    forward = split(ais(small_rbm, None, 5, RUNS * CHAINS, generator))
    samples = exact_samples(small_rbm, RUNS * CHAINS, generator)
    backward = split(reverse_ais(small_rbm, samples, None, 5, generator))
    bridges = [bridge(one, other) for one, other in zip(forward, backward, strict=True)]
    spread = torch.tensor([estimate.log_z for estimate in bridges]).std()
    said = torch.tensor([estimate.standard_error for estimate in bridges]).mean()
    assert 0.85 < float(spread / said) < 1.15


def test_two_machines_that_are_the_same_need_no_annealing(small_rbm):
    base = small_rbm.without_couplings()
    estimate = ais(base, base, temperatures=3, chains=10)
    assert estimate.standard_error < 1e-12
    assert estimate.effective_sample_size == pytest.approx(10)
    assert estimate.log_z == pytest.approx(float(base.log_partition_without_couplings()))
    backward = reverse_ais(base, base.initial_state(10), base, temperatures=3)
    assert bridge(estimate, backward).overlap == pytest.approx(1)


def test_more_temperatures_make_the_weights_more_alike(small_rbm):
    few, many = (run_forward(small_rbm, temperatures=count) for count in (2, 20))
    assert many.effective_sample_size > few.effective_sample_size
    assert many.standard_error < few.standard_error


def test_an_estimate_is_made_of_its_weights_as_the_formulas_say():
    weights = torch.tensor([1.0, 2.0, 3.0, 6.0], dtype=torch.float64)
    for reverse in (False, True):
        estimate = Estimate.from_log_weights(weights.log(), 5.0, reverse=reverse)
        sign = -1 if reverse else 1
        assert estimate.log_z == pytest.approx(5 + sign * math.log(3))
        assert estimate.effective_sample_size == pytest.approx(12**2 / 50)
        error = float(weights.std()) / 2
        assert estimate.standard_error == pytest.approx(error / 3)
        assert estimate.interval[0] < estimate.log_z < estimate.interval[1]
        far = estimate.interval[0 if reverse else 1]
        assert far == pytest.approx(5 + sign * math.log(3 + 1.959964 * error))
        assert estimate.log_z_base == pytest.approx(5)


def test_an_interval_that_reaches_zero_is_open_to_that_side():
    weights = torch.tensor([0.0, 0.0, 9.0])
    assert Estimate.from_log_weights(weights).interval[0] == -math.inf
    assert Estimate.from_log_weights(weights, reverse=True).interval[1] == math.inf


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_generator_makes_a_run_repeatable_in_either_precision(rbm_of, dtype):
    rbm = rbm_of(dtype=dtype)
    one, other = (ais(rbm, None, 5, 10, torch.Generator().manual_seed(3)) for _ in range(2))
    assert one.log_z == other.log_z
    assert torch.equal(one.log_weights, other.log_weights)
    assert one.log_z != ais(rbm, None, 5, 10, torch.Generator().manual_seed(4)).log_z


def test_inverse_temperatures_of_ones_own_are_followed(small_rbm, exact):
    estimate = ais(small_rbm, None, [0, 0.1, 0.3, 0.6, 1], 20_000, torch.Generator().manual_seed(0))
    assert abs(estimate.log_z - exact) < 4 * estimate.standard_error


def test_a_test_log_likelihood_is_seen_from_both_sides(small_rbm):
    visible = all_states(8, dtype=torch.float64)[:50]
    result = two_sided_log_likelihood(
        small_rbm,
        visible,
        visible,
        temperatures=50,
        chains=50,
        steps=20,
        generator=torch.Generator().manual_seed(0),
    )
    exact = float(log_likelihood(small_rbm, visible).detach().mean())
    assert abs(result.optimistic - exact) < 4 * result.forward.standard_error
    assert abs(result.pessimistic - exact) < 4 * result.backward.standard_error
    assert len(result.backward.log_weights) == 50
    assert result.backward.reverse


@pytest.mark.parametrize("betas", [[0, 0.5], [0.1, 1], [0, 0.6, 0.5, 1], [0], [0, math.nan, 1]])
def test_inverse_temperatures_that_do_not_rise_from_0_to_1_are_refused(small_rbm, betas):
    with pytest.raises(ValueError, match="rise from 0 to 1"):
        ais(small_rbm, None, betas)


def test_wrong_arguments_are_named(small_rbm):
    with pytest.raises(ValueError, match=r"at least 1 step between temperatures, got 0"):
        ais(small_rbm, None, 0)
    with pytest.raises(ValueError, match=r"at least 2 chains, got 1"):
        ais(small_rbm, chains=1)
    with pytest.raises(ValueError, match=r"weights are all zero"):
        ais(small_rbm, small_rbm)
    with pytest.raises(ValueError, match=r"at least 2 chains, got shape \(1,\)"):
        Estimate.from_log_weights(torch.zeros(1))
    with pytest.raises(ValueError, match="finite log weights"):
        Estimate.from_log_weights(torch.tensor([0.0, math.nan]))
    forward = ais(small_rbm, None, 2, 4)
    with pytest.raises(ValueError, match=r"ais and then one of reverse_ais"):
        bridge(forward, forward)
    other = Estimate.from_log_weights(torch.zeros(4), 7.0, reverse=True)
    with pytest.raises(ValueError, match=r"same base.* 9\.704 and 7\.000"):
        bridge(forward, other)


def test_a_model_whose_parameters_are_not_finite_gives_no_number(small_rbm):
    with torch.no_grad():
        small_rbm.hidden_bias[0] = math.inf
    with pytest.raises(ValueError, match="finite log weights"):
        ais(small_rbm, None, 2, 4)
