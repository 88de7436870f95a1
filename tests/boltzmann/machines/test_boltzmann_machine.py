import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.boltzmann import (
    RBM,
    BoltzmannMachine,
    all_states,
    log_likelihood,
    log_partition,
    model_statistics,
)
from deepbook.units import log_odds

FLOAT = torch.float64


def close(actual, expected, atol=1e-10):
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


# energy and distribution


def test_energy_is_the_sum_over_units_and_pairs(energies, machine):
    states = all_states(machine.size, dtype=FLOAT)
    close(machine.energy(states).detach(), energies(machine), 1e-12)
    close(machine.log_unnormalised(states).detach(), -energies(machine), 1e-12)


def test_couplings_are_symmetric_with_zero_diagonal(machine):
    weight = machine.weight_matrix()
    assert torch.equal(weight, weight.T)
    assert not weight.diagonal().any()
    first, second = machine.pairs
    assert torch.equal(weight[first, second], machine.weight)


def test_distribution_is_the_softmax_of_minus_the_energy(energies, machine):
    exact = (-energies(machine)).softmax(0)
    close(machine.distribution(), exact, 1e-14)
    visible = exact.reshape(2**machine.visible_size, 2**machine.hidden_size).sum(1)
    close(machine.visible_distribution(), visible, 1e-14)


def test_log_partition_is_the_log_sum_over_all_states(energies, machine):
    close(log_partition(machine).detach(), torch.logsumexp(-energies(machine), 0))


def test_probabilities_of_visible_states_add_up_to_one(machine):
    visible = all_states(machine.visible_size, dtype=FLOAT)
    log_p = log_likelihood(machine, visible).detach()
    close(log_p.exp(), machine.visible_distribution())
    assert math.isclose(log_p.exp().sum(), 1, abs_tol=1e-10)


def test_without_couplings_inside_the_layers_it_is_the_restricted_machine(small_rbm):
    machine = BoltzmannMachine(8, 6, weight_scale=0.0, dtype=FLOAT)
    first, second = machine.pairs
    with torch.no_grad():
        across = (first < 8) & (second >= 8)
        machine.weight[across] = small_rbm.weight[first[across], second[across] - 8]
        machine.visible_bias.copy_(small_rbm.visible_bias)
        machine.hidden_bias.copy_(small_rbm.hidden_bias)
        visible = all_states(8, dtype=FLOAT)
        close(machine.free_energy(visible), small_rbm.free_energy(visible))
        close(log_partition(machine), log_partition(small_rbm))


# the learning rule


@pytest.mark.parametrize("weighted", [False, True])
def test_difference_of_correlations_is_autograd_of_the_exact_likelihood(machine, weighted):
    generator = torch.Generator().manual_seed(0)
    data = torch.randint(2, (7, machine.visible_size), generator=generator).to(FLOAT)
    weights = torch.rand(7, dtype=FLOAT, generator=generator).softmax(0) if weighted else None
    log_p = log_likelihood(machine, data)
    mean = log_p @ weights if weighted else log_p.mean()
    names, parameters = zip(*machine.named_parameters(), strict=True)
    by_autograd = dict(zip(names, torch.autograd.grad(mean, parameters), strict=True))
    states = all_states(machine.size, dtype=FLOAT)
    model = machine.statistics(states, machine.distribution())
    for name, positive in machine.data_statistics(data, weights).items():
        close(positive - model[name], by_autograd[name])


def test_the_two_correlations_are_those_of_pairs_of_units(machine):
    states = all_states(machine.size, dtype=FLOAT)
    p = machine.distribution()
    statistics = machine.statistics(states, p)
    for pair, (i, j) in enumerate(machine.pairs.T.tolist()):
        close(statistics["weight"][pair], (p * states[:, i] * states[:, j]).sum(), 1e-12)
    means = torch.cat([statistics["visible_bias"], statistics["hidden_bias"]])
    close(means, p @ states, 1e-12)


def test_statistics_have_the_shapes_of_the_parameters(machine):
    for statistics in (machine.statistics(machine.initial_state(3)), model_statistics(machine)):
        shapes = {name: value.shape for name, value in statistics.items()}
        assert shapes == {name: value.shape for name, value in machine.named_parameters()}


@given(seed=st.integers(0, 10**6), visible=st.integers(1, 4), hidden=st.integers(0, 4))
def test_learning_stands_still_when_the_data_follow_the_model(make_machine, seed, visible, hidden):
    machine = make_machine(visible, hidden, seed=seed)
    states = all_states(visible, dtype=FLOAT)
    positive = machine.data_statistics(states, machine.visible_distribution())
    negative = machine.statistics(all_states(machine.size, dtype=FLOAT), machine.distribution())
    for name, value in positive.items():
        close(value, negative[name])


# sampling


def after_many_sweeps(machine, step, steps, chains=20_000):
    generator = torch.Generator().manual_seed(0)
    state = machine.initial_state(chains)
    for _ in range(steps):
        state = step(state, generator)
    return state


def test_sweeps_converge_to_the_exact_distribution(make_machine, goodness_of_fit):
    machine = make_machine()
    state = after_many_sweeps(machine, machine.gibbs_step, 30)
    assert goodness_of_fit(state, machine.distribution()) > 1e-4


def test_updates_of_random_units_converge_to_the_exact_distribution(make_machine, goodness_of_fit):
    machine = make_machine(4, 2)
    state = after_many_sweeps(machine, machine.random_scan_step, 120)
    assert goodness_of_fit(state, machine.distribution()) > 1e-4


