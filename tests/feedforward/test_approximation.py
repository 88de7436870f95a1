import math

import pytest
import torch

from deepbook.feedforward.approximation import bump_network, sawtooth

float64 = {"dtype": torch.float64}


def wave(x):
    return torch.sin(6 * x) + x


def largest_error(width, **options):
    x = torch.linspace(0, 1, 5001, **float64)
    network = bump_network(wave, width, **options, **float64)
    return (network(x[:, None])[:, 0] - wave(x)).abs().max().item()


def test_a_step_network_has_the_height_of_the_middle_of_each_cell():
    network = bump_network(wave, 9, activation="step", interval=(-1.0, 3.0), **float64)
    edges = torch.linspace(-1, 3, 11, **float64)
    middle = (edges[1:] + edges[:-1]) / 2
    for x in (middle, edges[:-1] + 1e-9, edges[1:] - 1e-9):
        torch.testing.assert_close(network(x[:, None])[:, 0], wave(middle), rtol=0, atol=1e-13)


def test_a_relu_network_passes_through_the_knots_and_is_straight_between_them():
    network = bump_network(wave, 7, interval=(-1.0, 3.0), **float64)
    knots = torch.linspace(-1, 3, 8, **float64)
    halfway = (knots[1:] + knots[:-1]) / 2
    values = wave(knots)
    torch.testing.assert_close(network(knots[:, None])[:, 0], values, rtol=0, atol=1e-12)
    torch.testing.assert_close(
        network(halfway[:, None])[:, 0], (values[1:] + values[:-1]) / 2, rtol=0, atol=1e-12
    )


def test_a_steep_sigmoid_network_is_the_step_network_away_from_the_edges():
    x = (torch.arange(0, 20, **float64) + 0.5)[:, None] / 2000
    soft, hard = (
        bump_network(wave, 19, activation=name, steepness=200.0, interval=(0.0, 0.01), **float64)(x)
        for name in ("sigmoid", "step")
    )
    torch.testing.assert_close(soft, hard, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("activation", "order"), [("step", 1), ("sigmoid", 1), ("relu", 2)])
def test_the_error_falls_like_a_power_of_the_width(activation, order):
    coarse, fine = (largest_error(width, activation=activation) for width in (50, 200))
    assert math.log(coarse / fine, 4) == pytest.approx(order, abs=0.06)


def test_the_width_is_the_number_of_hidden_units():
    for activation in ("step", "sigmoid", "relu"):
        network = bump_network(wave, 13, activation=activation)
        assert network[0].out_features == network[2].in_features == 13


@pytest.mark.parametrize("depth", [1, 2, 3, 7])
def test_the_sawtooth_is_the_tent_map_composed_with_itself(depth):
    x = torch.linspace(0, 1, 1001, **float64)
    wanted = x
    for _ in range(depth):
        wanted = 1 - (2 * wanted - 1).abs()
    network = sawtooth(depth, **float64)
    torch.testing.assert_close(network(x[:, None])[:, 0], wanted, rtol=0, atol=1e-12)
    assert sum(layer.out_features for layer in network[:-1:2]) == 2 * depth


def test_one_hidden_layer_copies_the_sawtooth_with_as_many_units_as_it_has_pieces():
    deep = sawtooth(6, **float64)
    shallow = bump_network(lambda x: deep(x[:, None])[:, 0], 2**6, **float64)
    x = torch.linspace(0, 1, 777, **float64)[:, None]
    torch.testing.assert_close(shallow(x), deep(x), rtol=0, atol=1e-10)


def test_weights_set_by_hand_use_no_random_numbers_and_can_be_trained():
    torch.manual_seed(0)
    first = torch.rand(1)
    torch.manual_seed(0)
    networks = [bump_network(wave, 5), sawtooth(3)]
    assert torch.rand(1) == first
    for network in networks:
        assert all(p.requires_grad and p.dtype == torch.float32 for p in network.parameters())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "gelu"}, r"expected one of \['step', 'sigmoid', 'relu'\], .*'gelu'"),
        ({"width": 0}, "at least 1 hidden unit, got width 0"),
        ({"interval": (1.0, 1.0)}, r"low < high, got \(1.0, 1.0\)"),
        ({"steepness": 0.0}, "positive steepness, got 0.0"),
        ({"function": torch.sum}, r"keeps the shape \(4,\), got \(\)"),
    ],
)
def test_a_bump_network_says_what_it_expected(options, message):
    with pytest.raises(ValueError, match=message):
        bump_network(**{"function": wave, "width": 3} | options)


@pytest.mark.parametrize("depth", [0, 53])
def test_a_sawtooth_says_which_depths_there_are(depth):
    with pytest.raises(ValueError, match=f"from 1 to 52, got {depth}"):
        sawtooth(depth)
