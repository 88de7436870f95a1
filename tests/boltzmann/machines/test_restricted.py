import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import softplus

from deepbook.boltzmann import RBM, all_states, log_likelihood, log_partition
from deepbook.units import log_odds

FLOAT = torch.float64
VISIBLE, HIDDEN = all_states(8, dtype=FLOAT), all_states(6, dtype=FLOAT)


def joint_energy(rbm):
    """E(v, h) by its definition, one unit at a time, for all pairs of states."""
    energy = torch.zeros(len(VISIBLE), len(HIDDEN), dtype=FLOAT)
    with torch.no_grad():
        for i, b in enumerate(rbm.visible_bias):
            energy -= b * VISIBLE[:, i, None]
        for j, c in enumerate(rbm.hidden_bias):
            energy -= c * HIDDEN[:, j]
        for i in range(8):
            for j in range(6):
                energy -= rbm.weight[i, j] * VISIBLE[:, i, None] * HIDDEN[:, j]
    return energy


def joint_distribution(rbm):
    return (-joint_energy(rbm)).flatten().softmax(0).reshape(len(VISIBLE), len(HIDDEN))


def close(actual, expected, atol=1e-10):
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


# energy and free energies


def test_energy_is_the_sum_over_units_and_pairs(small_rbm):
    close(small_rbm.energy(VISIBLE[:, None], HIDDEN).detach(), joint_energy(small_rbm), 1e-12)


def test_free_energy_is_the_log_sum_over_all_hidden_states(small_rbm):
    by_enumeration = -torch.logsumexp(-joint_energy(small_rbm), dim=1)
    close(small_rbm.free_energy(VISIBLE).detach(), by_enumeration)


def test_hidden_free_energy_is_the_log_sum_over_all_visible_states(small_rbm):
    by_enumeration = -torch.logsumexp(-joint_energy(small_rbm), dim=0)
    close(small_rbm.hidden_free_energy(HIDDEN).detach(), by_enumeration)


def test_log_partition_is_the_same_over_visible_over_hidden_and_over_both(small_rbm):
    over_both = torch.logsumexp(-joint_energy(small_rbm).flatten(), 0)
    with torch.no_grad():
        over_visible = torch.logsumexp(small_rbm.log_unnormalised(VISIBLE), 0)
        over_hidden = torch.logsumexp(-small_rbm.hidden_free_energy(HIDDEN), 0)
    close(over_visible, over_both)
    close(over_hidden, over_both)
    close(log_partition(small_rbm).detach(), over_both)


def test_energies_take_any_batch_dimensions(small_rbm):
    visible, hidden = VISIBLE.reshape(2, 128, 8), HIDDEN[:2, None]
    with torch.no_grad():
        assert small_rbm.free_energy(visible).shape == (2, 128)
        assert small_rbm.hidden_free_energy(HIDDEN[0]).shape == ()
        close(
            small_rbm.energy(visible, hidden)[1, 3],
            small_rbm.energy(VISIBLE[131], HIDDEN[1]),
            1e-12,
        )


# conditionals and draws


def test_conditional_means_are_those_of_the_joint_distribution(small_rbm):
    joint = joint_distribution(small_rbm)
    hidden_mean = joint @ HIDDEN / joint.sum(1, keepdim=True)
    visible_mean = joint.T @ VISIBLE / joint.sum(0)[:, None]
    with torch.no_grad():
        close(small_rbm.hidden_mean(VISIBLE), hidden_mean)
        close(small_rbm.visible_mean(HIDDEN), visible_mean)


def test_hidden_units_are_drawn_from_their_conditional(small_rbm, goodness_of_fit):
    row = joint_distribution(small_rbm)[37]
    generator = torch.Generator().manual_seed(0)
    drawn = small_rbm.sample_hidden(VISIBLE[37].expand(20_000, 8), generator)
    assert goodness_of_fit(drawn, row / row.sum()) > 1e-4
    other = joint_distribution(small_rbm)[38]
    assert goodness_of_fit(drawn, other / other.sum()) < 1e-4


def test_visible_units_are_drawn_from_their_conditional(small_rbm, goodness_of_fit):
    column = joint_distribution(small_rbm)[:, 11]
    generator = torch.Generator().manual_seed(0)
    drawn = small_rbm.sample_visible(HIDDEN[11].expand(20_000, 6), generator)
    assert goodness_of_fit(drawn, column / column.sum()) > 1e-4


