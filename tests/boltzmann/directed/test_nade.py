import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import logsigmoid

from deepbook.boltzmann import NADE, all_states


def draw(visible_size=8, hidden_size=6, seed=0, order=None, dtype=torch.float64):
    """A NADE far from its start, so that nothing is zero."""
    generator = torch.Generator().manual_seed(seed)
    nade = NADE(visible_size, hidden_size, order=order, generator=generator, dtype=dtype)
    with torch.no_grad():
        for parameter in nade.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=dtype))
    return nade


def by_a_loop(nade, visible):
    """One unit after another, as the paper's equations stand."""
    total = torch.zeros(len(visible), dtype=visible.dtype)
    for place, unit in enumerate(nade.order):
        earlier = nade.order[:place]
        hidden = (visible[:, earlier] @ nade.weight[earlier] + nade.hidden_bias).sigmoid()
        logit = hidden @ nade.output_weight[unit] + nade.visible_bias[unit]
        total = total + logsigmoid(torch.where(visible[:, unit] > 0, logit, -logit))
    return total


orders = st.permutations(range(8)).map(torch.tensor)


@given(orders, st.integers(0, 100))
def test_the_probabilities_of_all_states_sum_to_one_in_every_order(order, seed):
    nade = draw(order=order, seed=seed)
    total = nade.log_likelihood(all_states(8, dtype=torch.float64)).logsumexp(0)
    assert abs(total.item()) < 1e-12


@given(orders)
def test_it_is_what_a_loop_over_units_gives(order):
    nade, states = draw(order=order), all_states(8, dtype=torch.float64)
    torch.testing.assert_close(nade.log_likelihood(states), by_a_loop(nade, states))


@pytest.mark.parametrize("size", [1, 15, 16, 17, 40])
def test_more_units_than_a_block_are_no_different(size):
    nade = draw(visible_size=size, order=torch.arange(size).flip(0))
    visible = (torch.rand(20, size, generator=torch.Generator().manual_seed(1)) < 0.5).double()
    torch.testing.assert_close(nade.log_likelihood(visible), by_a_loop(nade, visible))


def test_its_gradient_is_that_of_the_loop():
    nade, states = draw(visible_size=8), all_states(8, dtype=torch.float64)
    for of in (nade.log_likelihood, lambda v: by_a_loop(nade, v)):
        of(states[::7]).sum().backward()
        gradients = [parameter.grad.clone() for parameter in nade.parameters()]
        nade.zero_grad()
        if of == nade.log_likelihood:
            ours = gradients
    assert all(gradient.abs().max() > 0 for gradient in ours)
    torch.testing.assert_close(ours, gradients)


def test_a_later_unit_changes_no_earlier_conditional():
    nade, states = draw(order=torch.randperm(8)), all_states(8, dtype=torch.float64)
    for place in range(8):
        changed = states.clone()
        changed[:, nade.order[place]] = 1 - changed[:, nade.order[place]]
        before = nade.order[: place + 1]
        assert torch.equal(nade.logits(states)[:, before], nade.logits(changed)[:, before])


def test_draws_have_the_probabilities_of_the_model():
    nade = draw(visible_size=4, order=torch.tensor([2, 0, 3, 1]))
    exact = nade.log_likelihood(all_states(4, dtype=torch.float64)).exp()
    sample = nade.sample(20000, torch.Generator().manual_seed(0))
    shares = (sample @ torch.tensor([8.0, 4, 2, 1]).double()).long().bincount(minlength=16) / 20000
    # each share has a standard error of at most .0035
    assert (shares - exact).abs().max() < 4 * 0.0035


def test_what_is_known_stays_and_the_rest_follows_its_conditional():
    nade, generator = draw(visible_size=3), torch.Generator().manual_seed(0)
    nade.order.copy_(torch.tensor([1, 2, 0]))
    start = torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64).expand(20000, 3)
    done = nade.complete(start, 2, generator)
    assert torch.equal(done[:, 1:], start[:, 1:])
    exact = nade.logits(start[:1])[0, 0].sigmoid()
    assert abs(done[:, 0].mean() - exact) < 4 * 0.0035


def test_without_weights_it_is_the_base_rate():
    nade, data = NADE(5, 3, dtype=torch.float64), all_states(5, dtype=torch.float64)[3:20]
    with torch.no_grad():
        nade.output_weight.zero_()
    nade.initialize_biases_(data)
    rate = (data.sum(0) + 0.5) / (len(data) + 1)
    exact = (data * rate.log() + (1 - data) * (1 - rate).log()).sum(1)
    torch.testing.assert_close(nade.log_likelihood(data), exact)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_generator_repeats_weights_and_draws_in_both_precisions(dtype):
    def make():
        generator = torch.Generator().manual_seed(3)
        nade = NADE(8, 6, generator=generator, dtype=dtype)
        return nade, nade.sample(5, generator)

    (first, drawn), (second, again) = make(), make()
    assert torch.equal(first.weight, second.weight)
    assert torch.equal(drawn, again)
    assert drawn.dtype == first.log_likelihood(drawn).dtype == dtype


def test_the_order_is_saved_with_the_weights():
    nade = draw(order=torch.tensor([3, 1, 0, 2, 7, 6, 5, 4]))
    twin = NADE(8, 6, dtype=torch.float64)
    twin.load_state_dict(nade.state_dict())
    states = all_states(8, dtype=torch.float64)
    assert torch.equal(twin.log_likelihood(states), nade.log_likelihood(states))


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (torch.zeros(2, 7).double(), ValueError, "expected 8 visible units"),
        (torch.zeros(2, 8), TypeError, "float64, got torch.float32"),
        (torch.full((2, 8), torch.nan).double(), ValueError, "nan"),
        (torch.full((2, 8), -1.0).double(), ValueError, "-1"),
        (torch.full((2, 8), 0.5).double(), ValueError, "0 or 1, got 16 values between"),
    ],
)
def test_wrong_units_are_refused(wrong, error, message):
    nade = draw()
    for method in (nade.logits, nade.log_likelihood, lambda v: nade.complete(v, 3)):
        with pytest.raises(error, match=message):
            method(wrong)


@pytest.mark.parametrize("order", [[0, 1], [0, 1, 1], [1, 2, 3]])
def test_an_order_that_misses_a_unit_is_refused(order):
    with pytest.raises(ValueError, match="units 0 to 2, each once"):
        NADE(3, 2, order=torch.tensor(order))


def test_sizes_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="got 0 and 3"):
        NADE(0, 3)
    with pytest.raises(ValueError, match="0 to 8 known units, got 9"):
        draw().complete(torch.zeros(1, 8).double(), 9)
