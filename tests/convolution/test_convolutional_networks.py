import math

import pytest
import torch
from torch import nn
from torch.nn.functional import (
    avg_pool2d,
    batch_norm,
    conv2d,
    cross_entropy,
    linear,
    max_pool2d,
    relu,
)

import deepbook
from deepbook.convolution import ConvNet, LeNet5, initialize_convolutions_
from deepbook.training import fit


def seeded(n):
    return torch.Generator().manual_seed(n)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


def count(model):
    return sum(p.numel() for p in model.parameters())


def squash(x):
    return 1.7159 * torch.tanh(2 * x / 3)


def test_lenet_has_the_parameters_of_its_layers():
    each = {"c1": 156, "c3": 2416, "c5": 48120, "f6": 10164, "output": 850}
    assert {name: count(layer) for name, layer in LeNet5().named_children()} == each
    assert count(LeNet5()) == 61_706


def test_lenet_is_what_its_layers_give_one_after_another():
    net, x = LeNet5(generator=seeded(0)).double(), draw(3, 1, 28, 28)
    # paper is -0.1, also around the picture, and full ink 1.175
    wide = torch.full((3, 1, 32, 32), -0.1, dtype=torch.float64)
    wide[..., 2:30, 2:30] = -0.1 + (1.175 + 0.1) * x
    h = squash(avg_pool2d(conv2d(wide, net.c1.weight, net.c1.bias), 2))
    assert h.shape == (3, 6, 14, 14)
    h = squash(avg_pool2d(conv2d(h, net.c3.weight, net.c3.bias), 2))
    assert h.shape == (3, 16, 5, 5)
    # a convolution over all of its maps is a full connection
    h = squash(linear(h.flatten(1), net.c5.weight.flatten(1), net.c5.bias))
    h = squash(linear(h, net.f6.weight, net.f6.bias))
    torch.testing.assert_close(net(x), linear(h, net.output.weight, net.output.bias))


def test_the_sigmoid_of_lenet_keeps_one_and_minus_one():
    ends = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(squash(ends), ends, atol=1e-4, rtol=0)


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("pooling", ["max", "average"])
def test_the_small_network_is_its_stages_by_hand(norm, pooling):
    net = ConvNet((2, 3), (3, 5), 4, image_size=(9, 8), batch_norm=norm, pooling=pooling)
    net, x = net.double().eval(), draw(5, 1, 9, 8)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.copy_(draw(module.num_features))
            module.running_var.copy_(draw(module.num_features).exp())
            module.weight.data.copy_(draw(module.num_features, seed=1))
    pool = {"max": max_pool2d, "average": avg_pool2d}[pooling]
    h = x
    for stage, border in ((1, 1), (2, 2)):
        conv = getattr(net, f"conv{stage}")
        assert (conv.bias is None) == norm
        h = pool(conv2d(h, conv.weight, conv.bias, padding=border), 2)
        if norm:
            layer = getattr(net, f"norm{stage}")
            h = batch_norm(h, layer.running_mean, layer.running_var, layer.weight, layer.bias)
        h = relu(h)
    assert h.shape == (5, 3, 2, 2)
    torch.testing.assert_close(net(x), linear(h.flatten(1), net.linear.weight, net.linear.bias))


def test_sizes_of_the_small_network():
    norms, last = 2 * (16 + 32 + 64), 576 * 10 + 10
    kernels = 25 * 16 + 25 * 16 * 32 + 9 * 32 * 64
    assert count(ConvNet()) == kernels + norms + last == 37_626
    # a bias a map stands in for the two numbers of its normalisation
    assert count(ConvNet(batch_norm=False)) == kernels + norms // 2 + last
    assert count(ConvNet((4,), (3,), in_channels=2, image_size=(2, 7))) == 72 + 8 + 130


def test_relu_and_pooling_by_maxima_may_change_places():
    x = draw(2, 3, 6, 6)
    assert torch.equal(relu(max_pool2d(x, 2)), max_pool2d(relu(x), 2))


@pytest.mark.parametrize("norm", [True, False])
def test_channels_last_changes_no_result_and_no_gradient(norm):
    x = draw(6, 1, 28, 28)
    nets = [
        ConvNet((2, 3), (3, 3), batch_norm=norm, channels_last=last, generator=seeded(0)).double()
        for last in (False, True)
    ]
    assert nets[1].conv2.weight.is_contiguous(memory_format=torch.channels_last)
    plain, last = ([net(x), net.conv1.weight, net.linear.weight] for net in nets)
    torch.testing.assert_close(last, plain)
    grads = [torch.autograd.grad(z[0].square().sum(), z[1:]) for z in (plain, last)]
    torch.testing.assert_close(grads[1], grads[0])