def test_draws_repeat_with_their_generator_and_with_the_global_seed(small_rbm):
    chains = [small_rbm.gibbs_step(VISIBLE, torch.Generator().manual_seed(5)) for _ in range(2)]
    assert torch.equal(*chains)
    seeded = []
    for _ in range(2):
        torch.manual_seed(5)
        seeded.append(small_rbm.gibbs_step(VISIBLE))
    assert torch.equal(*seeded)


def test_a_gibbs_step_leaves_the_exact_distribution_as_it_is(small_rbm, goodness_of_fit):
    exact = joint_distribution(small_rbm).sum(1)
    generator = torch.Generator().manual_seed(1)
    start = VISIBLE[torch.multinomial(exact, 30_000, replacement=True, generator=generator)]
    assert goodness_of_fit(small_rbm.gibbs_step(start, generator), exact) > 1e-4


def test_draws_and_their_means_carry_no_gradient(small_rbm):
    assert not small_rbm.gibbs_step(VISIBLE).requires_grad
    assert not any(value.requires_grad for value in small_rbm.statistics(VISIBLE).values())


# the gradient


@pytest.mark.parametrize("weighted", [False, True])
def test_exact_gradient_is_autograd_of_the_exact_likelihood(small_rbm, weighted):
    generator = torch.Generator().manual_seed(0)
    data = VISIBLE[torch.randint(256, (20,), generator=generator)]
    weights = torch.rand(20, dtype=FLOAT, generator=generator).softmax(0) if weighted else None
    mean = log_likelihood(small_rbm, data) @ (
        torch.full((20,), 0.05, dtype=FLOAT) if weights is None else weights
    )
    names, parameters = zip(*small_rbm.named_parameters(), strict=True)
    by_autograd = dict(zip(names, torch.autograd.grad(mean, parameters), strict=True))
    model = small_rbm.statistics(VISIBLE, joint_distribution(small_rbm).sum(1))
    for name, positive in small_rbm.data_statistics(data, weights).items():
        close(positive - model[name], by_autograd[name])


def test_statistics_are_the_gradient_of_the_unnormalised_log_probability(small_rbm):
    names, parameters = zip(*small_rbm.named_parameters(), strict=True)
    gradients = torch.autograd.grad(small_rbm.log_unnormalised(VISIBLE).mean(), parameters)
    statistics = small_rbm.statistics(VISIBLE)
    assert list(statistics) == list(names)
    for name, gradient in zip(names, gradients, strict=True):
        close(statistics[name], gradient, 1e-12)


def test_weights_that_are_all_equal_change_nothing(small_rbm):
    equal = small_rbm.statistics(VISIBLE, torch.full((256,), 1 / 256, dtype=FLOAT))
    for name, value in small_rbm.statistics(VISIBLE).items():
        close(equal[name], value, 1e-14)


# limits


def test_without_weights_the_likelihood_is_the_base_rate(rbm_of):
    data = VISIBLE[::7]
    base = rbm_of().without_couplings(data)
    rate = (data.sum(0) + 0.5) / (len(data) + 1)
    expected = data @ rate.log() + (1 - data) @ (-rate).log1p()
    close(log_likelihood(base, data).detach(), expected)


def test_two_independent_rbms_add_their_log_partition_functions(rbm_of):
    one, other = rbm_of(4, 3, seed=1), rbm_of(5, 2, seed=2)
    both = RBM(9, 5, dtype=FLOAT)
    with torch.no_grad():
        both.weight.copy_(torch.block_diag(one.weight, other.weight))
        both.visible_bias.copy_(torch.cat([one.visible_bias, other.visible_bias]))
        both.hidden_bias.copy_(torch.cat([one.hidden_bias, other.hidden_bias]))
        close(log_partition(both), log_partition(one) + log_partition(other))


@given(seed=st.integers(0, 1000), visible=st.integers(1, 6), hidden=st.integers(1, 6))
def test_flipping_a_hidden_unit_with_its_parameters_changes_no_probability(seed, visible, hidden):
    generator = torch.Generator().manual_seed(seed)
    rbm = RBM(visible, hidden, weight_scale=1.0, generator=generator, dtype=FLOAT)
    states = all_states(visible, dtype=FLOAT)
    before = log_likelihood(rbm, states).detach()
    with torch.no_grad():
        # h -> 1 - h: the unit's weights move into the visible biases
        rbm.visible_bias += rbm.weight[:, 0]
        rbm.weight[:, 0] *= -1
        rbm.hidden_bias[0] *= -1
    close(log_likelihood(rbm, states).detach(), before)
    assert math.isclose(before.exp().sum(), 1, abs_tol=1e-10)


