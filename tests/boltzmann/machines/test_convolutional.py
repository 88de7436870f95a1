import math

import pytest
import torch

from deepbook.boltzmann import all_states, log_partition, model_statistics
from deepbook.boltzmann.machines.convolutional import ConvolutionalRBM


def machine(image_shape=(1, 3, 3), filters=2, size=2, *, pooling=1, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    rbm = ConvolutionalRBM(
        image_shape,
        filters,
        size,
        pooling=pooling,
        weight_scale=1.0,
        generator=generator,
        dtype=dtype,
    )
    with torch.no_grad():
        rbm.visible_bias.normal_(0, 0.5, generator=generator)
        rbm.hidden_bias.normal_(0, 0.5, generator=generator)
    return rbm


def images(rbm, count=None):
    states = all_states(math.prod(rbm.image_shape), dtype=rbm.dtype)
    if count is not None:
        states = states[torch.randperm(len(states), generator=torch.Generator().manual_seed(1))]
    return states[:count].reshape(-1, *rbm.image_shape)


def hidden_states(rbm):
    """All hidden states, and which of them pooling allows."""
    states = all_states(math.prod(rbm.hidden_shape), dtype=rbm.dtype).view(-1, *rbm.hidden_shape)
    blocks = states.unfold(-2, rbm.pooling, rbm.pooling).unfold(-2, rbm.pooling, rbm.pooling)
    return states, (blocks.sum((-2, -1)) <= 1).flatten(1).all(1)


BOTH = pytest.mark.parametrize("pooling", [1, 2])


@pytest.mark.parametrize("shape", [(1, 3, 3), (2, 3, 4), (3, 5, 4)])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_it_is_the_restricted_machine_with_the_big_weight_matrix(shape, size):
    rbm = machine(shape, 2, size)
    big = rbm.as_rbm()
    visible = torch.rand(5, *shape, dtype=torch.float64)
    hidden = torch.rand(5, *rbm.hidden_shape, dtype=torch.float64)
    v, h = visible.flatten(1), hidden.flatten(1)

    def close(ours, theirs):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)

    close(rbm.energy(visible, hidden), big.energy(v, h))
    close(rbm.free_energy(visible), big.free_energy(v))
    close(rbm.hidden_free_energy(hidden), big.hidden_free_energy(h))
    close(rbm.hidden_mean(visible).flatten(1), big.hidden_mean(v))
    close(rbm.visible_mean(hidden).flatten(1), big.visible_mean(h))


def test_the_big_weight_matrix_repeats_the_filter_and_is_zero_elsewhere():
    rbm = machine((1, 3, 3), 1, 2)
    weight = rbm.as_rbm().weight.view(3, 3, 2, 2)  # row, column of pixel; of hidden unit
    for row in range(2):
        for column in range(2):
            seen = torch.zeros(3, 3, dtype=torch.float64)
            seen[row : row + 2, column : column + 2] = rbm.weight[0, 0].detach()
            assert torch.equal(weight[:, :, row, column], seen)


@BOTH
def test_free_energies_are_log_sums_over_all_states_of_the_other_layer(pooling):
    rbm = machine(pooling=pooling)
    visible, (hidden, allowed) = images(rbm), hidden_states(rbm)
    joint = rbm.energy(visible[:, None], hidden)
    assert bool(joint[:, ~allowed].isinf().all())
    torch.testing.assert_close(
        rbm.free_energy(visible), -torch.logsumexp(-joint[:, allowed], 1), rtol=0, atol=1e-10
    )
    torch.testing.assert_close(
        rbm.hidden_free_energy(hidden), -torch.logsumexp(-joint, 0), rtol=0, atol=1e-10
    )


@BOTH
def test_log_z_is_the_same_over_visible_and_over_hidden(pooling):
    rbm = machine(pooling=pooling)
    over_visible = torch.logsumexp(rbm.log_unnormalised(images(rbm)), 0)
    over_hidden = torch.logsumexp(-rbm.hidden_free_energy(hidden_states(rbm)[0]), 0)
    torch.testing.assert_close(over_visible, over_hidden, rtol=0, atol=1e-10)
    torch.testing.assert_close(log_partition(rbm), over_hidden, rtol=0, atol=1e-10)


