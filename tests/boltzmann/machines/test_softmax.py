import math
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.boltzmann import RBM, all_states, log_partition, model_statistics
from deepbook.boltzmann.machines.softmax import SoftmaxRBM

ITEMS, VALUES, HIDDEN = 4, 3, 5


def machine(items=ITEMS, values=VALUES, hidden=HIDDEN, *, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    rbm = SoftmaxRBM(items, values, hidden, weight_scale=1.0, generator=generator, dtype=dtype)
    with torch.no_grad():
        rbm.visible_bias.normal_(0, 0.5, generator=generator)
        rbm.hidden_bias.normal_(0, 0.5, generator=generator)
    return rbm


def complete_states(rbm, observed=None):
    """All visible states in which the observed items, by default all, have a value."""
    if observed is None:
        observed = torch.ones(rbm.item_count, dtype=torch.bool)
    choices = [range(rbm.value_count) if there else [-1] for there in observed.tolist()]
    return rbm.encode(torch.tensor(list(product(*choices))))


def hidden_states(rbm):
    return all_states(rbm.hidden_size, dtype=rbm.dtype)


RATINGS = torch.tensor([[0, -1, 2, -1], [1, 1, -1, 0], [-1, -1, -1, 2], [2, 0, 1, 2]])


def test_a_missing_item_is_a_row_of_zeros():
    assert machine().encode(RATINGS)[0].tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 1], [0, 0, 0]]


def test_free_energy_is_the_log_sum_over_all_hidden_states():
    rbm = machine()
    visible = rbm.encode(RATINGS)
    by_enumeration = -torch.logsumexp(-rbm.energy(visible[:, None], hidden_states(rbm)), 1)
    torch.testing.assert_close(rbm.free_energy(visible), by_enumeration, rtol=0, atol=1e-10)


@pytest.mark.parametrize("observed", [None, [True, False, True, True], [False, False, True, False]])
def test_hidden_free_energy_is_the_log_sum_over_values_of_observed_items(observed):
    rbm = machine()
    mask = None if observed is None else torch.tensor(observed)
    visible, hidden = complete_states(rbm, mask), hidden_states(rbm)
    by_enumeration = -torch.logsumexp(-rbm.energy(visible[:, None], hidden), 0)
    torch.testing.assert_close(
        rbm.hidden_free_energy(hidden, mask), by_enumeration, rtol=0, atol=1e-10
    )


def test_log_z_is_the_same_over_visible_over_hidden_and_over_both():
    rbm = machine()
    visible, hidden = complete_states(rbm), hidden_states(rbm)
    both = torch.logsumexp(-rbm.energy(visible[:, None], hidden).flatten(), 0)
    over_visible = torch.logsumexp(rbm.log_unnormalised(visible), 0)
    torch.testing.assert_close(over_visible, both, rtol=0, atol=1e-10)
    torch.testing.assert_close(log_partition(rbm), both, rtol=0, atol=1e-10)


def test_conditional_means_are_those_of_the_joint_distribution():
    rbm = machine()
    mask = torch.tensor([True, False, True, True])
    visible, hidden = complete_states(rbm, mask), hidden_states(rbm)
    joint = -rbm.energy(visible[:, None], hidden)
    torch.testing.assert_close(
        rbm.hidden_mean(visible), torch.softmax(joint, 1) @ hidden, rtol=0, atol=1e-10
    )
    expected = torch.einsum("vh,vik->hik", torch.softmax(joint, 0), visible)
    torch.testing.assert_close(rbm.visible_mean(hidden, mask), expected, rtol=0, atol=1e-10)


def test_statistics_are_the_gradient_of_log_unnormalised():
    rbm, weights = machine(), torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    visible = rbm.encode(RATINGS)
    for given_weights, used in ((weights, weights), (None, torch.full((4,), 0.25).double())):
        rbm.zero_grad()
        (used @ rbm.log_unnormalised(visible)).backward()
        for name, statistic in rbm.statistics(visible, given_weights).items():
            torch.testing.assert_close(statistic, rbm.get_parameter(name).grad, rtol=0, atol=1e-10)


