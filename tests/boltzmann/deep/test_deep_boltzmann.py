"""The deep Boltzmann machine against enumeration of all its states."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepbook.boltzmann import (
    DBM,
    RBM,
    Centred,
    ContrastiveDivergence,
    ExactGradient,
    PersistentContrastiveDivergence,
    ais,
    all_states,
    log_likelihood,
    log_partition,
    train,
)
from deepbook.boltzmann.partition.annealing_paths import AnnealingPath, annealing_path
from deepbook.units import log_odds

SIZES = [(8, 6, 4), (5, 4, 3, 3), (4, 3, 3, 3, 2)]
LINKS = (("weights.0", "biases.0", "biases.1"), ("weights.1", "biases.1", "biases.2"))


def make_dbm(sizes=(8, 6, 4), *, seed=0, scale=1.0, dtype=torch.float64, sweeps=500):
    generator = torch.Generator().manual_seed(seed)
    dbm = DBM(sizes, weight_scale=scale, sweeps=sweeps, generator=generator, dtype=dtype)
    with torch.no_grad():
        for bias in dbm.biases:
            bias.normal_(0, 0.5, generator=generator)
    return dbm


def states(size, dtype=torch.float64):
    return all_states(size, dtype=dtype)


def joint(dbm):
    """Layers of all joint states, and their ``log p*``."""
    layers = list(states(sum(dbm.sizes)).split(list(dbm.sizes), -1))
    return layers, -dbm.energy(layers)


def close(actual, expected, tolerance=1e-10):
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("sizes", SIZES[1:])
def test_log_z_over_odd_layers_over_visible_units_and_over_everything_agree(sizes):
    dbm = make_dbm(sizes)
    everything = joint(dbm)[1].logsumexp(0)
    close(log_partition(dbm), everything)
    close((-dbm.free_energy(states(sizes[0]))).logsumexp(0), everything)


@pytest.mark.parametrize("sizes", SIZES[1:])
def test_free_energy_is_the_log_sum_over_all_hidden_states(sizes):
    dbm = make_dbm(sizes)
    by_visible = joint(dbm)[1].reshape(2 ** sizes[0], -1).logsumexp(1)
    close(-dbm.free_energy(states(sizes[0])), by_visible)


def test_statistics_are_the_gradient_of_log_unnormalised():
    for sizes in SIZES:
        dbm = make_dbm(sizes)
        generator = torch.Generator().manual_seed(1)
        state = torch.rand(7, dbm.state_size, generator=generator, dtype=torch.float64).round()
        weights = torch.rand(7, generator=generator, dtype=torch.float64)
        for given_weights in (None, weights / weights.sum()):
            mean = dbm.log_unnormalised(state)
            mean = mean.mean() if given_weights is None else given_weights @ mean
            gradients = torch.autograd.grad(mean, list(dbm.parameters()))
            names = [name for name, _ in dbm.named_parameters()]
            statistics = dbm.statistics(state, given_weights)
            assert sorted(names) == sorted(statistics)
            for name, gradient in zip(names, gradients, strict=True):
                close(statistics[name], gradient)


def test_data_statistics_are_the_gradient_of_the_bound():
    dbm, visible = make_dbm(), states(8)[::7]
    with torch.no_grad():
        means = dbm.mean_field(visible, tolerance=0)
    gradients = torch.autograd.grad(dbm.log_bound(means).mean(), list(dbm.parameters()))
    statistics = dbm.data_statistics(visible)
    for (name, _), gradient in zip(dbm.named_parameters(), gradients, strict=True):
        close(statistics[name], gradient, 1e-3)  # data_statistics stops at its tolerance


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), scale=st.floats(0, 2), which=st.integers(0, 2))
def test_bound_rises_with_each_layer_and_never_passes_the_exact_log_p(seed, scale, which):
    dbm = make_dbm(SIZES[which], seed=seed, scale=scale)
    visible = states(dbm.visible_size)
    exact = -dbm.free_energy(visible)
    layers = dbm.upward_pass(visible)
    before = dbm.log_bound(layers)
    for _ in range(5):
        for index in range(1, len(layers)):
            layers[index] = torch.sigmoid(dbm.layer_input(layers, index))
            after = dbm.log_bound(layers)
            assert bool((after >= before - 1e-10).all())
            before = after
    assert bool((before <= exact + 1e-10).all())


def test_all_layers_at_once_lowers_the_bound():
    # the mutant: every layer from the means before the sweep
    dbm, visible = DBM((1, 1, 1)), torch.zeros(1, 1)
    dbm.weights[1].data.fill_(-12)
    layers = [visible, torch.full((1, 1), 0.01), torch.full((1, 1), 0.01)]
    bounds = []
    for _ in range(6):
        bounds.append(dbm.log_bound(layers))
        new = [torch.sigmoid(dbm.layer_input(layers, index)) for index in (1, 2)]
        layers = [visible, *new]
    assert torch.stack(bounds).diff(dim=0).min() < -1


def test_mean_field_ends_at_a_fixed_point():
    dbm, visible = make_dbm((5, 4, 3, 3)), states(5)
    layers = dbm.mean_field(visible, tolerance=1e-10)
    for index in (1, 2, 3):
        close(layers[index], torch.sigmoid(dbm.layer_input(layers, index)), 1e-8)


def test_bound_with_the_second_layer_summed_out_lies_between():
    dbm, visible = make_dbm(), states(8)[::5]
    with torch.no_grad():
        weights = dbm.log_weights(visible, 4000, torch.Generator().manual_seed(0))
        bound = dbm.log_bound(dbm.mean_field(visible)).mean()
        exact = -dbm.free_energy(visible)
    error = weights.std(0).mean() / 4000**0.5 / len(visible) ** 0.5
    assert bound - 4 * error < weights.mean() < exact.mean()
    # and importance weights have the right mean: exp(log p*(v))
    ratio = (weights - exact).exp()
    standard_error = ratio.std(0) / 4000**0.5
    assert float(((ratio.mean(0) - 1) / standard_error).abs().max()) < 4.5


def test_without_the_second_layers_weights_it_is_an_rbm():
    dbm = make_dbm()
    with torch.no_grad():
        dbm.weights[1].zero_()
    rbm = RBM(8, 6, dtype=torch.float64)
    for theirs, ours in zip(
        (rbm.weight, rbm.visible_bias, rbm.hidden_bias),
        (dbm.weights[0], dbm.biases[0], dbm.biases[1]),
        strict=True,
    ):
        theirs.data.copy_(ours.data)
    visible = states(8)
    close(log_likelihood(dbm, visible), log_likelihood(rbm, visible))
    with torch.no_grad():
        means = dbm.mean_field(visible)
    close(means[1], rbm.hidden_mean(visible))
    close(dbm.log_bound(means), -dbm.free_energy(visible))
    for name, ours in (("weight", "weights.0"), ("hidden_bias", "biases.1")):
        close(dbm.data_statistics(visible)[ours], rbm.statistics(visible)[name])


def test_without_couplings_it_is_the_base_rate():
    data = (torch.rand(50, 8, generator=torch.Generator().manual_seed(0)) < 0.3).double()
    base = make_dbm().without_couplings(data)
    expected = torch.distributions.Bernoulli(logits=log_odds(data)).log_prob(states(8)).sum(-1)
    close(log_likelihood(base, states(8)), expected)
    close(base.log_partition_without_couplings(), log_partition(base))
    with pytest.raises(ValueError, match="weights are all zero"):
        make_dbm().log_partition_without_couplings()


@pytest.mark.parametrize("sizes", [(4, 5, 3), (3, 2, 3, 2)])
def test_the_chain_leaves_the_machines_distribution_as_it_is(sizes, goodness_of_fit):
    dbm, generator = make_dbm(sizes), torch.Generator().manual_seed(0)
    odd = states(dbm.state_size)
    probability = dbm.log_unnormalised(odd).softmax(0).detach()
    exact = odd[probability.multinomial(20_000, replacement=True, generator=generator)]
    assert goodness_of_fit(dbm.gibbs_step(exact, generator), probability) > 1e-4
    from_zero = dbm.initial_state(20_000)
    for _ in range(60):
        from_zero = dbm.gibbs_step(from_zero, generator)
    assert goodness_of_fit(from_zero, probability) > 1e-4
    visible = (-dbm.free_energy(states(sizes[0]))).softmax(0).detach()
    assert goodness_of_fit(dbm.sample_visible(from_zero, generator), visible) > 1e-4
    # a planted fault, a second layer that hears only half of the first, is found
    with torch.no_grad():
        dbm.weights[1].mul_(0.5)
    assert goodness_of_fit(dbm.gibbs_step(exact, generator), probability) < 1e-4


def test_ais_finds_log_z():
    dbm = make_dbm()
    estimate = ais(dbm, temperatures=500, chains=200, generator=torch.Generator().manual_seed(0))
    error = abs(float(estimate.log_z) - log_partition(dbm).item())
    assert error < 4 * float(estimate.standard_error)


def test_exact_training_raises_the_likelihood_and_centring_keeps_the_ascent():
    data = states(6)[[0, 7, 7, 56, 56, 63]]
    for estimator in (ExactGradient(), Centred(ExactGradient(), links=LINKS)):
        dbm = DBM((6, 4, 3), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        before = log_likelihood(dbm, data).mean()
        train(dbm, data, estimator, epochs=300, batch_size=6, learning_rate=0.3)
        assert log_likelihood(dbm, data).mean() > before + 1


def test_sampled_training_repeats_with_its_generator():
    results = []
    for _ in range(2):
        generator = torch.Generator().manual_seed(0)
        dbm = make_dbm(sweeps=5)
        for estimator in (
            PersistentContrastiveDivergence(2, chains=10, generator=generator),
            ContrastiveDivergence(1, generator=generator),
        ):
            train(
                dbm,
                states(8)[::9],
                estimator,
                epochs=2,
                batch_size=10,
                learning_rate=0.1,
                generator=torch.Generator().manual_seed(0),
            )
        results.append(torch.cat([p.detach().flatten() for p in dbm.parameters()]))
    assert torch.equal(*results)


# sizes, dtypes, errors


def test_float32_agrees_with_float64():
    wide = make_dbm()
    narrow = make_dbm(dtype=torch.float32)
    narrow.load_state_dict(wide.state_dict())
    visible = states(8)[::3]
    close(narrow.free_energy(visible.float()).double(), wide.free_energy(visible), 1e-4)
    assert narrow.gibbs_step(narrow.initial_state(3)).dtype == torch.float32
    assert all(layer.dtype == torch.float32 for layer in narrow.mean_field(visible.float()))


def test_wrong_arguments_are_named():
    dbm = make_dbm()
    with pytest.raises(ValueError, match=r"two or more hidden layers.*got \[8, 6\]"):
        DBM([8, 6])
    with pytest.raises(ValueError, match="at least 1 unit each"):
        DBM([8, 0, 6])
    with pytest.raises(ValueError, match="weight scale of at least 0 and at least 1 sweep"):
        DBM([8, 6, 4], sweeps=0)
    with pytest.raises(ValueError, match=r"8 visible units.*\(3, 7\)"):
        dbm.mean_field(torch.zeros(3, 7).double())
    with pytest.raises(ValueError, match=r"values from nan"):
        dbm.mean_field(torch.full((3, 8), torch.nan).double())
    with pytest.raises(ValueError, match=r"values from 0.0 to 2.0"):
        dbm.data_statistics(2 * states(8))
    with pytest.raises(TypeError, match=r"visible units of torch.float64, got torch.float32"):
        dbm.free_energy(torch.zeros(3, 8))
    with pytest.raises(ValueError, match=r"6 odd hidden units.*\(3, 10\)"):
        dbm.gibbs_step(torch.zeros(3, 10).double())
    with pytest.raises(ValueError, match="0 to 25 units to enumerate, got 30"):
        DBM((8, 30, 4)).free_energy(torch.zeros(1, 8))


@pytest.mark.parametrize("sizes", SIZES)
def test_the_annealing_path_of_a_deep_machine_is_that_of_any_machine(sizes):
    dbm = make_dbm(sizes)
    base = dbm.without_couplings(states(sizes[0])[3:])
    paths = annealing_path(base, dbm), AnnealingPath(base, dbm)
    assert type(paths[0]) is not type(paths[1])
    start = base.gibbs_step(base.initial_state(50), torch.Generator().manual_seed(0))
    fast, plain = (p.cross(start, 0.3, 0.7, torch.Generator().manual_seed(1)) for p in paths)
    close(fast[0], plain[0])
    assert torch.equal(fast[1], plain[1])