@pytest.mark.parametrize("network", [LeNet5, ConvNet])
def test_a_generator_decides_the_weights_and_no_global_number_is_drawn(network):
    before = torch.get_rng_state()
    first, again, other = (network(generator=seeded(n)).state_dict() for n in (3, 3, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["c1.weight" if network is LeNet5 else "conv1.weight"],
                           other["c1.weight" if network is LeNet5 else "conv1.weight"])  # fmt: skip
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(3)
    assert all(torch.equal(first[name], value) for name, value in network().state_dict().items())


def test_dropout_stands_before_the_last_layer_and_only_in_training():
    net, x = ConvNet((8,), (3,), dropout=0.5, generator=seeded(0)), torch.rand(4, 1, 28, 28)
    assert [name for name, _ in net.named_children()][-2:] == ["dropout", "linear"]
    assert not torch.equal(net(x), net(x))
    assert torch.equal(net.eval()(x), net(x))
    assert not hasattr(ConvNet(), "dropout")


def test_initial_weights_have_the_variance_of_the_scheme():
    net = ConvNet((200, 200), (5, 5), generator=seeded(0))
    deviation = float(net.conv2.weight.detach().std())
    assert math.isclose(deviation, math.sqrt(2 / (25 * 200)), rel_tol=0.01)
    # no ReLU follows the last layer
    assert math.isclose(
        float(net.linear.weight.detach().std()), math.sqrt(1 / (49 * 200)), rel_tol=0.02
    )
    layers = nn.Sequential(nn.Linear(300, 300), nn.Linear(300, 300))
    assert initialize_convolutions_(layers, "xavier", seeded(0)) is layers
    assert math.isclose(float(layers[0].weight.detach().std()), math.sqrt(2 / 600), rel_tol=0.02)
    assert not layers[0].bias.any()


@pytest.mark.parametrize("norm", [True, False])
def test_it_learns_which_half_of_a_picture_is_bright(norm):
    generator = seeded(0)
    x = torch.rand(64, 1, 8, 8, generator=generator)
    y = torch.arange(64) % 2
    x[y == 1, :, :, :4] += 1
    net = ConvNet((4,), (3,), 2, image_size=(8, 8), batch_norm=norm, generator=generator)
    optimizer = torch.optim.AdamW(net.parameters(), 0.02)
    history = fit(
        net, x, y, loss=cross_entropy, optimizer=optimizer, epochs=15, batch_size=16,
        generator=deepbook.generator(0),
    )  # fmt: skip
    assert history.loss[-1] < 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": ()}, r"one or more stages, got \[\] channels"),
        ({"channels": (3, 0, 2)}, r"one class, channel or pixel or more, got \[10, 1, 3, 0, 2"),
        ({"kernel_sizes": (3, 3)}, r"kernel sizes \[3, 3\]"),
        ({"kernel_sizes": (3, 4, 3)}, "odd kernel size, got 4"),
        ({"kernel_sizes": (3, -1, 3)}, "odd kernel size, got -1"),
        ({"pooling": "sum"}, "max or average, got 'sum'"),
        ({"image_size": (28, 7)}, r"halved 3 times, got \(28, 7\)"),
        ({"dropout": 1.0}, "dropout probability"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        ConvNet(**options)


def test_wrong_shapes_and_counts_are_named():
    with pytest.raises(ValueError, match=r"shape \(N, 1, 28, 28\), got \(2, 784\)"):
        LeNet5()(torch.zeros(2, 784))
    with pytest.raises(ValueError, match=r"shape \(N, 3, 28, 28\), got \(2, 1, 28, 28\)"):
        ConvNet(in_channels=3)(torch.zeros(2, 1, 28, 28))
    with pytest.raises(ValueError, match=r"one class or more, got \[0\]"):
        LeNet5(0)
    with pytest.raises(ValueError, match="convolutions or linear layers, got ReLU"):
        initialize_convolutions_(nn.ReLU())
    with pytest.raises(ValueError, match="expected a scheme among"):
        initialize_convolutions_(nn.Linear(2, 2), "hopeful")
