import pytest
import torch

from deepbook.boltzmann import (
    RBM,
    BoltzmannMachine,
    ParallelTempering,
    all_states,
    run_chain,
    second_eigenvalue,
    visible_transition_matrix,
)

FLOAT = torch.float64

BETAS = (0.0, 0.25, 0.5, 0.75, 1.0)


def exact_visible(rbm):
    with torch.no_grad():
        return rbm.log_unnormalised(all_states(rbm.visible_size, dtype=FLOAT)).softmax(0)


def seeded(number=0):
    return torch.Generator().manual_seed(number)


def two_modes(gap=24.0):
    """Nearly all units on or nearly all off, as often; a Gibbs chain hardly ever changes over."""
    rbm = RBM(8, 1, dtype=FLOAT)
    with torch.no_grad():
        rbm.weight.fill_(gap / 4)
        rbm.visible_bias.fill_(-gap / 8)
        rbm.hidden_bias.fill_(-gap)
    return rbm


# parallel tempering


def test_at_temperature_one_tempering_has_the_exact_distribution(small_rbm, goodness_of_fit):
    tempering = ParallelTempering(small_rbm, BETAS, 10_000)
    state = tempering.run(15, seeded())
    assert state.shape == (10_000, 8)
    assert goodness_of_fit(state, exact_visible(small_rbm)) > 1e-4


def test_every_level_has_its_own_exact_distribution(small_rbm, goodness_of_fit):
    base = small_rbm.without_couplings(all_states(8, dtype=FLOAT)[::7])
    tempering = ParallelTempering(small_rbm, BETAS, 10_000, base=base)
    tempering.run(15, seeded())
    for beta, states in zip(BETAS, tempering.states, strict=True):
        exact = exact_visible(small_rbm.between(base, beta))
        assert goodness_of_fit(states, exact) > 1e-4, beta


def test_tempering_finds_the_mode_that_a_chain_does_not_reach(goodness_of_fit):
    rbm = two_modes()
    exact = exact_visible(rbm)
    assert second_eigenvalue(visible_transition_matrix(rbm)) > 0.999
    alone = run_chain(rbm, rbm.initial_state(2000), 30, seeded())
    assert (alone.mean(1) > 0.5).double().mean() < 0.05
    assert goodness_of_fit(alone, exact) < 1e-4
    tempered = ParallelTempering(rbm, BETAS, 2000).run(30, seeded())
    assert goodness_of_fit(tempered, exact) > 1e-4


def test_states_that_walk_between_the_levels_keep_the_joint_distribution(goodness_of_fit):
    # two steps from an exact start: what a wrong swap spoils has no time to heal
    rbm = two_modes(12)
    base, generator = rbm.without_couplings(), seeded(1)
    tempering = ParallelTempering(rbm, BETAS, 20_000, base=base)
    for level, beta in enumerate(BETAS):
        exact = exact_visible(rbm.between(base, beta))
        start = torch.multinomial(exact, 20_000, replacement=True, generator=generator)
        tempering.states[level] = all_states(8, dtype=FLOAT)[start]
    tempering.run(2, generator)
    assert goodness_of_fit(tempering.states[-1], exact_visible(rbm)) > 1e-4


class AlwaysSwap(ParallelTempering):
    """The planted error: every offer is accepted."""

    def _swap(self, lower, generator):
        self.states[[lower, lower + 1]] = self.states[[lower + 1, lower]]


def test_swaps_without_the_metropolis_step_are_caught(small_rbm, goodness_of_fit):
    state = AlwaysSwap(small_rbm, BETAS, 10_000).run(15, seeded())
    assert goodness_of_fit(state, exact_visible(small_rbm)) < 1e-4


def test_equal_machines_always_swap_and_far_ones_rarely():
    rbm = two_modes(80)
    equal = ParallelTempering(rbm, [0.5, 1.0], 500, base=rbm)
    equal.run(3, seeded())
    assert equal.swap_rates.tolist() == [1.0]
    assert equal.offered.tolist() == [1500]
    far = ParallelTempering(rbm, [0.0, 1.0], 500)
    assert far.swap_rates.isnan().all()
    far.run(3, seeded())
    assert far.swap_rates.item() < 0.1


def test_walkers_tell_where_each_state_came_from(small_rbm):
    tempering = ParallelTempering(small_rbm, BETAS, 50)
    before = tempering.states.clone()
    tempering.run(20, seeded())
    # each level holds one of the states, and none is lost
    assert torch.equal(tempering.walkers.sort(0).values[:, 0], torch.arange(5))
    assert (tempering.walkers.sort(0).values == torch.arange(5)[:, None]).all()
    assert (tempering.walkers[-1] != 4).any()
    assert not torch.equal(before, tempering.states)


def test_a_model_that_was_trained_meanwhile_is_sampled_as_it_is_now(
    small_rbm, rbm_of, goodness_of_fit
):
    tempering = ParallelTempering(small_rbm, BETAS, 10_000)
    tempering.run(2, seeded())
    small_rbm.load_state_dict(rbm_of(seed=5).state_dict())
    state = tempering.run(20, seeded(1))
    assert goodness_of_fit(state, exact_visible(small_rbm)) > 1e-4


def test_tempering_goes_on_from_its_checkpoint_as_if_never_interrupted(small_rbm):
    whole, generator = ParallelTempering(small_rbm, BETAS, 20), seeded()
    whole.run(5, generator)
    saved, numbers = whole.state_dict(), generator.get_state()
    expected = whole.run(5, generator)
    resumed = ParallelTempering(small_rbm, BETAS, 20)
    resumed.load_state_dict(saved)
    again = resumed.run(5, torch.Generator().set_state(numbers))
    assert torch.equal(again, expected)
    assert torch.equal(resumed.swap_rates, whole.swap_rates)
    with pytest.raises(ValueError, match=r"states of shape \(5, 3, 8\), got \(5, 20, 8\)"):
        ParallelTempering(small_rbm, BETAS, 3).load_state_dict(saved)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tempering_runs_any_machine_in_either_precision(dtype):
    machine = BoltzmannMachine(3, 2, weight_scale=1.0, generator=seeded(), dtype=dtype)
    state = ParallelTempering(machine, [0, 0.5, 1], 4).run(3, seeded())
    assert state.shape == (4, 5)
    assert state.dtype == dtype


@pytest.mark.parametrize(
    "betas", [[1.0], [0.0, 0.5], [0.0, 0.5, 0.5, 1.0], [-0.1, 1.0], [1.0, 0.0], [0.0, 1.0, 1.1]]
)
def test_betas_that_do_not_rise_to_one_are_refused(small_rbm, betas):
    with pytest.raises(ValueError, match="at least 2 betas"):
        ParallelTempering(small_rbm, betas, 5)


def test_tempering_without_chains_or_with_negative_steps_is_refused(small_rbm):
    with pytest.raises(ValueError, match="at least 1 chain, got 0"):
        ParallelTempering(small_rbm, BETAS, 0)
    with pytest.raises(ValueError, match="at least 0 steps, got -2"):
        ParallelTempering(small_rbm, BETAS, 1).run(-2)