@given(seed=st.integers(0, 1000))
def test_the_order_of_hidden_units_does_not_matter(seed):
    generator = torch.Generator().manual_seed(seed)
    rbm = RBM(5, 4, weight_scale=1.0, generator=generator, dtype=FLOAT)
    states = all_states(5, dtype=FLOAT)
    before = rbm.free_energy(states).detach()
    order = torch.randperm(4, generator=generator)
    with torch.no_grad():
        rbm.weight.copy_(rbm.weight[:, order])
        rbm.hidden_bias.copy_(rbm.hidden_bias[order])
    close(rbm.free_energy(states).detach(), before)


def test_very_large_weights_give_finite_energies(rbm_of):
    rbm = rbm_of(dtype=torch.float32)
    with torch.no_grad():
        rbm.weight *= 1e4
        assert rbm.free_energy(VISIBLE.float()).isfinite().all()
        assert rbm.hidden_mean(VISIBLE.float()).isfinite().all()


# machines on the way


def test_log_partition_without_couplings_is_the_sum_over_all_states(small_rbm):
    base = small_rbm.without_couplings(VISIBLE[::7])
    with torch.no_grad():
        base.hidden_bias.normal_()
    close(
        base.log_partition_without_couplings(),
        torch.logsumexp(-joint_energy(base).flatten(), 0),
    )


def test_log_partition_without_couplings_refuses_couplings(small_rbm):
    with pytest.raises(ValueError, match="weights are all zero"):
        small_rbm.log_partition_without_couplings()


def test_without_couplings_keeps_shape_and_dtype_and_takes_base_rates(rbm_of):
    rbm = rbm_of(5, 3, dtype=torch.float32)
    data = torch.tensor([[1.0, 0, 0, 1, 1], [1, 0, 1, 1, 0]])
    base = rbm.without_couplings(data)
    assert base.dtype == torch.float32
    assert not base.weight.any()
    assert not base.hidden_bias.any()
    assert torch.equal(base.visible_bias, log_odds(data))
    assert not rbm.without_couplings().visible_bias.any()
    assert rbm.weight.any()


def test_one_step_without_couplings_is_an_exact_draw_from_anywhere(small_rbm, goodness_of_fit):
    base = small_rbm.without_couplings(VISIBLE[::7])
    exact = joint_distribution(base).sum(1)
    generator = torch.Generator().manual_seed(0)
    drawn = base.gibbs_step(base.initial_state(20_000), generator)
    assert goodness_of_fit(drawn, exact) > 1e-4


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_between_is_the_geometric_average_of_the_joint_distributions(small_rbm, rbm_of, beta):
    base = rbm_of(seed=4)
    between = small_rbm.between(base, beta)
    average = (1 - beta) * joint_energy(base) + beta * joint_energy(small_rbm)
    close(joint_energy(between), average, 1e-12)


def test_between_leaves_both_ends_alone(small_rbm, rbm_of):
    base = rbm_of(seed=4)
    ends = [model.weight.detach().clone() for model in (small_rbm, base)]
    with torch.no_grad():
        small_rbm.between(base, 0.5).weight.zero_()
    assert torch.equal(small_rbm.weight, ends[0])
    assert torch.equal(base.weight, ends[1])


@pytest.mark.parametrize("beta", [-0.1, 1.1, math.nan])
def test_between_refuses_a_beta_that_is_not_between(small_rbm, beta):
    with pytest.raises(ValueError, match="expected beta between 0 and 1"):
        small_rbm.between(small_rbm, beta)


# initialization


def test_initial_weights_have_the_scale_that_is_asked_for_and_repeat():
    machines = [
        RBM(200, 100, weight_scale=0.3, generator=torch.Generator().manual_seed(1))
        for _ in range(2)
    ]
    assert torch.equal(machines[0].weight, machines[1].weight)
    assert machines[0].weight.std().item() == pytest.approx(0.3, rel=0.02)
    assert not machines[0].visible_bias.any()
    assert not machines[0].hidden_bias.any()


