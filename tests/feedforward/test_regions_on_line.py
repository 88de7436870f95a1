import itertools

import pytest
import torch
from torch import nn

from deepbook.feedforward import linear_pieces
from deepbook.feedforward.approximation import bump_network, sawtooth

float64 = {"dtype": torch.float64}


def random_network(*sizes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    modules = []
    for inputs, outputs in itertools.pairwise(sizes):
        layer = nn.Linear(inputs, outputs, **float64)
        for p in layer.parameters():
            nn.init.normal_(p, std=(2 / inputs) ** 0.5, generator=generator)
        modules += [layer, nn.ReLU()]
    return nn.Sequential(*modules[:-1])


@pytest.mark.parametrize("sizes", [(1, 20, 1), (1, 8, 8, 8, 2), (1, 3, 30, 3, 1)])
@pytest.mark.parametrize("seed", range(5))
def test_each_piece_is_the_network_and_each_breakpoint_a_bend(sizes, seed):
    network = random_network(*sizes, seed=seed)
    pieces = linear_pieces(network, -3.0, 3.0)
    t = pieces.breakpoints
    assert t[0] == 0
    assert t[-1] == 1
    assert (t.diff() > 0).all()
    for share in (0.0, 0.01, 0.5, 1.0):
        inside = t[:-1] + share * t.diff()
        wanted = network((6 * inside - 3)[:, None])
        given = pieces.slopes * inside[:, None] + pieces.intercepts
        torch.testing.assert_close(given, wanted, rtol=0, atol=1e-10)
    assert (pieces.slopes.diff(dim=0).abs().amax(1) > 1e-8).all()


def test_the_breakpoints_of_one_hidden_layer_are_the_zeros_of_its_units():
    network = random_network(1, 30, 1)
    zeros = -network[0].bias / network[0].weight[:, 0]
    inside = zeros[zeros.abs() < 2].sort().values
    pieces = linear_pieces(network, -2.0, 2.0)
    torch.testing.assert_close(4 * pieces.breakpoints[1:-1] - 2, inside, rtol=0, atol=1e-12)


@pytest.mark.parametrize("depth", [1, 2, 5, 12])
def test_a_sawtooth_has_exactly_two_to_the_depth_pieces_of_one_length(depth):
    pieces = linear_pieces(sawtooth(depth), 0.0, 1.0)
    assert len(pieces) == 2**depth
    torch.testing.assert_close(
        pieces.breakpoints, torch.arange(2**depth + 1, **float64) / 2**depth, rtol=0, atol=1e-12
    )
    assert (pieces.slopes.abs() == 2**depth).all()


def test_a_network_of_one_hidden_layer_has_at_most_one_piece_more_than_units():
    counts = [len(linear_pieces(random_network(1, 10, 1, seed=s), -50.0, 50.0)) for s in range(20)]
    assert max(counts) == 11


def test_bends_that_cancel_or_are_switched_off_are_no_bends():
    straight = bump_network(lambda x: 2 * x, 10, **float64)
    assert len(linear_pieces(straight, 0.0, 1.0)) == 1
    network = random_network(1, 10, 10, 1)
    with torch.no_grad():
        network[2].bias.fill_(-1e3)  # the second layer never fires
    assert len(linear_pieces(network, -1.0, 1.0)) == 1


def test_a_unit_that_bends_at_two_places_of_the_second_layer_is_cut_at_both():
    # |x| - 1/2 from the first layer, then its positive part: flat between -1/2 and 1/2
    network = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1), nn.ReLU())
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[1.0], [-1.0]]))
        network[0].bias.zero_()
        network[2].weight.fill_(1.0)
        network[2].bias.fill_(-0.5)
    pieces = linear_pieces(network, -1.0, 1.0)
    assert pieces.breakpoints.tolist() == [0, 0.25, 0.75, 1]
    assert pieces.slopes[:, 0].tolist() == [-2, 0, 2]


def test_along_a_segment_between_two_points_of_many_inputs_the_pieces_are_the_network():
    network = random_network(5, 12, 12, 3)
    start, end = torch.randn(2, 5, **float64, generator=torch.Generator().manual_seed(1))
    pieces = linear_pieces(network, start, end)
    middle = (pieces.breakpoints[1:] + pieces.breakpoints[:-1])[:, None] / 2
    torch.testing.assert_close(
        pieces.slopes * middle + pieces.intercepts,
        network(start + middle * (end - start)),
        rtol=0,
        atol=1e-12,
    )
    assert len(pieces) > 5


def test_a_network_and_points_that_do_not_fit_are_named():
    network = random_network(2, 3, 1)
    with pytest.raises(TypeError, match=r"nn.Linear and nn.ReLU only, got Tanh"):
        linear_pieces(nn.Sequential(nn.Linear(1, 2), nn.Tanh()), 0.0, 1.0)
    with pytest.raises(ValueError, match=r"points of shape \(2,\), got \(1,\)"):
        linear_pieces(network, 0.0, 1.0)