def test_the_exact_gradient_is_autograd_of_the_exact_likelihood():
    rbm = machine()
    visible = rbm.encode(torch.tensor([[0, 1, 2, 0], [1, 1, 0, 2]]))
    log_z = torch.logsumexp(rbm.log_unnormalised(complete_states(rbm)), 0)
    (rbm.log_unnormalised(visible).mean() - log_z).backward()
    data_side, model_side = rbm.data_statistics(visible), model_statistics(rbm)
    for name, parameter in rbm.named_parameters():
        torch.testing.assert_close(
            data_side[name] - model_side[name], parameter.grad, rtol=0, atol=1e-10
        )


@given(seed=st.integers(0, 10**6))
def test_two_values_are_a_bernoulli_unit(seed):
    soft = machine(6, 2, 4, seed=seed)
    binary = RBM(6, 4, dtype=torch.float64)
    with torch.no_grad():
        # only differences between the two values matter; the first value's share is common to all
        binary.weight.copy_(soft.weight[:, 1] - soft.weight[:, 0])
        binary.visible_bias.copy_(soft.visible_bias[:, 1] - soft.visible_bias[:, 0])
        binary.hidden_bias.copy_(soft.hidden_bias + soft.weight[:, 0].sum(0))
    bits = all_states(6, dtype=torch.float64)
    rows = soft.encode(bits.long())
    theirs = binary.log_unnormalised(bits) - log_partition(binary)
    ours = soft.log_unnormalised(rows) - log_partition(soft)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)
    torch.testing.assert_close(soft.hidden_mean(rows), binary.hidden_mean(bits), rtol=0, atol=1e-10)


def test_a_missing_item_is_no_item():
    rbm, smaller = machine(), machine(2)
    with torch.no_grad():
        smaller.weight.copy_(rbm.weight[[0, 2]])
        smaller.visible_bias.copy_(rbm.visible_bias[[0, 2]])
        smaller.hidden_bias.copy_(rbm.hidden_bias)
    values = torch.tensor([[0, 2], [1, 0], [2, 2]])
    with_gaps = torch.full((3, 4), -1)
    with_gaps[:, [0, 2]] = values
    torch.testing.assert_close(
        rbm.free_energy(rbm.encode(with_gaps)), smaller.free_energy(smaller.encode(values))
    )


def test_missing_items_stay_missing_along_the_chain():
    rbm = machine()
    state = rbm.encode(RATINGS)
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        state = rbm.gibbs_step(state, generator)
        assert torch.equal(rbm.observed(state), RATINGS >= 0)
        assert set(state.unique().tolist()) <= {0.0, 1.0}


def counts_after_a_step_from_the_exact_start(rbm, observed, count=20_000):
    generator = torch.Generator().manual_seed(0)
    states = complete_states(rbm, observed)
    probability = torch.softmax(rbm.log_unnormalised(states), 0).detach()
    start = states[torch.multinomial(probability, count, replacement=True, generator=generator)]
    after = rbm.gibbs_step(start, generator)
    number = (after[:, None] == states).flatten(2).all(-1).float().argmax(1)
    expected = probability * count
    return (((number.bincount(minlength=len(states)) - expected) ** 2) / expected).sum(), len(
        states
    )


def test_the_chain_keeps_the_exact_distribution_of_the_observed_items():
    statistic, cells = counts_after_a_step_from_the_exact_start(
        machine(3, 3, 2), torch.tensor([True, False, True])
    )
    # chi-square with n degrees of freedom: mean n, deviation sqrt(2 n)
    assert statistic < cells - 1 + 5 * math.sqrt(2 * (cells - 1))


def test_a_chain_that_draws_each_value_too_low_is_found_out():
    class Wrong(SoftmaxRBM):
        def _visible_mean(self, hidden, observed=None):
            return super()._visible_mean(hidden, observed).sqrt()

    wrong = Wrong(3, 3, 2, dtype=torch.float64)
    wrong.load_state_dict(machine(3, 3, 2).state_dict())
    statistic, cells = counts_after_a_step_from_the_exact_start(
        wrong, torch.tensor([True, False, True])
    )
    assert statistic > cells - 1 + 5 * math.sqrt(2 * (cells - 1))


