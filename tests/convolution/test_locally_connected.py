import itertools

import pytest
import torch
from torch import nn

from deepbook.convolution import Conv2d, LocallyConnected2d, TiledConv2d


def seeded(n):
    return torch.Generator().manual_seed(n)


def in_loops(x, weight_of, out_channels, kernel, output, stride=(1, 1), dilation=(1, 1)):
    """Outputs by their definition, with ``weight_of(o, h, w)`` at each place."""
    out = x.new_zeros(len(x), out_channels, *output)
    for n, o, h, w in itertools.product(*map(range, out.shape)):
        for c, kh, kw in itertools.product(range(x.shape[1]), *map(range, kernel)):
            seen = x[n, c, h * stride[0] + kh * dilation[0], w * stride[1] + kw * dilation[1]]
            out[n, o, h, w] += seen * weight_of(o, h, w)[c, kh, kw]
    return out


def test_a_convolution_is_torchs_with_the_same_weights(draw):
    ours = Conv2d(4, 6, (3, 2), stride=2, padding=1, groups=2, generator=seeded(0)).double()
    theirs = nn.Conv2d(4, 6, (3, 2), stride=2, padding=1, groups=2).double()
    theirs.load_state_dict(ours.state_dict())
    x = draw(2, 4, 7, 6)
    torch.testing.assert_close(ours(x), theirs(x))
    assert Conv2d(1, 1, 3, bias=False)(torch.ones(1, 1, 3, 3)).shape == (1, 1, 1, 1)


def test_initial_weights_are_spread_as_torchs():
    ours, theirs = Conv2d(8, 64, 5, generator=seeded(0)), nn.Conv2d(8, 64, 5)
    bound = (8 * 25) ** -0.5
    for tensor in (ours.weight, theirs.weight):
        assert float(tensor.detach().abs().max()) == pytest.approx(bound, rel=0.01)
        assert float(tensor.detach().std()) == pytest.approx(bound / 3**0.5, rel=0.02)
    assert float(ours.bias.detach().abs().max()) <= bound
    again = Conv2d(8, 64, 5, generator=seeded(0))
    assert torch.equal(ours.weight, again.weight)
    torch.manual_seed(3)
    assert torch.equal(Conv2d(1, 2, 3).weight, Conv2d(1, 2, 3, generator=seeded(3)).weight)


def test_unshared_weights_in_loops(draw):
    options = {"stride": (1, 2), "dilation": (2, 1)}
    layer = LocallyConnected2d(2, 3, (5, 6), (2, 3), **options, generator=seeded(0)).double()
    x = draw(2, 2, 5, 6)
    assert layer.weight.shape == (3, 3, 2, 2, 2, 3)
    weight_of = lambda o, h, w: layer.weight[o, h, w]
    loops = in_loops(x, weight_of, 3, (2, 3), (3, 2), (1, 2), (2, 1))
    torch.testing.assert_close(layer(x), loops + layer.bias)


def test_tiles_take_turns_in_loops(draw):
    layer = TiledConv2d(2, 3, 2, (2, 3), bias=True, generator=seeded(0)).double()
    x = draw(2, 2, 4, 6)
    weight_of = lambda o, h, w: layer.weight[o, h % 2, w % 3]
    loops = in_loops(x, weight_of, 3, (2, 2), (3, 5))
    bias = layer.bias.repeat(1, 2, 2)[:, :3, :5]
    torch.testing.assert_close(layer(x), loops + bias)


@pytest.mark.parametrize("tile", [1, 2, (3, 2)])
@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": "same"}, {"padding": 1}])
def test_with_all_tiles_equal_it_is_a_convolution(draw, tile, options):
    conv = Conv2d(2, 3, 3, **options, generator=seeded(1)).double()
    tiled = TiledConv2d(2, 3, 3, tile, **options).double()
    local = LocallyConnected2d(2, 3, (6, 7), 3, **options).double()
    with torch.no_grad():
        for layer in (tiled, local):
            layer.weight.copy_(conv.weight[:, None, None].expand_as(layer.weight))
            layer.bias.copy_(conv.bias[:, None, None].expand_as(layer.bias))
    x = draw(2, 2, 6, 7)
    torch.testing.assert_close(tiled(x), conv(x))
    torch.testing.assert_close(local(x), conv(x))


def test_a_tile_as_large_as_the_output_is_locally_connected(draw):
    local = LocallyConnected2d(2, 3, (5, 6), 3, padding=1, generator=seeded(1)).double()
    tiled = TiledConv2d(2, 3, 3, (5, 6), padding=1, generator=seeded(1)).double()
    x = draw(2, 2, 5, 6)
    assert torch.equal(local.weight, tiled.weight)
    torch.testing.assert_close(local(x), tiled(x))


def test_a_shift_by_the_tile_shifts_tiled_outputs_and_others_do_not(draw):
    layer = TiledConv2d(1, 2, 3, 2, padding="circular", generator=seeded(0)).double()
    x = draw(1, 1, 6, 6)
    by_two = layer(x.roll(2, 2))
    torch.testing.assert_close(by_two, layer(x).roll(2, 2))
    assert not torch.allclose(layer(x.roll(1, 2)), layer(x).roll(1, 2))


def test_gradients_and_many_networks_at_once(draw):
    for layer in (
        LocallyConnected2d(1, 2, 4, 3, generator=seeded(0)).double(),
        TiledConv2d(1, 2, 3, 2, generator=seeded(0)).double(),
    ):
        x = draw(2, 1, 4, 4).requires_grad_()
        assert torch.autograd.gradcheck(layer, x)
        stacked = {name: torch.stack([p, 2 * p]) for name, p in layer.named_parameters()}
        call = lambda weights: torch.func.functional_call(layer, weights, (x,))  # noqa: B023
        torch.testing.assert_close(torch.vmap(call)(stacked)[1], 2 * layer(x))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conv2d(3, 2, 3, groups=2), "groups that divide 3 input and 2 output"),
        (lambda: Conv2d(2, 2, (3, 3, 3)), "one number or 2 kernel sizes"),
        (lambda: Conv2d(1, 0, 3), r"sizes of at least 1, got \(0, 1, 3, 3\)"),
        (lambda: LocallyConnected2d(1, 1, 2, 3), "at least 3 with its padding, got 2"),
        (lambda: TiledConv2d(1, 1, 3, 0), "a tile of at least 1, got 0"),
        (lambda: TiledConv2d(2, 1, 3, 2)(torch.ones(1, 3, 4, 4)), r"\(N, 2, H, W\), got \(1, 3"),
        (lambda: LocallyConnected2d(2, 1, 4, 3)(torch.ones(2, 4, 4)), r"got \(2, 4, 4\)"),
        (lambda: LocallyConnected2d(2, 1, 4, 3)(torch.ones(1, 2, 5, 4)), r"\(\.\.\., \(4, 4\)\)"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
