import pytest
import torch

from deepbook.boltzmann import (
    BoltzmannMachine,
    all_states,
    detailed_balance_error,
    gibbs_transition_matrix,
    joint_transition_matrix,
    second_eigenvalue,
    stationarity_error,
    stationary_distribution,
    visible_transition_matrix,
)

FLOAT = torch.float64


def exact_visible(rbm):
    with torch.no_grad():
        return rbm.log_unnormalised(all_states(rbm.visible_size, dtype=FLOAT)).softmax(0)


def exact_joint(rbm):
    states = all_states(rbm.visible_size + rbm.hidden_size, dtype=FLOAT)
    visible, hidden = states.split([rbm.visible_size, rbm.hidden_size], 1)
    with torch.no_grad():
        return (-rbm.energy(visible, hidden)).softmax(0)


def machine_of(visible_size=4, hidden_size=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    machine = BoltzmannMachine(
        visible_size, hidden_size, weight_scale=1.0, generator=generator, dtype=FLOAT
    )
    with torch.no_grad():
        machine.visible_bias.normal_(0, 0.5, generator=generator)
    return machine


def row_of_a_chain(step, state, size, draws=40_000):
    return step(state.expand(draws, size).clone(), torch.Generator().manual_seed(0))


# the visible chain


def test_the_visible_chain_has_detailed_balance_and_leaves_the_model_as_it_is(small_rbm):
    matrix, exact = visible_transition_matrix(small_rbm), exact_visible(small_rbm)
    torch.testing.assert_close(matrix.sum(1), torch.ones(256, dtype=FLOAT), rtol=0, atol=1e-12)
    assert matrix.min() > 0
    assert detailed_balance_error(matrix, exact) < 1e-12
    assert stationarity_error(matrix, exact) < 1e-12
    torch.testing.assert_close(stationary_distribution(matrix), exact, rtol=0, atol=1e-12)


def test_the_visible_matrix_is_the_sum_over_hidden_states(rbm_of):
    rbm = rbm_of(4, 3)
    matrix, joint = visible_transition_matrix(rbm), exact_joint(rbm).reshape(16, 8)
    for i, j in [(0, 0), (3, 12), (15, 7)]:
        total = sum(
            joint[i, h] / joint[i].sum() * joint[j, h] / joint[:, h].sum() for h in range(8)
        )
        torch.testing.assert_close(matrix[i, j], total, rtol=0, atol=1e-14)


def test_a_row_of_the_visible_matrix_is_what_a_gibbs_step_draws(small_rbm, goodness_of_fit):
    start = all_states(8, dtype=FLOAT)[77]
    drawn = row_of_a_chain(small_rbm.gibbs_step, start, 8)
    matrix = visible_transition_matrix(small_rbm)
    assert goodness_of_fit(drawn, matrix[77]) > 1e-4
    assert goodness_of_fit(drawn, matrix[78]) < 1e-4


def test_a_matrix_with_a_planted_bias_fails(small_rbm):
    exact = exact_visible(small_rbm)
    with torch.no_grad():
        small_rbm.visible_bias[0] += 1e-6
    matrix = visible_transition_matrix(small_rbm)
    assert stationarity_error(matrix, exact) > 1e-12
    assert detailed_balance_error(matrix, exact) > 1e-12


# the joint alternating sweep


def test_the_joint_sweep_leaves_the_model_as_it_is_but_has_no_detailed_balance(rbm_of):
    rbm = rbm_of(5, 4)
    matrix, exact = joint_transition_matrix(rbm), exact_joint(rbm)
    torch.testing.assert_close(matrix.sum(1), torch.ones(512, dtype=FLOAT), rtol=0, atol=1e-12)
    assert stationarity_error(matrix, exact) < 1e-12
    torch.testing.assert_close(stationary_distribution(matrix), exact, rtol=0, atol=1e-12)
    assert detailed_balance_error(matrix, exact) > 1e-4


def test_seen_from_the_visible_units_the_joint_sweep_is_the_visible_chain(rbm_of):
    rbm = rbm_of(5, 4)
    joint, visible = joint_transition_matrix(rbm), visible_transition_matrix(rbm)
    seen = joint.reshape(32, 16, 32, 16).sum(3)
    # wherever the hidden units were
    expected = visible[:, None].expand(32, 16, 32)
    torch.testing.assert_close(seen, expected, rtol=0, atol=1e-14)
    torch.testing.assert_close(
        second_eigenvalue(joint), second_eigenvalue(visible), rtol=0, atol=1e-9
    )


# the general machine


@pytest.mark.parametrize("random_scan", [False, True])
def test_gibbs_leaves_the_machine_as_it_is(random_scan):
    machine = machine_of()
    matrix, exact = (
        gibbs_transition_matrix(machine, random_scan=random_scan),
        machine.distribution(),
    )
    torch.testing.assert_close(matrix.sum(1), torch.ones(64, dtype=FLOAT), rtol=0, atol=1e-12)
    assert stationarity_error(matrix, exact) < 1e-12
    torch.testing.assert_close(stationary_distribution(matrix), exact, rtol=0, atol=1e-12)


def test_random_updates_have_detailed_balance_and_sweeps_in_a_fixed_order_have_not():
    machine = machine_of()
    exact = machine.distribution()
    random = gibbs_transition_matrix(machine, random_scan=True)
    assert detailed_balance_error(random, exact) < 1e-12
    assert detailed_balance_error(gibbs_transition_matrix(machine), exact) > 1e-4


@pytest.mark.parametrize("random_scan", [False, True])
def test_a_row_of_the_gibbs_matrix_is_what_a_step_draws(random_scan, goodness_of_fit):
    machine = machine_of()
    step = machine.random_scan_step if random_scan else machine.gibbs_step
    drawn = row_of_a_chain(step, all_states(6, dtype=FLOAT)[41], 6)
    matrix = gibbs_transition_matrix(machine, random_scan=random_scan)
    # states that are out of reach are never drawn, and no part of the test
    codes = (drawn.long() * 2 ** torch.arange(5, -1, -1)).sum(1)
    assert (matrix[41, codes] > 0).all()
    assert goodness_of_fit(drawn, matrix[41]) > 1e-4
    assert goodness_of_fit(drawn, matrix[42]) < 1e-4


# errors


@pytest.mark.parametrize("sizes", [(13, 2), (2, 13)])
def test_too_many_units_for_a_visible_matrix_are_refused(rbm_of, sizes):
    with pytest.raises(ValueError, match=r"at most 12 units.*got 13"):
        visible_transition_matrix(rbm_of(*sizes))


def test_too_many_units_for_a_joint_matrix_are_refused(small_rbm):
    with pytest.raises(ValueError, match=r"at most 12 units.*got 14"):
        joint_transition_matrix(small_rbm)
    with pytest.raises(ValueError, match=r"at most 12 units.*got 13"):
        gibbs_transition_matrix(machine_of(13, 0))
