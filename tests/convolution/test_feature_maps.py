import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, relu

from deepbook.convolution import ConvNet, ResidualNet, layer_outputs


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def hooks(model):
    return sum(len(m._forward_hooks) for m in model.modules())


def test_named_layers_give_what_they_gave_inside_the_network():
    net, x = ConvNet((2, 3), (3, 3), dropout=0.5).double(), draw(4, 1, 28, 28)
    found = layer_outputs(net, x, ["linear", "conv1", "relu2"])
    assert list(found) == ["linear", "conv1", "relu2"]
    torch.testing.assert_close(found["conv1"], conv2d(x, net.conv1.weight, padding=1))
    assert found["relu2"].shape == (4, 3, 7, 7)
    # in evaluation mode: without dropout, by running averages
    assert torch.equal(found["linear"], net.eval()(x))


def test_layers_inside_of_blocks_have_dotted_names():
    net, x = ResidualNet((2, 3)).double(), draw(2, 1, 8, 8)
    found = layer_outputs(net, x, ["blocks.0", "blocks.1.conv1"])
    h = conv2d(found["blocks.0"], net.blocks[1].conv1.weight, stride=2, padding=1)
    torch.testing.assert_close(found["blocks.1.conv1"], h)


def test_no_hook_stays_and_every_module_has_its_mode_back():
    net = ConvNet((2, 3), (3, 3))
    net.norm1.eval()
    before = net.norm2.running_mean.clone()
    layer_outputs(net, torch.rand(3, 1, 28, 28), ["conv1", "conv2"])
    assert hooks(net) == 0
    assert net.training
    assert net.norm2.training
    assert not net.norm1.training
    assert torch.equal(net.norm2.running_mean, before)


def test_an_error_inside_of_the_network_leaves_no_hook_either():
    net = ConvNet((2,), (3,))
    with pytest.raises(ValueError, match="expected pictures"):
        layer_outputs(net, torch.rand(3, 2, 28, 28), ["conv1"])
    assert hooks(net) == 0
    assert net.training


def test_no_gradient_hangs_on_the_outputs():
    net, x = ConvNet((2,), (3,)), torch.rand(1, 1, 28, 28, requires_grad=True)
    assert not layer_outputs(net, x, ["conv1"])["conv1"].requires_grad
    assert net(x).requires_grad


def test_a_relu_in_place_does_not_change_what_came_before_it():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True)).double()
    x = draw(5, 3)
    found = layer_outputs(net, x, ["0", "1"])
    torch.testing.assert_close(found["0"], net[0](x))
    assert found["0"].min() < 0
    torch.testing.assert_close(found["1"], relu(net[0](x)))


def test_unknown_missing_and_unused_names_are_refused():
    net, x = ConvNet((2,), (3,)), torch.rand(1, 1, 28, 28)
    with pytest.raises(ValueError, match=r"among conv1, pool1, .*linear, got 'conv7'"):
        layer_outputs(net, x, ["conv1", "conv7"])
    with pytest.raises(ValueError, match="got none"):
        layer_outputs(net, x, [])
    with pytest.raises(ValueError, match="got ''"):
        layer_outputs(net, x, [""])
    net.relu1.spare = nn.Linear(1, 1)
    with pytest.raises(ValueError, match=r"the network calls, got relu1\.spare"):
        layer_outputs(net, x, ["relu1.spare"])
    assert hooks(net) == 0
