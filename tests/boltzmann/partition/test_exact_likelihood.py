import pytest
import torch

from deepbook.boltzmann import RBM, all_states, log_likelihood, log_partition, model_statistics


@pytest.mark.parametrize(("visible_size", "hidden_size"), [(8, 6), (6, 8), (15, 3), (1, 1)])
def test_log_partition_is_the_same_summed_over_visible_over_hidden_and_over_both(
    rbm_of, visible_size, hidden_size
):
    rbm = rbm_of(visible_size, hidden_size)
    visible = all_states(visible_size, dtype=rbm.dtype)
    hidden = all_states(hidden_size, dtype=rbm.dtype)
    for by_enumeration in (
        torch.logsumexp(-rbm.free_energy(visible), 0),
        torch.logsumexp(-rbm.hidden_free_energy(hidden), 0),
        torch.logsumexp(-rbm.energy(visible[:, None], hidden[None]).flatten(), 0),
    ):
        torch.testing.assert_close(log_partition(rbm), by_enumeration, rtol=0, atol=1e-10)


def test_log_partition_of_many_blocks_is_that_of_independent_machines_added(rbm_of):
    small, other = rbm_of(5, 7, seed=1), rbm_of(12, 8, seed=2)
    both = RBM(17, 15, dtype=torch.float64)  # 2 ** 15 states are 4 blocks
    with torch.no_grad():
        both.weight.copy_(torch.block_diag(small.weight, other.weight))
        both.visible_bias.copy_(torch.cat([small.visible_bias, other.visible_bias]))
        both.hidden_bias.copy_(torch.cat([small.hidden_bias, other.hidden_bias]))
        apart = log_partition(small) + log_partition(other)
        torch.testing.assert_close(log_partition(both), apart, rtol=0, atol=1e-10)


def test_log_partition_without_couplings_is_the_closed_form(small_rbm):
    base = small_rbm.without_couplings(all_states(8, dtype=torch.float64)[:100])
    torch.testing.assert_close(
        log_partition(base), base.log_partition_without_couplings(), rtol=0, atol=1e-10
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_probabilities_add_up_to_one(rbm_of, dtype):
    rbm = rbm_of(dtype=dtype)
    total = log_likelihood(rbm, all_states(8, dtype=dtype)).detach().exp().sum()
    assert total.dtype == dtype
    assert abs(float(total) - 1) < (1e-5 if dtype == torch.float32 else 1e-12)


@pytest.mark.parametrize(("visible_size", "hidden_size"), [(8, 6), (6, 8)])
def test_model_statistics_are_the_mean_of_the_statistics_over_all_states(
    rbm_of, visible_size, hidden_size
):
    rbm = rbm_of(visible_size, hidden_size)
    states = all_states(visible_size, dtype=rbm.dtype)
    weights = log_likelihood(rbm, states).exp().detach()
    expected = rbm.statistics(states, weights)
    with torch.no_grad():  # it needs no leave for its own gradient
        got = model_statistics(rbm)
    assert got.keys() == expected.keys()
    for name in expected:
        torch.testing.assert_close(got[name], expected[name], rtol=0, atol=1e-10)


def test_exact_gradient_vanishes_where_the_data_are_the_model(small_rbm):
    states = all_states(8, dtype=torch.float64)
    probability = log_likelihood(small_rbm, states).exp().detach()
    (probability @ log_likelihood(small_rbm, states)).backward()
    for parameter in small_rbm.parameters():
        assert float(parameter.grad.abs().max()) < 1e-10


def test_a_given_log_z_is_taken(small_rbm):
    visible = all_states(8, dtype=torch.float64)
    torch.testing.assert_close(
        log_likelihood(small_rbm, visible, log_z=3.0), -small_rbm.free_energy(visible) - 3.0
    )


def test_too_many_units_on_both_sides_are_named():
    with pytest.raises(ValueError, match=r"at most 25 binary units.*got 30 and 26"):
        log_partition(RBM(26, 30))


def test_a_machine_whose_state_is_not_binary_is_summed_over_hidden_states_only(rbm_of):
    class Other(RBM):
        binary_state = False

    other = Other(2, 26)
    with pytest.raises(ValueError, match=r"at most 25 binary units.*got 26$"):
        log_partition(other)


def test_a_model_without_free_energy_is_named():
    with pytest.raises(TypeError, match=r"free_energy, got Linear"):
        log_likelihood(torch.nn.Linear(2, 2), torch.zeros(1, 2))
