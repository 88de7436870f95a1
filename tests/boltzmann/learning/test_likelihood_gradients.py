import math

import pytest
import torch

from deepbook.boltzmann import (
    RBM,
    BoltzmannMachine,
    ContrastiveDivergence,
    ExactGradient,
    PersistentContrastiveDivergence,
    all_states,
    expected_cd_gradient,
    log_likelihood,
)
from deepbook.boltzmann.learning.likelihood_gradients import GradientEstimator


def seeded(n):
    return torch.Generator().manual_seed(n)


def flat(gradient):
    return torch.cat([gradient[name].flatten() for name in sorted(gradient)])


@pytest.fixture
def data():
    """10 patterns, some of them often: far from what a random machine believes."""
    patterns = (torch.rand(10, 8, generator=seeded(7)) < 0.5).double()
    return patterns[torch.randint(10, (40,), generator=seeded(8))]


def worst_deviation(sampled, expected):
    """Largest distance, in standard errors, of the mean over runs from what it should be."""
    sampled = torch.stack([flat(gradient) for gradient in sampled])
    error = sampled.std(0) / math.sqrt(len(sampled))
    return float(((sampled.mean(0) - flat(expected)).abs() / error).max())


class HiddenOfTheStepBefore(ContrastiveDivergence):
    """A mutant, found in a published package: v comes from this step, h from the one before."""

    def negative_phase(self, model, visible):
        for _ in range(self.steps):
            hidden = model.hidden_mean(visible)
            visible = model.sample_visible((torch.rand_like(hidden) < hidden).to(hidden))
        return {
            "weight": visible.T @ hidden / len(visible),
            "visible_bias": visible.mean(0),
            "hidden_bias": hidden.mean(0),
        }


class PersistentHiddenOfTheStepBefore(PersistentContrastiveDivergence):
    """The same mutant with chains that go on."""

    def negative_phase(self, model, visible):
        before = self._current_state(model, visible)
        super().negative_phase(model, visible)
        hidden = model.hidden_mean(before)
        return {
            "weight": self.state.T @ hidden / len(hidden),
            "visible_bias": self.state.mean(0),
            "hidden_bias": hidden.mean(0),
        }


def sampled_gradients(estimator, rbm, data, runs=60):
    torch.manual_seed(3)
    many = data.repeat(50, 1)
    return [estimator()(rbm, many) for _ in range(runs)]


# 62 numbers: the largest of so many normal ones is above 4.5 once in 2,000 times
LIMIT = 4.5


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("kind", [ContrastiveDivergence, PersistentContrastiveDivergence])
def test_the_mean_of_the_sampled_gradient_is_the_expected_one(kind, steps, small_rbm, data):
    sampled = sampled_gradients(lambda: kind(steps), small_rbm, data)
    assert worst_deviation(sampled, expected_cd_gradient(small_rbm, data, steps)) < LIMIT


@pytest.mark.parametrize("mutant", [HiddenOfTheStepBefore, PersistentHiddenOfTheStepBefore])
def test_a_gradient_with_the_hidden_state_of_the_step_before_is_caught(mutant, small_rbm, data):
    sampled = sampled_gradients(lambda: mutant(1), small_rbm, data)
    assert worst_deviation(sampled, expected_cd_gradient(small_rbm, data, 1)) > 2 * LIMIT


def test_persistent_chains_go_on_where_they_stopped(small_rbm, data):
    def third_batch():
        estimator = PersistentContrastiveDivergence(1)
        for _ in range(2):
            estimator(small_rbm, data.repeat(50, 1))
        return estimator

    sampled = sampled_gradients(third_batch, small_rbm, data, runs=40)
    assert worst_deviation(sampled, expected_cd_gradient(small_rbm, data, 3)) < LIMIT


def test_the_exact_gradient_is_autograds_of_the_exact_log_likelihood(small_rbm, data):
    exact = ExactGradient()(small_rbm, data)
    log_likelihood(small_rbm, data).mean().backward()
    for name, parameter in small_rbm.named_parameters():
        torch.testing.assert_close(exact[name], parameter.grad, rtol=0, atol=1e-10)


def test_the_exact_gradient_vanishes_where_the_data_are_the_model(small_rbm):
    states = all_states(8, dtype=torch.float64)
    positive = small_rbm.data_statistics(states, log_likelihood(small_rbm, states).exp())
    negative = ExactGradient().negative_phase(small_rbm, states)
    torch.testing.assert_close(flat(positive), flat(negative), rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("estimator", [ContrastiveDivergence, PersistentContrastiveDivergence])
def test_a_generator_makes_the_gradient_repeatable(estimator, dtype, rbm_of):
    rbm = rbm_of(dtype=dtype)
    batch = (torch.rand(5, 8, generator=seeded(1)) < 0.5).to(dtype)
    first, again, other = (flat(estimator(2, generator=seeded(n))(rbm, batch)) for n in (4, 4, 5))
    assert first.dtype == dtype
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_estimators_need_nothing_but_what_every_machine_has(data):
    machine = BoltzmannMachine(8, 3, dtype=torch.float64)
    estimators = [
        ContrastiveDivergence(2),
        PersistentContrastiveDivergence(2, chains=7),
        ExactGradient(),
    ]
    for estimator in estimators:
        gradient = estimator(machine, data)
        shapes = {name: value.shape for name, value in gradient.items()}
        assert shapes == {name: p.shape for name, p in machine.named_parameters()}


def test_chains_may_be_more_or_fewer_than_examples(small_rbm, data):
    for chains in (3, 100):
        estimator = PersistentContrastiveDivergence(chains=chains)
        estimator(small_rbm, data)
        estimator(small_rbm, data[:1])
        assert estimator.state.shape == (chains, 8)


def test_an_estimator_goes_on_from_its_saved_state(small_rbm, data):
    first = PersistentContrastiveDivergence(chains=6, generator=seeded(0))
    first(small_rbm, data)
    saved = {key: value.clone() for key, value in first.state_dict().items()}
    expected = first(small_rbm, data)
    second = PersistentContrastiveDivergence(chains=6, generator=seeded(9))
    second.load_state_dict(saved)
    assert torch.equal(flat(second(small_rbm, data)), flat(expected))


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="at least 1 step, got 0"):
        ContrastiveDivergence(0)
    with pytest.raises(ValueError, match="at least 1 chain, got -1"):
        PersistentContrastiveDivergence(chains=-1)
    with pytest.raises(ValueError, match="at most 25"):
        ExactGradient()(RBM(26, 26), torch.zeros(2, 26))
    with pytest.raises(TypeError):
        GradientEstimator()
