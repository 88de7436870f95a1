import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from deepbook.feedforward import gradient_error
from deepbook.optimization import (
    SGD,
    BatchNorm,
    LayerNorm,
    batch_norm,
    batch_norm_gradient,
    layer_norm,
)
from deepbook.training import fit, fit_many

SHAPES = [(6, 3), (4, 3, 5), (2, 3, 4, 5)]


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def twins(shape, **settings):
    """Ours and torch's, with the same weights other than 1 and 0."""
    ours = BatchNorm(3, **settings).double()
    torchs = (nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d)(3, **settings).double()
    if ours.weight is not None:
        with torch.no_grad():
            torchs.weight.copy_(normal(3, seed=5))
            torchs.bias.copy_(normal(3, seed=6))
    ours.load_state_dict(torchs.state_dict())
    return ours, torchs


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "settings", [{}, {"momentum": 0.3, "eps": 0.1}, {"momentum": None}, {"affine": False}]
)
def test_it_is_torchs_in_training_and_evaluation_with_its_running_statistics(shape, settings):
    ours, torchs = twins(shape, **settings)
    for step in range(4):
        x = 2 * normal(*shape, seed=step) + 3
        own, other = x.clone().requires_grad_(), x.clone().requires_grad_()
        a, b = ours(own), torchs(other)
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)
        a.pow(3).sum().backward()
        b.pow(3).sum().backward()
        torch.testing.assert_close(own.grad, other.grad, rtol=0, atol=1e-9)
    for name, value in torchs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value, rtol=0, atol=1e-12)
    for p, q in zip(ours.parameters(), torchs.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad, rtol=0, atol=1e-9)
    x = normal(*shape, seed=9)
    torch.testing.assert_close(ours.eval()(x), torchs.eval()(x), rtol=0, atol=1e-12)
    assert int(ours.num_batches_tracked) == 4
    one = normal(1, *shape[1:])
    torch.testing.assert_close(ours(one), torchs(one), rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("affine", [False, True])
def test_the_gradient_by_hand_is_autograds(shape, affine):
    x, g = (3 * normal(*shape) + 1).requires_grad_(), normal(*shape, seed=1)
    weight = normal(3, seed=2).requires_grad_() if affine else torch.ones(3).double()
    bias = normal(3, seed=3).requires_grad_()
    outputs, _, _ = batch_norm(x, weight, bias, eps=0.01)
    wanted = [x, bias, *([weight] if affine else [])]
    in_x, in_bias, *in_weight = torch.autograd.grad(outputs, wanted, g)
    found = batch_norm_gradient(g, x.detach(), weight.detach() if affine else None, eps=0.01)
    torch.testing.assert_close(found[0], in_x, rtol=0, atol=1e-10)
    torch.testing.assert_close(found[2], in_bias, rtol=0, atol=1e-10)
    if affine:
        torch.testing.assert_close(found[1], in_weight[0], rtol=0, atol=1e-10)


def test_autograds_gradient_is_that_of_differences():
    for f in (
        lambda x: (batch_norm(x, normal(3), normal(3, seed=1))[0] ** 3).sum(),
        lambda x: (layer_norm(x, normal(3), normal(3, seed=1)) ** 3).sum(),
    ):
        assert gradient_error(f, normal(5, 3, seed=4)) < 1e-7


def test_what_normalises_has_the_divisor_n_and_what_is_kept_has_n_minus_1():
    layer = BatchNorm(1, eps=0.0, momentum=0.25).double()
    outputs = layer(torch.tensor([[1.0], [2.0], [6.0]]).double())
    # mean 3, squares 4 + 1 + 9: variance 14 / 3, unbiased 7
    expected = torch.tensor([-2.0, -1, 3]).double() / (14 / 3) ** 0.5
    torch.testing.assert_close(outputs.flatten(), expected)
    assert layer.running_mean.item() == pytest.approx(0.25 * 3)
    assert layer.running_var.item() == pytest.approx(0.75 + 0.25 * 7)


def test_outputs_have_the_mean_and_deviation_of_bias_and_weight():
    x = 5 * normal(200, 3) - 7
    outputs, mean, variance = batch_norm(x, torch.tensor([1.0, 2, 3]), torch.tensor([4.0, 5, 6]))
    assert outputs.mean(0).tolist() == pytest.approx([4, 5, 6])
    assert outputs.std(0, correction=0).tolist() == pytest.approx([1, 2, 3], rel=1e-5)
    torch.testing.assert_close(mean, x.mean(0))
    torch.testing.assert_close(variance, x.var(0, correction=0))


def test_the_scale_and_shift_of_the_inputs_do_not_matter():
    x = normal(8, 3)
    expected = batch_norm(x, eps=0.0)[0]
    torch.testing.assert_close(batch_norm(50 * x - 3, eps=0.0)[0], expected)
    rows = normal(8, 5)
    torch.testing.assert_close(layer_norm(50 * rows - 3, eps=0.0), layer_norm(rows, eps=0.0))


def test_in_evaluation_an_output_depends_on_its_own_input_alone_and_nothing_is_kept():
    layer = BatchNorm(3).double()
    layer(normal(6, 3))
    layer.eval()
    state = {name: value.clone() for name, value in layer.state_dict().items()}
    x = normal(4, 3, seed=1)
    torch.testing.assert_close(layer(x)[:1], layer(x[:1]))
    assert all(torch.equal(state[name], value) for name, value in layer.state_dict().items())


def test_one_value_a_feature_cannot_be_normalised_in_training():
    layer = BatchNorm(3)
    with pytest.raises(ValueError, match=r"two or more values of each feature.*got shape \(1, 3\)"):
        layer(torch.ones(1, 3))
    assert int(layer.num_batches_tracked) == 0
    with pytest.raises(ValueError, match="two or more values"):
        batch_norm_gradient(torch.ones(1, 3), torch.ones(1, 3))
    assert layer(torch.ones(1, 3, 2)).shape == (1, 3, 2)
    layer.eval()
    assert layer(torch.ones(1, 3)).shape == (1, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: BatchNorm(3)(torch.ones(2, 4)), r"\(N, 3\) or \(N, 3, ...\), got \(2, 4\)"),
        (lambda: BatchNorm(3)(torch.ones(3)), r"got \(3,\)"),
        (lambda: batch_norm(torch.ones(3)), r"\(N, C\) .* got \(3,\)"),
        (lambda: batch_norm_gradient(torch.ones(2, 3), torch.ones(3, 2)), "gradient of shape"),
        (lambda: BatchNorm(0), "one feature or more.* got 0"),
        (lambda: BatchNorm(3, momentum=1.5), "momentum in .* and 1.5"),
        (lambda: BatchNorm(3, eps=-1), "eps of at least 0"),
        (lambda: LayerNorm(0), "one feature or more, got 0"),
        (lambda: LayerNorm(3)(torch.ones(2, 4)), r"\(..., 3\), got \(2, 4\)"),
        (lambda: layer_norm(torch.tensor(1.0)), r"\(..., C\), got \(\)"),
    ],
)
def test_shapes_and_settings_that_do_not_fit_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_layer_normalisation_is_torchs_and_treats_each_example_by_itself():
    ours, torchs = LayerNorm(4, eps=0.01).double(), nn.LayerNorm(4, eps=0.01).double()
    with torch.no_grad():
        torchs.weight.copy_(normal(4, seed=5))
        torchs.bias.copy_(normal(4, seed=6))
    ours.load_state_dict(torchs.state_dict())
    x = normal(2, 3, 4)
    torch.testing.assert_close(ours(x), torchs(x), rtol=0, atol=1e-12)
    torch.testing.assert_close(ours(x)[1, 2], ours(x[1, 2]))
    assert ours.eval()(x).equal(ours.train()(x))


def make(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 5), BatchNorm(5), nn.ReLU(), nn.Linear(5, 3))


def test_networks_with_it_train_alone_and_side_by_side():
    x, y = normal(30, 4).float(), torch.arange(30) % 3
    settings = {"loss": cross_entropy, "epochs": 2, "batch_size": 10}
    alone, together = [make(0), make(1)], [make(0), make(1)]
    for model in alone:
        order = torch.Generator().manual_seed(7)
        optimizer = SGD(model.parameters(), lr=0.1)
        fit(model, x, y, optimizer=optimizer, generator=order, **settings)
    order = torch.Generator().manual_seed(7)
    fit_many(together, x, y, optimizer=lambda p: SGD(p, lr=0.1), generators=order, **settings)
    for a, b in zip(alone, together, strict=True):
        for name, value in a.state_dict().items():
            torch.testing.assert_close(b.state_dict()[name], value, rtol=1e-4, atol=1e-5)