@BOTH
def test_conditional_means_are_those_of_the_joint_distribution(pooling):
    rbm = machine(pooling=pooling)
    visible, (hidden, allowed) = images(rbm), hidden_states(rbm)
    joint = -rbm.energy(visible[:, None], hidden)
    posterior = torch.einsum("vh,hfyx->vfyx", torch.softmax(joint, 1), hidden)
    torch.testing.assert_close(rbm.hidden_mean(visible), posterior, rtol=0, atol=1e-10)
    likely = torch.einsum("vh,vcyx->hcyx", torch.softmax(joint[:, allowed], 0), visible)
    torch.testing.assert_close(rbm.visible_mean(hidden[allowed]), likely, rtol=0, atol=1e-10)


def test_pooled_units_are_on_where_a_unit_of_the_block_is():
    rbm = machine(pooling=2)
    visible, (hidden, _) = images(rbm, 20), hidden_states(rbm)
    posterior = torch.softmax(-rbm.energy(visible[:, None], hidden), 1)
    on = hidden.unfold(-2, 2, 2).unfold(-2, 2, 2).amax((-2, -1))
    expected = torch.einsum("vh,hfyx->vfyx", posterior, on)
    torch.testing.assert_close(rbm.pooled_mean(visible), expected, rtol=0, atol=1e-10)


@BOTH
@pytest.mark.parametrize("shape", [(1, 3, 3), (2, 3, 5)])
def test_statistics_are_the_gradient_of_log_unnormalised(pooling, shape):
    rbm = machine(shape, pooling=pooling)
    visible = images(rbm, 6) if shape[0] == 1 else torch.rand(6, *shape, dtype=torch.float64)
    weights = torch.softmax(torch.arange(6.0).double(), 0)
    for given_weights, used in (
        (weights, weights),
        (None, torch.full((6,), 1 / 6, dtype=torch.float64)),
    ):
        rbm.zero_grad()
        (used @ rbm.log_unnormalised(visible)).backward()
        for name, statistic in rbm.statistics(visible, given_weights).items():
            torch.testing.assert_close(statistic, rbm.get_parameter(name).grad, rtol=0, atol=1e-10)


@BOTH
def test_the_exact_gradient_is_autograd_of_the_exact_likelihood(pooling):
    rbm = machine(pooling=pooling)
    visible = images(rbm, 10)
    log_z = torch.logsumexp(rbm.log_unnormalised(images(rbm)), 0)
    (rbm.log_unnormalised(visible).mean() - log_z).backward()
    data_side, model_side = rbm.data_statistics(visible), model_statistics(rbm)
    for name, parameter in rbm.named_parameters():
        torch.testing.assert_close(
            data_side[name] - model_side[name], parameter.grad, rtol=0, atol=1e-10
        )


def images_after_a_step_from_the_exact_start(rbm, count=20_000):
    generator = torch.Generator().manual_seed(0)
    states = images(rbm)
    probability = torch.softmax(rbm.log_unnormalised(states), 0).detach()
    start = states[torch.multinomial(probability, count, replacement=True, generator=generator)]
    return rbm.gibbs_step(start, generator).flatten(1), probability


@BOTH
def test_the_chain_keeps_the_exact_distribution(pooling, goodness_of_fit):
    samples, probability = images_after_a_step_from_the_exact_start(machine(pooling=pooling))
    assert goodness_of_fit(samples, probability) > 1e-4


def test_a_chain_that_forgets_the_blocks_is_found_out(goodness_of_fit):
    class Wrong(ConvolutionalRBM):
        def _sample_hidden(self, visible, generator=None):
            uniform = torch.rand(len(visible), *self.hidden_shape, generator=generator)
            return (uniform < self._hidden_mean(visible)).double()

    wrong = Wrong((1, 3, 3), 2, 2, pooling=2, dtype=torch.float64)
    wrong.load_state_dict(machine(pooling=2).state_dict())
    samples, probability = images_after_a_step_from_the_exact_start(wrong)
    assert goodness_of_fit(samples, probability) < 1e-4


