import functools

import pytest
import torch
from torch import nn

from deepbook.feedforward import ACTIVATIONS, initialize_, signal_by_depth

SEEDS = range(10)


@functools.cache
def over_seeds(activation, scheme):
    return [
        signal_by_depth(activation, scheme, batch=64, generator=torch.Generator().manual_seed(s))
        for s in SEEDS
    ]


def test_selu_with_lecuns_weights_keeps_mean_0_and_variance_1_over_30_layers():
    for signal in over_seeds("selu", "lecun"):
        assert signal.mean.abs().max() < 0.05
        assert (signal.variance - 1).abs().max() < 0.15


def test_selu_with_hes_weights_blows_up():
    # the limit of infinite width is 157 at layer 30; ten networks of width 256: 87 to 194
    variances = torch.stack([signal.variance[30] for signal in over_seeds("selu", "he")])
    assert variances.min() > 60
    assert variances.max() < 300


def test_half_of_relus_outputs_are_exactly_zero_at_30_layers_and_none_of_selus():
    # each row of weights is as likely as its negative: 1/2, ten seeds gave .475 to .521
    relu = torch.stack([signal.zero_share[30] for signal in over_seeds("relu", "he")])
    assert relu.mean().item() == pytest.approx(0.5, abs=0.03)
    assert all(signal.zero_share.max() == 0 for signal in over_seeds("selu", "lecun"))


def test_only_hes_weights_keep_a_deep_relu_network_alive():
    assert all(0.3 < signal.gradient_norm[0] < 3 for signal in over_seeds("relu", "he"))
    assert all(signal.gradient_norm[0] < 1e-3 for signal in over_seeds("relu", "lecun"))


def test_a_sigmoids_gradient_vanishes():
    assert all(signal.gradient_norm[0] < 1e-15 for signal in over_seeds("sigmoid", "xavier"))


def test_a_steps_units_are_all_dead_and_pass_no_gradient():
    signal = signal_by_depth("step", "lecun", depth=3, width=16, batch=8)
    assert signal.dead_share.tolist() == [0, 1, 1, 1]
    assert signal.gradient_norm.tolist() == [0, 0, 0, 1]


def test_a_maxout_unit_is_never_dead():
    signal = signal_by_depth("maxout", "lecun", depth=10, width=64, batch=16)
    assert signal.dead_share.max() == 0


def test_the_identity_passes_everything_on():
    signal = signal_by_depth("identity", "zero", depth=2, width=16, batch=8)
    assert signal.variance[1:].tolist() == [0, 0]
    assert signal.zero_share.tolist() == [0, 1, 1]
    assert signal.dead_share.tolist() == [0, 0, 0]


@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "step"])
def test_every_measurement_equals_autograds_and_torchs(activation):
    depth, width, batch = 4, 12, 5
    unit = ACTIVATIONS[activation]
    generator = torch.Generator().manual_seed(7)
    signal = signal_by_depth(activation, "lecun", depth, width, batch, generator)

    generator.manual_seed(7)  # the same random numbers in the same order
    h = [torch.randn(batch, width, generator=generator).requires_grad_()]
    sums = []
    for _ in range(depth):
        layer = initialize_(nn.Linear(width, width * unit.pieces), "lecun", generator)
        sums.append(layer(h[-1]))
        h.append(unit(sums[-1]))
    top = torch.randn(batch, width, generator=generator)
    gradients = torch.autograd.grad((h[-1] * top).sum(), h)
    norms = torch.stack([g.norm() for g in gradients])

    torch.testing.assert_close(signal.mean, torch.stack([x.mean() for x in h]).detach())
    torch.testing.assert_close(signal.variance, torch.stack([x.var() for x in h]).detach())
    torch.testing.assert_close(signal.gradient_norm, norms / top.norm(), rtol=1e-5, atol=1e-6)
    zero = [(x == 0).float().mean().item() for x in h]
    assert signal.zero_share.tolist() == pytest.approx(zero)
    dead = [0.0] + [
        ((s <= 0).all(0).float().mean().item() if activation == "relu" else 0.0) for s in sums
    ]
    assert signal.dead_share.tolist() == pytest.approx(dead)


def test_the_same_seed_gives_the_same_measurements():
    generator = torch.Generator()
    a, b = (signal_by_depth("tanh", "xavier", 3, 16, 8, generator.manual_seed(2)) for _ in range(2))
    assert torch.equal(a.variance, b.variance)
    assert torch.equal(a.gradient_norm, b.gradient_norm)


@pytest.mark.parametrize("size", ["depth", "width", "batch"])
def test_sizes_must_be_positive(size):
    with pytest.raises(ValueError, match=f"positive sizes, got .*{size}=0"):
        signal_by_depth("relu", "he", **{size: 0})


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="got 'swish'"):
        signal_by_depth("swish", "he")
    with pytest.raises(ValueError, match="got 'kaiming'"):
        signal_by_depth("relu", "kaiming")
