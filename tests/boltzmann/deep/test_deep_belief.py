"""The deep belief network against enumeration, its bound, and its fine-tuning."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepbook.boltzmann import (
    DBN,
    RBM,
    ExactGradient,
    UpDown,
    all_states,
    log_likelihood,
    log_partition,
    network_from_dbn,
    train,
)


def states(size):
    return all_states(size, dtype=torch.float64)


def close(actual, expected, tolerance=1e-10):
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance)


def bernoulli_log_probability(units, logits):
    return torch.distributions.Bernoulli(logits=logits).log_prob(units).sum(-1)


def test_likelihood_is_the_sum_over_all_hidden_layers(dbn):
    v, h1, h2 = states(4)[:, None, None], states(3)[:, None], states(5)
    # p(v | h1) p(h1 | h2) p(h2), one factor a layer
    log_p = bernoulli_log_probability(v, dbn.generative_input(h1, 0))
    log_p = log_p + bernoulli_log_probability(h1, dbn.generative_input(h2, 1))
    log_p = log_p - dbn.top.free_energy(h2) - log_partition(dbn.top)
    by_hand = log_p.logsumexp((1, 2))
    close(dbn.log_likelihood(states(4)), by_hand)
    close(by_hand.logsumexp(0), torch.zeros((), dtype=torch.float64))


def test_importance_weights_have_the_likelihood_as_mean_and_the_bound_below_it(dbn):
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        weights = dbn.log_weights(states(4), 20_000, generator) - log_partition(dbn.top)
        exact = dbn.log_likelihood(states(4))
    ratio = (weights - exact).exp()
    assert float(((ratio.mean(0) - 1) / (ratio.std(0) / 20_000**0.5)).abs().max()) < 4.5
    assert bool((weights.mean(0) < exact).all())


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_a_second_layer_that_is_the_first_turned_over_changes_nothing(seed):
    generator = torch.Generator().manual_seed(seed)
    rbm = RBM(6, 4, weight_scale=1.0, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        rbm.visible_bias.normal_(generator=generator)
        rbm.hidden_bias.normal_(generator=generator)
        before = log_likelihood(rbm, states(6))
        dbn = DBN(rbm)
        close(dbn.log_likelihood(states(6)), before)
        top = dbn.grow()
        assert dbn.sizes == (6, 4, 6)
        close(dbn.log_likelihood(states(6)), before)
        # q is the posterior: each single weight is the likelihood, and the bound is tight
        weights = dbn.log_weights(states(6), 3, generator) - log_partition(top)
        close(weights, before.expand(3, -1))
        dbn.grow()
        close(dbn.log_likelihood(states(6)), before)


def exact_bound(dbn, visible):
    """The variational bound of two layers, by enumeration of h1."""
    h1 = states(dbn.sizes[1])
    log_q = bernoulli_log_probability(h1, dbn.recognition_input(visible, 0)[:, None])
    log_p = bernoulli_log_probability(visible[:, None], dbn.generative_input(h1, 0))
    log_p = log_p - dbn.top.free_energy(h1) - log_partition(dbn.top)
    return (log_q.exp() * (log_p - log_q)).sum(1)


def test_training_the_second_layer_raises_the_bound_and_the_likelihood_stays_above():
    generator = torch.Generator().manual_seed(0)
    data = states(6)[torch.randint(64, (12,), generator=generator)]
    rbm = RBM(6, 4, weight_scale=0.5, generator=generator, dtype=torch.float64)
    train(rbm, data, ExactGradient(), epochs=600, batch_size=12, learning_rate=0.5)
    before = log_likelihood(rbm, data).mean()
    dbn = DBN(rbm)
    top = dbn.grow()
    close(exact_bound(dbn, data).mean(), before)
    # the aggregated posterior of h1, exactly: every state with its weight
    h1 = states(4)
    log_q = bernoulli_log_probability(h1, dbn.recognition_input(data, 0)[:, None])
    weights = log_q.exp().mean(0).detach()
    optimizer = torch.optim.SGD(top.parameters(), lr=0.3)
    bound = before
    for step in range(200):
        optimizer.zero_grad()
        loss = weights @ top.free_energy(h1) + log_partition(top)
        loss.backward()
        optimizer.step()
        if step % 20 == 0:
            after = exact_bound(dbn, data).mean()
            assert after >= bound - 1e-8
            assert dbn.log_likelihood(data).mean() >= after - 1e-10
            bound = after
    assert bound > before + 0.005


def test_a_second_layer_from_random_weights_starts_lower(dbn, rbm_of):
    rbm = rbm_of(6, 4)
    before = log_likelihood(rbm, states(6)).mean()
    dbn = DBN(rbm)
    assert dbn.grow(6, generator=torch.Generator().manual_seed(0)).hidden_size == 6
    assert dbn.log_likelihood(states(6)).mean() < before


def test_samples_follow_the_exact_distribution(dbn, goodness_of_fit):
    generator = torch.Generator().manual_seed(0)
    means = dbn.sample(20_000, steps=50, generator=generator)
    samples = torch.rand(means.shape, generator=generator, dtype=torch.float64) < means
    probability = dbn.log_likelihood(states(4)).exp().detach()
    assert goodness_of_fit(samples, probability) > 1e-4
    # a planted fault: the weights between the directed layers are those upwards
    dbn.generative_weights[0].data.copy_(dbn.recognition_weights[0].data)
    means = dbn.sample(20_000, steps=50, generator=generator)
    samples = torch.rand(means.shape, generator=generator, dtype=torch.float64) < means
    assert goodness_of_fit(samples, probability) < 1e-4


def test_samples_can_start_at_data_and_repeat_with_their_generator(dbn):
    def draw():
        generator = torch.Generator().manual_seed(0)
        return dbn.sample(16, steps=3, start=states(4), generator=generator)

    assert draw().shape == (16, 4)
    assert torch.equal(draw(), draw())


def test_float32_agrees_with_float64(dbn):
    narrow = copy.deepcopy(dbn).float()
    exact = dbn.log_likelihood(states(4)).detach()
    close(narrow.log_likelihood(states(4).float()).double(), exact, 1e-4)
    assert narrow.sample(3, steps=2).dtype == torch.float32
    assert UpDown()(narrow, states(4).float())["generative_weights.0"].dtype == torch.float32
    assert network_from_dbn(narrow, 3).layers[0].weight.dtype == torch.float32


def test_wrong_arguments_are_named(dbn):
    with pytest.raises(ValueError, match=r"4 visible units.*\(3, 5\)"):
        dbn.recognise(torch.zeros(3, 5).double())
    with pytest.raises(ValueError, match="from nan"):
        dbn.log_weights(torch.full((3, 4), torch.nan).double(), 2)
    with pytest.raises(TypeError, match=r"torch.float64, got torch.float32"):
        dbn.log_likelihood(torch.zeros(3, 4))
    with pytest.raises(ValueError, match=r"5 top units.*\(3, 4\)"):
        dbn.generate(torch.zeros(3, 4).double())
    big = DBN(RBM(4, 30))
    big.grow()
    with pytest.raises(ValueError, match="0 to 25 units to enumerate, got 30"):
        big.log_likelihood(torch.zeros(1, 4))