@BOTH
def test_at_most_one_unit_of_a_block_is_drawn(pooling):
    rbm = machine((1, 5, 5), pooling=pooling)
    hidden = rbm.sample_hidden(torch.ones(200, 1, 5, 5, dtype=torch.float64))
    assert set(hidden.unique().tolist()) == {0.0, 1.0}
    blocks = hidden.unfold(-2, pooling, pooling).unfold(-2, pooling, pooling).sum((-2, -1))
    assert blocks.max() == 1


@BOTH
def test_without_couplings_pixels_have_the_data_s_share_and_log_z_a_closed_form(pooling):
    rbm = machine((2, 3, 3), pooling=pooling)
    data = torch.zeros(4, 2, 3, 3, dtype=torch.float64)
    data[:, 1, 0] = 1  # a third of the second channel
    base = rbm.without_couplings(data)
    torch.testing.assert_close(base.log_partition_without_couplings(), log_partition(base))
    expected = torch.tensor([0.5 / 36.5, 12.5 / 24.5]).double().log()
    torch.testing.assert_close(base.visible_bias.detach(), expected)
    with pytest.raises(ValueError, match="all zero"):
        rbm.log_partition_without_couplings()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@BOTH
def test_a_generator_makes_the_chain_repeatable_in_either_dtype(dtype, pooling):
    rbm = machine(dtype=dtype, pooling=pooling)
    first, second = (
        rbm.gibbs_step(rbm.initial_state(5), torch.Generator().manual_seed(3)) for _ in range(2)
    )
    assert first.dtype == dtype
    assert torch.equal(first, second)


@pytest.mark.parametrize(
    ("visible", "error", "message"),
    [
        (torch.zeros(2, 3, 3).double(), ValueError, r"\(\.\.\., 1, 3, 3\), got \(2, 3, 3\)"),
        (torch.zeros(2, 1, 3, 3), TypeError, "float64"),
        (torch.full((2, 1, 3, 3), 1.1).double(), ValueError, r"\[0, 1\]"),
        (torch.full((2, 1, 3, 3), math.nan).double(), ValueError, "nan"),
    ],
)
def test_wrong_visible_units_are_refused(visible, error, message):
    for method in ("free_energy", "hidden_mean", "pooled_mean", "statistics", "gibbs_step"):
        with pytest.raises(error, match=message):
            getattr(machine(), method)(visible)


def test_hidden_units_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"hidden units of shape \(\.\.\., 2, 2, 2\)"):
        machine().visible_mean(torch.zeros(2, 3, 3).double())


def test_a_machine_with_pooling_is_no_rbm():
    with pytest.raises(ValueError, match="without pooling, got blocks of 2"):
        machine(pooling=2).as_rbm()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((1, 3, 3), 0, 2), "at least 1 channel, 1 filter"),
        (((1, 3, 3), 2, 4), "at least 4 x 4"),
        (((0, 3, 3), 2, 2), "at least 1 channel"),
    ],
)
def test_impossible_machines_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConvolutionalRBM(*arguments)


def test_blocks_must_tile_the_hidden_layer():
    with pytest.raises(ValueError, match="divides 2 x 2"):
        ConvolutionalRBM((1, 3, 3), 2, 2, pooling=3)


def test_blocks_of_states_that_pooling_forbids_add_nothing_to_log_z_or_its_gradient():
    # 16 units in one block: of the 2 ** 16 states that are summed in parts, 17 are allowed
    rbm = machine((1, 7, 7), filters=1, size=4, pooling=4)
    allowed = torch.cat([torch.zeros(1, 16), torch.eye(16)]).to(rbm.dtype).view(17, 1, 4, 4)
    expected = torch.logsumexp(-rbm.hidden_free_energy(allowed), 0)
    torch.testing.assert_close(log_partition(rbm), expected)
    gradients = torch.autograd.grad(expected, [rbm.weight, rbm.visible_bias, rbm.hidden_bias])
    found = model_statistics(rbm)
    for name, gradient in zip(("weight", "visible_bias", "hidden_bias"), gradients, strict=True):
        torch.testing.assert_close(found[name], gradient)
