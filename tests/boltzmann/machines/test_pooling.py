import pytest
import torch

from deepbook.boltzmann.energy.states import all_states
from deepbook.boltzmann.machines.pooling import (
    from_blocks,
    log_one_plus_sum,
    one_way_draws,
    one_way_means,
    to_blocks,
)

INPUTS = torch.randn(3, 2, 4, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("side", [1, 2])
def test_blocks_are_squares_of_neighbours_and_go_back_to_their_places(side):
    blocks = to_blocks(INPUTS, side)
    assert blocks.shape == (3, 2, 4 // side, 6 // side, side**2)
    square = INPUTS[1, 0, 2 : 2 + side, 2 : 2 + side]
    assert torch.equal(blocks[1, 0, 2 // side, 2 // side], square.flatten())
    assert torch.equal(from_blocks(blocks, side), INPUTS)


def test_means_are_those_of_a_block_with_one_unit_on_or_none():
    inputs = INPUTS[:1, :1, :2, :2]
    states = all_states(4, dtype=torch.float64)
    states = states[states.sum(1) <= 1]
    weights = torch.softmax(states @ inputs.flatten(), 0)
    torch.testing.assert_close(one_way_means(inputs, 2).flatten(), weights @ states)
    total = torch.logsumexp(states @ inputs.flatten(), 0)
    torch.testing.assert_close(log_one_plus_sum(inputs.flatten()), total)


def test_without_pooling_each_unit_is_by_itself():
    torch.testing.assert_close(one_way_means(INPUTS, 1), torch.sigmoid(INPUTS))


def test_draws_have_the_means_and_one_unit_of_a_block_on_at_most():
    means = one_way_means(INPUTS[:1, :1], 2).expand(20_000, 1, 4, 6)
    drawn = one_way_draws(means, 2, torch.Generator().manual_seed(1))
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    assert to_blocks(drawn, 2).sum(-1).max() == 1
    error = (means[0] * (1 - means[0]) / 20_000).sqrt()
    assert bool(((drawn.mean(0) - means[0]).abs() < 5 * error).all())
