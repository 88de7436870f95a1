import pytest
import torch
from torch.nn import functional as F

from deepbook.convolution import (
    DepthwiseSeparableConv2d,
    channel_shuffle,
    depthwise_conv2d,
    depthwise_conv2d_loops,
    pointwise_conv2d,
)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_loops_that_read_like_the_formula_agree():
    x, weight = draw(2, 3, 5, 6), draw(3, 3, 2, seed=1)
    ours = depthwise_conv2d(x, weight)
    torch.testing.assert_close(ours, torch.stack([depthwise_conv2d_loops(e, weight) for e in x]))


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1)])
def test_each_channel_is_convolved_by_itself(stride, padding):
    x, weight = draw(2, 4, 7, 7), draw(4, 3, 3, seed=1)
    ours = depthwise_conv2d(x, weight, stride=stride, padding=padding)
    for c in range(4):
        alone = F.conv2d(x[:, c : c + 1], weight[c][None, None], stride=stride, padding=padding)
        torch.testing.assert_close(ours[:, c : c + 1], alone)


def test_eight_channels_have_72_depthwise_weights_and_stay_apart():
    layer = DepthwiseSeparableConv2d(8, 5, 3, padding=1).double()
    assert layer.depthwise.weight.numel() == 72
    x = draw(1, 8, 6, 6)
    before = layer.depthwise(x)
    for j in range(8):
        other = x.clone()
        other[:, j] += 1
        changed = (layer.depthwise(other) - before).abs().flatten(2).amax(2)[0] > 1e-12
        assert changed.nonzero().flatten().tolist() == [j]


def test_a_pointwise_convolution_is_torchs_of_one_by_one():
    x, weight = draw(2, 3, 4, 5), draw(6, 3, seed=1)
    torch.testing.assert_close(pointwise_conv2d(x, weight), F.conv2d(x, weight[..., None, None]))


@pytest.mark.parametrize("stride", [1, 2])
def test_both_together_are_a_plain_convolution_with_gradients_alike(stride):
    layer = DepthwiseSeparableConv2d(3, 5, 3, stride=stride, padding=1).double()
    x = draw(2, 3, 7, 6).requires_grad_()
    kernel = layer.as_kernel()
    plain = F.conv2d(x, kernel, layer.pointwise.bias, stride=stride, padding=1)
    torch.testing.assert_close(layer(x), plain)
    torch.testing.assert_close(
        pointwise_conv2d(
            depthwise_conv2d(x, layer.depthwise.weight[:, 0], stride=stride, padding=1),
            layer.pointwise.weight[..., 0, 0],
        )
        + layer.pointwise.bias[:, None, None],
        plain,
    )
    upstream = draw(*plain.shape, seed=1)
    parameters = (x, *layer.parameters())
    ours = torch.autograd.grad(layer(x), parameters, upstream)
    theirs = torch.autograd.grad(plain, parameters, upstream)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_shuffled_channels_are_dealt_out_in_turn():
    assert channel_shuffle(torch.arange(6)[None], 2).tolist() == [[0, 3, 1, 4, 2, 5]]
    x = draw(2, 6, 3, 3)
    torch.testing.assert_close(channel_shuffle(x, 3), F.channel_shuffle(x, 3))
    # dealt out in the other number of groups they are back
    assert torch.equal(channel_shuffle(channel_shuffle(x, 2), 3), x)


def test_after_a_shuffle_a_grouped_convolution_sees_all_groups():
    x = draw(1, 4, 1, 1).requires_grad_()
    weight = torch.ones(4, 2, 1, 1, dtype=torch.float64)
    for shuffled, seen in ((False, [1, 1, 0, 0]), (True, [1, 1, 1, 1])):
        y = F.conv2d(x, weight, groups=2)
        y = F.conv2d(channel_shuffle(y, 2) if shuffled else y, weight, groups=2)
        (gradient,) = torch.autograd.grad(y[0, 0].sum(), x)
        assert (gradient != 0).flatten().int().tolist() == seen


def test_wrong_arguments_are_named():
    x = torch.zeros(1, 3, 4, 4)
    with pytest.raises(ValueError, match=r"kernel \(C, height, width\), got.*\(2, 3, 3\)"):
        depthwise_conv2d(x, torch.zeros(2, 3, 3))
    with pytest.raises(ValueError, match=r"weights \(O, C\), got.*\(2, 4\)"):
        pointwise_conv2d(x, torch.zeros(2, 4))
    with pytest.raises(ValueError, match=r"expected 2 groups of channels, got"):
        channel_shuffle(x, 2)
    with pytest.raises(ValueError, match=r"positive channels and size, got \(3, 0, 3\)"):
        DepthwiseSeparableConv2d(3, 0, 3)
