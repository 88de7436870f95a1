import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from deepbook.feedforward import MLP
from deepbook.optimization import BatchNorm, FlatLoss, hessian, value_and_gradient


def example(seed=0, classes=3):
    generator = torch.Generator().manual_seed(seed)
    model = MLP([4, 5, classes], "tanh", generator=generator).double()
    x = torch.randn(12, 4, generator=generator, dtype=torch.float64)
    y = torch.randint(classes, (12,), generator=generator)
    return model, x, y


def test_value_and_gradient_are_the_modules():
    model, x, y = example()
    flat = FlatLoss(model, cross_entropy, x, y)
    vector = flat.vector.clone().requires_grad_()
    value = flat(vector)
    (gradient,) = torch.autograd.grad(value, vector)
    (expected := cross_entropy(model(x), y)).backward()
    torch.testing.assert_close(value, expected)
    own = torch.cat([p.grad.reshape(-1) for p in model.parameters()])
    torch.testing.assert_close(gradient, own)


def test_a_vector_goes_back_into_the_module_and_frozen_parameters_stay_out():
    model, x, y = example()
    model.layers[0].bias.requires_grad_(False)
    flat = FlatLoss(model, cross_entropy, x, y)
    assert flat.names == ("layers.0.weight", "layers.1.weight", "layers.1.bias")
    assert len(flat.vector) == 20 + 15 + 3
    changed = torch.arange(38.0).double()
    before = model.layers[0].bias.clone()
    flat.write(changed)
    assert model.layers[1].bias.tolist() == [35, 36, 37]
    assert torch.equal(model.layers[0].bias, before)
    torch.testing.assert_close(flat(changed), cross_entropy(model(x), y))


def test_a_module_in_training_mode_keeps_its_running_statistics():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    flat = FlatLoss(model, mse_loss, torch.randn(6, 3), torch.zeros(6, 1))
    before = [b.clone() for b in model.buffers()]
    flat(flat.vector)
    assert all(torch.equal(a, b) for a, b in zip(before, model.buffers(), strict=True))


def test_a_network_with_batch_normalisation_has_a_hessian_in_training_mode():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 2), BatchNorm(2), nn.Tanh(), nn.Linear(2, 1)).double()
    x, y = torch.randn(6, 3).double(), torch.randn(6, 1).double()
    loss = FlatLoss(model, mse_loss, x, y)
    rows = hessian(loss, loss.vector)
    v = torch.randn(len(loss.vector)).double()
    gradient = lambda where: value_and_gradient(loss, where)[1]
    difference = (gradient(loss.vector + 1e-5 * v) - gradient(loss.vector - 1e-5 * v)) / 2e-5
    torch.testing.assert_close(rows @ v, difference, rtol=0, atol=1e-6)
    assert int(model[1].num_batches_tracked) == 0


def test_vectors_of_another_size_and_modules_of_several_dtypes_are_refused():
    model, x, y = example()
    flat = FlatLoss(model, cross_entropy, x, y)
    with pytest.raises(ValueError, match=r"vector of shape \(43,\), got \(42,\)"):
        flat(torch.zeros(42).double())
    model.layers[0].float()
    with pytest.raises(ValueError, match=r"one dtype and device, got .*float32.*float64"):
        FlatLoss(model, cross_entropy, x, y)
    with pytest.raises(ValueError, match="got none"):
        FlatLoss(nn.ReLU(), mse_loss, x, y)