def test_chains_start_at_zero_and_cd_chains_at_the_data(small_rbm):
    start = small_rbm.initial_state(3)
    assert start.dtype == FLOAT
    assert torch.equal(start, torch.zeros(3, 8, dtype=FLOAT))
    assert torch.equal(small_rbm.chain_from_data(VISIBLE), VISIBLE)


def test_initial_biases_give_the_base_rates_of_the_data(rbm_of):
    rbm = rbm_of().without_couplings()
    data = VISIBLE[:200]
    rbm.initialize_biases_(data)
    expected = (data.sum(0) + 0.5) / 201
    close(rbm.visible_mean(HIDDEN[0]).detach(), expected)


@given(count=st.integers(1, 50), on=st.integers(0, 50))
def test_log_odds_are_finite_and_odd_in_on_and_off(count, on):
    on = min(on, count)
    data = (torch.arange(count) < on).double()[:, None]
    odds = log_odds(data)
    assert odds.isfinite().all()
    close(odds, -log_odds(1 - data), 1e-12)


def test_log_odds_of_no_data_are_refused():
    with pytest.raises(ValueError, match="at least 1 example, got none"):
        log_odds(torch.zeros(0, 4))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_results_have_the_dtype_of_the_parameters(rbm_of, dtype):
    rbm = rbm_of(4, 3, dtype=dtype)
    visible, hidden = all_states(4, dtype=dtype), all_states(3, dtype=dtype)
    assert rbm.dtype == dtype
    results = [
        rbm.energy(visible[:8], hidden),
        rbm.free_energy(visible),
        rbm.hidden_free_energy(hidden),
        rbm.hidden_mean(visible),
        rbm.gibbs_step(visible),
        *rbm.statistics(visible).values(),
    ]
    assert {result.dtype for result in results} == {dtype}


def test_float32_free_energies_agree_with_float64(small_rbm):
    single = RBM(8, 6, dtype=torch.float32)
    single.load_state_dict(small_rbm.state_dict())
    close(
        single.free_energy(VISIBLE.float()).detach(),
        small_rbm.free_energy(VISIBLE).float().detach(),
        1e-5,
    )


def test_values_between_zero_and_one_are_allowed(small_rbm):
    half = torch.full((8,), 0.5, dtype=FLOAT)
    field = small_rbm.weight.sum(0) / 2 + small_rbm.hidden_bias
    expected = -small_rbm.visible_bias.sum() / 2 - softplus(field).sum()
    close(small_rbm.free_energy(half), expected)


# errors


def test_free_energy_names_the_size_it_expected(small_rbm):
    with pytest.raises(ValueError, match=r"expected 8 visible units.*got shape \(3, 7\)"):
        small_rbm.free_energy(torch.zeros(3, 7, dtype=FLOAT))


VISIBLE_METHODS = ["free_energy", "hidden_mean", "sample_hidden", "gibbs_step", "statistics"]
HIDDEN_METHODS = ["hidden_free_energy", "visible_mean", "sample_visible"]


@pytest.mark.parametrize("method", VISIBLE_METHODS + HIDDEN_METHODS)
def test_every_method_refuses_wrong_units(small_rbm, method):
    size = 8 if method in VISIBLE_METHODS else 6
    call = getattr(small_rbm, method)
    good = torch.zeros(2, size, dtype=FLOAT)
    call(good)
    with pytest.raises(ValueError, match=f"expected {size} "):
        call(torch.zeros(2, size + 1, dtype=FLOAT))
    with pytest.raises(TypeError, match=r"of torch\.float64, got torch\.float32"):
        call(good.float())
    for wrong in (-0.1, 1.1, math.nan, math.inf):
        bad = good.clone()
        bad[1, 2] = wrong
        with pytest.raises(ValueError, match=r"in \[0, 1\]"):
            call(bad)


def test_energy_refuses_wrong_hidden_units(small_rbm):
    with pytest.raises(ValueError, match="expected 6 hidden units"):
        small_rbm.energy(VISIBLE[0], VISIBLE[0])


@pytest.mark.parametrize("sizes", [(0, 3), (3, 0), (-1, 2)])
def test_a_machine_needs_a_unit_in_each_layer(sizes):
    with pytest.raises(ValueError, match=f"got {sizes[0]} and {sizes[1]}"):
        RBM(*sizes)


@pytest.mark.parametrize("scale", [-1.0, math.nan])
def test_a_weight_scale_below_zero_is_refused(scale):
    with pytest.raises(ValueError, match="weight scale of at least 0"):
        RBM(2, 2, weight_scale=scale)
