import pytest
import torch
from torch import nn
from torch.nn.functional import batch_norm, conv2d, linear, max_pool2d, relu

from deepbook.convolution import ResidualBlock, ResidualNet


def seeded(n):
    return torch.Generator().manual_seed(n)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


def count(model):
    return sum(p.numel() for p in model.parameters())


def unsettled(module):
    """In float64, with scales, shifts and running statistics that are not 1 and 0."""
    module = module.double()
    for seed, norm in enumerate(m for m in module.modules() if isinstance(m, nn.BatchNorm2d)):
        size = norm.num_features
        norm.running_mean.copy_(draw(size, seed=seed))
        norm.running_var.copy_(draw(size, seed=seed + 50).exp())
        norm.weight.data.copy_(draw(size, seed=seed + 100))
        norm.bias.data.copy_(draw(size, seed=seed + 150))
    return module


def normed(x, layer, training):
    mean, var = layer.running_mean.clone(), layer.running_var.clone()
    return batch_norm(x, mean, var, layer.weight, layer.bias, training)


def by_hand(block, x, stride=1):
    training = block.training
    h = relu(normed(conv2d(x, block.conv1.weight, stride=stride, padding=1), block.norm1, training))
    h = normed(conv2d(h, block.conv2.weight, padding=1), block.norm2, training)
    if block.skip is None:
        return relu(h)
    if isinstance(block.skip, nn.Identity):
        return relu(h + x)
    projected = conv2d(x, block.skip[0].weight, stride=stride)
    return relu(h + normed(projected, block.skip[1], training))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize(("n_out", "stride"), [(3, 1), (5, 1), (3, 2), (5, 2)])
def test_a_block_is_two_convolutions_and_what_came_in(n_out, stride, skip, training):
    block = unsettled(ResidualBlock(3, n_out, stride, skip=skip)).train(training)
    x = draw(4, 3, 7, 6)
    expected = by_hand(block, x, stride)
    outputs = block(x)
    assert outputs.shape == (4, n_out, *((7, 6) if stride == 1 else (4, 3)))
    torch.testing.assert_close(outputs, expected)


@pytest.mark.parametrize("training", [True, False])
def test_with_the_last_scale_zero_a_block_begins_as_the_identity(training):
    block = ResidualBlock(3, 3, zero_init=True, generator=seeded(0)).double().train(training)
    x = draw(4, 3, 5, 5)
    assert torch.equal(block(x.abs()), x.abs())
    assert torch.equal(block(x), relu(x))
    # and is none as soon as the scale is another
    block.norm2.weight.data.fill_(0.1)
    assert not torch.allclose(block(x.abs()), x.abs())


def test_a_gradient_comes_through_a_closed_block_unchanged():
    block = ResidualBlock(2, 2, zero_init=True).double()
    x = draw(3, 2, 4, 4).abs().requires_grad_()
    arriving = draw(3, 2, 4, 4, seed=1)
    block(x).backward(arriving)
    assert torch.equal(x.grad, arriving)
    assert block.norm2.weight.grad.abs().min() > 0  # the block can open


def test_a_deep_net_of_closed_blocks_is_a_shallow_one():
    net = ResidualNet((4,), blocks=6, zero_init=True, generator=seeded(0)).double().eval()
    x = draw(3, 1, 8, 8)
    h = relu(net.norm(max_pool2d(net.conv(x), 2))).mean((2, 3))
    torch.testing.assert_close(net(x), net.linear(h))


@pytest.mark.parametrize("skip", [True, False])
def test_the_net_is_its_blocks_by_hand(skip):
    net = unsettled(ResidualNet((2, 3), blocks=2, classes=4, in_channels=2, skip=skip)).eval()
    x = draw(3, 2, 12, 10)
    h = max_pool2d(conv2d(x, net.conv.weight, padding=2), 2)
    h = relu(normed(h, net.norm, False))
    for block, stride in zip(net.blocks, (1, 1, 2, 1), strict=True):
        h = by_hand(block, h, stride)
    assert h.shape == (3, 3, 3, 3)
    torch.testing.assert_close(net(x), linear(h.mean((2, 3)), net.linear.weight, net.linear.bias))


def test_without_skips_the_same_kernels_are_left():
    with_skips, without = ResidualNet(blocks=2), ResidualNet(blocks=2, skip=False)
    own = {n for n, _ in with_skips.named_parameters() if ".skip." not in n}
    assert own == {n for n, _ in without.named_parameters()}
    assert any(".skip." in n for n, _ in with_skips.named_parameters())


def test_sizes_of_the_small_residual_network():
    stem, last = 25 * 16 + 32, 64 * 10 + 10
    blocks = [9 * n * (m + n) + 4 * n for m, n in ((16, 16), (16, 32), (32, 64))]
    projections = [m * n + 2 * n for m, n in ((16, 32), (32, 64))]
    assert count(ResidualNet()) == stem + sum(blocks) + sum(projections) + last == 78_010


def test_channels_last_changes_no_result():
    x = draw(3, 1, 12, 12)
    plain, last = (
        ResidualNet((2, 3), channels_last=last, generator=seeded(0)).double()
        for last in (False, True)
    )
    assert last.blocks[0].conv1.weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(last(x), plain(x))


def test_a_generator_decides_the_weights_and_no_global_number_is_drawn():
    before = torch.get_rng_state()
    first, again, other = (ResidualNet((4, 8), generator=seeded(n)).state_dict() for n in (3, 3, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["blocks.1.conv1.weight"], other["blocks.1.conv1.weight"])
    assert torch.equal(torch.get_rng_state(), before)
    variance = 2 / (9 * 8)
    weight = ResidualNet((8, 400), generator=seeded(0)).blocks[1].conv1.weight.detach()
    assert abs(float(weight.var()) / variance - 1) < 0.05


def test_dropout_stands_before_the_last_layer_and_only_in_training():
    net, x = ResidualNet((8,), dropout=0.5, generator=seeded(0)), torch.rand(4, 1, 12, 12)
    assert not torch.equal(net(x), net(x))
    assert torch.equal(net.eval()(x), net(x))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ResidualBlock(0, 3), r"one channel or stride or more, got \[0, 3, 1\]"),
        (lambda: ResidualBlock(3, 3, 0), r"got \[3, 3, 0\]"),
        (lambda: ResidualBlock(3, 3, skip=False, zero_init=True), "skip where the last scale is 0"),
        (lambda: ResidualNet(()), "one stage or more"),
        (lambda: ResidualNet(blocks=0), r"one class, channel or block or more, got \[10, 1, 0"),
        (lambda: ResidualNet(skip=False, zero_init=True), "skip where the last scale is 0"),
        (lambda: ResidualNet(dropout=-0.1), "dropout probability"),
        (
            lambda: ResidualNet()(torch.zeros(2, 3, 8, 8)),
            r"\(N, 1, height, width\), got \(2, 3, 8, 8\)",
        ),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
