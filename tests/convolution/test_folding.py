import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, conv2d, linear, max_pool2d, relu

from deepbook.convolution import ConvNet, folded_stages, scale_and_shift


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def unsettled(module):
    for seed, norm in enumerate(m for m in module.modules() if isinstance(m, nn.BatchNorm2d)):
        size = norm.num_features
        norm.running_mean.copy_(draw(size, seed=seed))
        norm.running_var.copy_(draw(size, seed=seed + 50).exp())
        if norm.weight is not None:
            norm.weight.data.copy_(draw(size, seed=seed + 100))
            norm.bias.data.copy_(draw(size, seed=seed + 150))
    return module


@pytest.mark.parametrize("affine", [True, False])
def test_a_factor_and_a_shift_are_batch_normalisation_in_evaluation(affine):
    norm = unsettled(nn.BatchNorm2d(4, affine=affine).double().eval())
    x = draw(3, 4, 5, 6, seed=9)
    scale, shift = scale_and_shift(norm)
    torch.testing.assert_close(x * scale[:, None, None] + shift[:, None, None], norm(x))


def test_a_convolution_right_before_it_takes_both():
    conv, norm = nn.Conv2d(2, 3, 3).double(), unsettled(nn.BatchNorm2d(3).double().eval())
    x = draw(2, 2, 6, 6, seed=9)
    scale, shift = scale_and_shift(norm)
    kernel = conv.weight * scale[:, None, None, None]
    bias = conv.bias * scale + shift
    torch.testing.assert_close(conv2d(x, kernel, bias), norm(conv(x)))


@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("channels_last", [True, False])
def test_folded_stages_are_the_network_in_evaluation(batch_norm, pooling, channels_last):
    net = ConvNet(
        (3, 4), (3, 5), image_size=(9, 8), batch_norm=batch_norm, pooling=pooling,
        channels_last=channels_last, dropout=0.5,
    )  # fmt: skip
    net = unsettled(net.double().eval())
    for seed, conv in enumerate(m for m in net.modules() if isinstance(m, nn.Conv2d)):
        if conv.bias is not None:
            conv.bias.data.copy_(draw(len(conv.bias), seed=seed))
    h = x = draw(5, 1, 9, 8)
    pool = {"max": max_pool2d, "average": avg_pool2d}[pooling]
    for kernel, scale, shift in folded_stages(net):
        assert kernel.is_contiguous()
        assert not kernel.requires_grad
        h = pool(conv2d(h, kernel, padding=kernel.shape[-1] // 2), 2)
        h = relu(h * scale[:, None, None] + shift[:, None, None])
    torch.testing.assert_close(linear(h.flatten(1), net.linear.weight, net.linear.bias), net(x))
    # one scale is negative, where the largest and the smallest change places
    assert not batch_norm or min(scale.min() for _, scale, _ in folded_stages(net)) < 0


def test_without_running_averages_there_is_nothing_to_fold():
    with pytest.raises(ValueError, match="with running averages, got one without"):
        scale_and_shift(nn.BatchNorm2d(2, track_running_stats=False))
