import pytest
import torch

from deepbook.boltzmann import (
    all_states,
    record_chain,
    run_chain,
)

FLOAT = torch.float64


def exact_visible(rbm):
    with torch.no_grad():
        return rbm.log_unnormalised(all_states(rbm.visible_size, dtype=FLOAT)).softmax(0)


def seeded(number=0):
    return torch.Generator().manual_seed(number)


# chains


def test_a_chain_from_exact_samples_keeps_the_exact_distribution(small_rbm, goodness_of_fit):
    exact, generator = exact_visible(small_rbm), seeded()
    start = torch.multinomial(exact, 20_000, replacement=True, generator=generator)
    state = run_chain(small_rbm, all_states(8, dtype=FLOAT)[start], 5, generator)
    assert goodness_of_fit(state, exact) > 1e-4


def test_a_chain_has_the_exact_distribution_after_burn_in(small_rbm, goodness_of_fit):
    state = run_chain(small_rbm, small_rbm.initial_state(20_000), 30, seeded())
    assert goodness_of_fit(state, exact_visible(small_rbm)) > 1e-4


def test_a_chain_without_burn_in_is_caught(small_rbm, goodness_of_fit):
    state = run_chain(small_rbm, small_rbm.initial_state(20_000), 1, seeded())
    assert goodness_of_fit(state, exact_visible(small_rbm)) < 1e-4


def test_a_planted_bias_of_the_sampler_is_caught(small_rbm, goodness_of_fit):
    exact = exact_visible(small_rbm)
    with torch.no_grad():
        small_rbm.visible_bias[3] += 0.15
    state = run_chain(small_rbm, small_rbm.initial_state(20_000), 30, seeded())
    assert goodness_of_fit(state, exact) < 1e-4


def test_a_sampler_that_updates_both_layers_at_once_is_caught(small_rbm, goodness_of_fit):
    exact, generator = exact_visible(small_rbm), seeded()
    visible = small_rbm.initial_state(20_000)
    hidden = small_rbm.sample_hidden(visible, generator)
    for _ in range(30):
        # the planted error: the visible units answer the hidden ones of the step before
        visible, hidden = (
            small_rbm.sample_visible(hidden, generator),
            small_rbm.sample_hidden(visible, generator),
        )
    # each layer alone would pass: the pair is no longer drawn together
    joint = (-small_rbm.energy(*joint_states())).detach().softmax(0)
    assert goodness_of_fit(torch.cat([visible, hidden], 1), joint) < 1e-4
    assert goodness_of_fit(visible, exact) > 1e-4


def joint_states():
    return all_states(14, dtype=FLOAT).split([8, 6], dim=1)


def test_a_recorded_chain_is_the_chain(small_rbm):
    start = small_rbm.initial_state(7)
    recorded = record_chain(small_rbm, start, 12, seeded(3))
    assert recorded.shape == (12, 7, 8)
    assert torch.equal(recorded[-1], run_chain(small_rbm, start, 12, seeded(3)))
    assert torch.equal(recorded[0], run_chain(small_rbm, start, 1, seeded(3)))
    assert torch.equal(record_chain(small_rbm, start, 14, seeded(3), every=4), recorded[3::4])


def test_no_step_is_no_change(small_rbm):
    start = small_rbm.initial_state(2)
    assert run_chain(small_rbm, start, 0) is start


def test_wrong_numbers_of_steps_are_refused(small_rbm):
    start = small_rbm.initial_state(2)
    with pytest.raises(ValueError, match="at least 0 steps, got -1"):
        run_chain(small_rbm, start, -1)
    for steps, every in [(3, 0), (3, 4), (0, 1)]:
        with pytest.raises(ValueError, match=f"every={every} and steps={steps}"):
            record_chain(small_rbm, start, steps, every=every)