def test_an_update_changes_one_unit_at_most_and_all_have_their_turn(make_machine):
    machine = make_machine()
    before = machine.initial_state(2000)
    changed = machine.random_scan_step(before, torch.Generator().manual_seed(0)) != before
    assert changed.sum(1).max() == 1
    assert changed.any(0).all()


def test_clamped_units_stay_and_the_others_follow_their_conditional(make_machine, goodness_of_fit):
    machine = make_machine()
    visible = torch.tensor([1.0, 0, 0, 1, 1], dtype=FLOAT)
    state = machine.chain_from_data(
        visible.expand(20_000, 5), torch.Generator().manual_seed(0), steps=20
    )
    assert (state[:, :5] == visible).all()
    place = int((visible * 2 ** torch.arange(4, -1, -1)).sum())
    exact = machine.distribution().reshape(32, 16)[place]
    assert goodness_of_fit(state[:, 5:], exact / exact.sum()) > 1e-4


def test_hidden_samples_are_the_hidden_part_of_the_chain(make_machine):
    machine = make_machine()
    visible = torch.ones(6, 5, dtype=FLOAT)
    hidden = machine.sample_hidden(visible, torch.Generator().manual_seed(0))
    state = machine.chain_from_data(visible, torch.Generator().manual_seed(0))
    assert hidden.shape == (6, 4)
    assert torch.equal(hidden, state[:, 5:])


def test_a_sweep_leaves_its_argument_alone_and_repeats_with_its_generator(make_machine):
    machine = make_machine()
    start = machine.initial_state(50)
    first, second = (machine.gibbs_step(start, torch.Generator().manual_seed(2)) for _ in range(2))
    assert torch.equal(first, second)
    assert not start.any()
    assert first.any()


# machines on the way


def test_without_couplings_it_is_the_base_rate(machine):
    data = torch.ones(3, machine.visible_size, dtype=FLOAT)
    base = machine.without_couplings(data)
    assert torch.equal(base.visible_bias, log_odds(data))
    assert not base.weight.any()
    assert not base.hidden_bias.any()
    close(base.log_partition_without_couplings(), log_partition(base).detach())
    expected = machine.visible_size * math.log(3.5 / 4)
    close(log_likelihood(base, data[:1]).detach(), torch.tensor([expected], dtype=FLOAT))
    assert not machine.without_couplings().visible_bias.any()


def test_log_partition_without_couplings_refuses_couplings(make_machine):
    with pytest.raises(ValueError, match="weights are all zero"):
        make_machine().log_partition_without_couplings()


@pytest.mark.parametrize("beta", [0.0, 0.4, 1.0])
def test_between_mixes_the_energies(make_machine, energies, beta):
    machine, base = make_machine(), make_machine(seed=1)
    expected = (1 - beta) * energies(base) + beta * energies(machine)
    close(energies(machine.between(base, beta)), expected, 1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_results_have_the_dtype_of_the_parameters(make_machine, dtype):
    machine = make_machine(3, 2, dtype=dtype)
    visible = all_states(3, dtype=dtype)
    results = [
        machine.weight_matrix(),
        machine.distribution(),
        machine.free_energy(visible),
        machine.chain_from_data(visible),
        machine.random_scan_step(machine.initial_state(3)),
        *machine.data_statistics(visible).values(),
    ]
    assert {result.dtype for result in results} == {dtype}


# errors


@pytest.mark.parametrize("method", ["energy", "gibbs_step", "random_scan_step", "statistics"])
def test_methods_on_all_units_refuse_wrong_states(make_machine, method):
    call = getattr(make_machine(), method)
    good = torch.zeros(2, 9, dtype=FLOAT)
    call(good)
    with pytest.raises(ValueError, match="expected 9 visible and hidden units"):
        call(good[:, :5])
    with pytest.raises(TypeError, match=r"of torch\.float64, got torch\.float32"):
        call(good.float())
    for wrong in (-0.5, 2.0, math.nan):
        with pytest.raises(ValueError, match=r"in \[0, 1\]"):
            call(torch.full_like(good, wrong))


@pytest.mark.parametrize(
    "method", ["free_energy", "sample_hidden", "data_statistics", "without_couplings"]
)
def test_methods_on_visible_units_refuse_wrong_ones(make_machine, method):
    call = getattr(make_machine(), method)
    good = torch.zeros(2, 5, dtype=FLOAT)
    call(good)
    with pytest.raises(ValueError, match="expected 5 visible units"):
        call(torch.zeros(2, 9, dtype=FLOAT))
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        call(torch.full_like(good, math.nan))


@pytest.mark.parametrize("sizes", [(0, 3), (3, -1)])
def test_a_machine_needs_a_visible_unit_and_no_negative_number_of_hidden_ones(sizes):
    with pytest.raises(ValueError, match=f"got {sizes[0]} and {sizes[1]}"):
        BoltzmannMachine(*sizes)


def test_a_weight_scale_below_zero_is_refused():
    with pytest.raises(ValueError, match="weight scale of at least 0"):
        BoltzmannMachine(3, weight_scale=-1)


def test_a_checkpoint_holds_the_parameters_and_nothing_else(make_machine, energies):
    machine = make_machine()
    assert list(machine.state_dict()) == ["weight", "visible_bias", "hidden_bias"]
    copy = BoltzmannMachine(5, 4, dtype=FLOAT)
    copy.load_state_dict(machine.state_dict())
    close(energies(copy), energies(machine), 0)


def test_it_has_no_more_parameters_than_the_restricted_machine_plus_lateral_couplings():
    general, restricted = BoltzmannMachine(8, 6), RBM(8, 6)
    count = lambda model: sum(parameter.numel() for parameter in model.parameters())
    assert count(general) - count(restricted) == 8 * 7 / 2 + 6 * 5 / 2