def test_without_couplings_values_have_the_data_s_shares_and_log_z_a_closed_form():
    rbm = machine()
    base = rbm.without_couplings(rbm.encode(RATINGS))
    torch.testing.assert_close(base.log_partition_without_couplings(), log_partition(base))
    shares = torch.softmax(base.visible_bias, -1)
    # item 1: a 1 and a 0, and half a rating more for each of three values
    torch.testing.assert_close(shares[1], torch.tensor([1.5, 1.5, 0.5]).double() / 3.5)
    with pytest.raises(ValueError, match="all zero"):
        rbm.log_partition_without_couplings()


def test_chains_start_where_every_item_is_observed():
    rbm = machine()
    assert bool(rbm.observed(rbm.initial_state(3)).all())


def test_energies_between_two_machines_are_on_the_line_between_theirs():
    rbm = machine()
    base = rbm.without_couplings(rbm.encode(RATINGS))
    visible, hidden = rbm.encode(RATINGS), hidden_states(rbm)[:4]
    torch.testing.assert_close(
        rbm.between(base, 0.3).energy(visible, hidden),
        0.7 * base.energy(visible, hidden) + 0.3 * rbm.energy(visible, hidden),
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_generator_makes_the_chain_repeatable_in_either_dtype(dtype):
    rbm = machine(dtype=dtype)
    visible = rbm.encode(RATINGS)
    first, second = (rbm.gibbs_step(visible, torch.Generator().manual_seed(3)) for _ in range(2))
    assert first.dtype == dtype
    assert torch.equal(first, second)


def changed(place, value):
    visible = machine().encode(RATINGS)
    visible[place] = value
    return visible


@pytest.mark.parametrize(
    ("visible", "error", "message"),
    [
        (torch.zeros(2, 4, 2).double(), ValueError, r"K = 3.*\(2, 4, 2\)"),
        (torch.zeros(2, 5, 3).double(), ValueError, r"4 items.*\(2, 5, 3\)"),
        (machine().encode(RATINGS).float(), TypeError, r"float64, got torch\.float32"),
        (changed((0, 0, 1), math.nan), ValueError, "nan"),
        (changed((0, 0, 1), 1.0), ValueError, "sum to 1, or to 0"),
        (changed((0, 0, 0), 0.3), ValueError, "sum to 1, or to 0"),
        (changed((2, 3), 0.0), ValueError, "at least 1 observed item"),
    ],
)
def test_wrong_visible_units_are_refused(visible, error, message):
    rbm = machine()
    for method in (
        rbm.free_energy,
        rbm.hidden_mean,
        rbm.statistics,
        rbm.gibbs_step,
        lambda v: rbm.predictive(v, 0),
    ):
        with pytest.raises(error, match=message):
            method(visible)


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (torch.tensor([0, 1, 2]), ValueError, "expected 4 items"),
        (torch.tensor([0, 1, 2, 3]), ValueError, "values from 0 to 2"),
        (torch.tensor([0, 1, 2, -2]), ValueError, "values from 0 to 2"),
        (torch.tensor([0.0, 1, 2, 0]), TypeError, "expected integers"),
    ],
)
def test_wrong_values_are_not_encoded(values, error, message):
    with pytest.raises(error, match=message):
        machine().encode(values)


def test_items_and_masks_that_do_not_exist_are_refused():
    rbm = machine()
    with pytest.raises(ValueError, match="items from 0 to 3"):
        rbm.predictive(rbm.encode(RATINGS), 4)
    with pytest.raises(ValueError, match="a bool for each of 4 items"):
        rbm.visible_mean(hidden_states(rbm), torch.ones(3, dtype=torch.bool))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0, 3, 2), "1 item"), ((4, 1, 2), "2 values"), ((4, 3, 0), "1 hidden unit")],
)
def test_impossible_machines_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SoftmaxRBM(*arguments)
