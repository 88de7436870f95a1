import pytest
import torch

from deepbook.boltzmann import (
    RBM,
    all_states,
    flip_log_ratios,
    log_likelihood,
    pseudo_log_likelihood,
    ratio_matching,
    stochastic_pseudo_log_likelihood,
)


class OtherRBM(RBM):
    """Takes the general way, not the RBM's own."""


def conditionals(rbm):
    """``P(v_i | v_-i)`` from the table of all probabilities, shape (2 ** n, n)."""
    size = rbm.visible_size
    table = log_likelihood(rbm, all_states(size, dtype=rbm.dtype)).exp().reshape([2] * size)
    return torch.stack(
        [(table / table.sum(unit, keepdim=True)).flatten() for unit in range(size)], dim=1
    )


def test_pseudo_log_likelihood_is_the_sum_of_log_conditionals(small_rbm):
    states = all_states(8, dtype=torch.float64)
    torch.testing.assert_close(
        pseudo_log_likelihood(small_rbm, states),
        conditionals(small_rbm).log().sum(1),
        rtol=0,
        atol=1e-10,
    )


def test_ratio_matching_is_the_sum_of_squared_chances_of_the_other_value(small_rbm):
    states = all_states(8, dtype=torch.float64)
    torch.testing.assert_close(
        ratio_matching(small_rbm, states),
        (1 - conditionals(small_rbm)).square().sum(1),
        rtol=0,
        atol=1e-10,
    )


def test_the_rbms_own_way_is_the_general_one_in_value_and_gradient(small_rbm):
    other = OtherRBM(8, 6, dtype=torch.float64)
    other.load_state_dict(small_rbm.state_dict())
    states = all_states(8, dtype=torch.float64)[::5]
    values = [flip_log_ratios(model, states) for model in (small_rbm, other)]
    torch.testing.assert_close(*values, rtol=0, atol=1e-10)
    for value in values:
        value.sigmoid().sum().backward()
    for ours, theirs in zip(small_rbm.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=0, atol=1e-10)


def test_the_stochastic_variant_is_right_on_average(small_rbm):
    state = all_states(8, dtype=torch.float64)[[77]]
    exact = pseudo_log_likelihood(small_rbm, state).detach()
    draws = stochastic_pseudo_log_likelihood(
        small_rbm, state.expand(20_000, 8), torch.Generator().manual_seed(0)
    ).detach()
    assert abs(draws.mean() - exact) < 4 * draws.std() / len(draws) ** 0.5
    assert len(draws.unique()) == 8


@pytest.mark.parametrize("objective", [pseudo_log_likelihood, ratio_matching])
def test_the_objective_is_stationary_where_the_data_are_the_model(small_rbm, objective):
    states = all_states(8, dtype=torch.float64)
    probability = log_likelihood(small_rbm, states).exp().detach()
    (probability @ objective(small_rbm, states)).backward()
    for parameter in small_rbm.parameters():
        assert float(parameter.grad.abs().max()) < 1e-10


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_without_couplings_the_pseudo_likelihood_is_the_likelihood(rbm_of, dtype):
    states = all_states(8, dtype=dtype)
    base = rbm_of(dtype=dtype).without_couplings(states[:99])
    torch.testing.assert_close(pseudo_log_likelihood(base, states), log_likelihood(base, states))


def test_a_generator_makes_the_choice_of_units_repeatable(small_rbm):
    states = all_states(8, dtype=torch.float64)
    one, other = (
        stochastic_pseudo_log_likelihood(small_rbm, states, torch.Generator().manual_seed(1))
        for _ in range(2)
    )
    assert torch.equal(one, other)


@pytest.mark.parametrize(
    "objective", [pseudo_log_likelihood, ratio_matching, stochastic_pseudo_log_likelihood]
)
def test_wrong_arguments_are_named(small_rbm, objective):
    with pytest.raises(ValueError, match="units that are 0 or 1"):
        objective(small_rbm, torch.full((2, 8), 0.5, dtype=torch.float64))
    with pytest.raises(ValueError, match="expected 8 visible units"):
        objective(small_rbm, torch.zeros(2, 7, dtype=torch.float64))

    class Real(RBM):
        binary_state = False

    with pytest.raises(TypeError, match="binary visible units, got Real"):
        objective(Real(8, 6), torch.zeros(2, 8))
