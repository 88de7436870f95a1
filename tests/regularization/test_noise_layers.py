import pytest
import torch
from torch import nn

from deepbook.regularization import (
    GaussianNoise,
    NoisyLinear,
    gaussian_noise,
    input_noise_penalty,
    masking_noise,
    salt_and_pepper,
    weight_noise_penalty,
)
from deepbook.training import fit_many


def seeded(n):
    return torch.Generator().manual_seed(n)


X = torch.randn(5, 4, generator=seeded(0), dtype=torch.float64)


def noisy_linear(sigma, **options):
    torch.manual_seed(0)
    return NoisyLinear(4, 3, sigma, **options).double()


def test_input_noise_is_added_in_training_alone():
    layer = GaussianNoise(0.3, seeded(1))
    torch.testing.assert_close(layer(X), gaussian_noise(X, 0.3, seeded(1)))
    assert not torch.equal(layer(X), layer(X))
    assert layer.eval()(X) is X
    assert GaussianNoise(0.0)(X) is X
    assert repr(layer) == "GaussianNoise(sigma=0.3)"


def test_weight_noise_is_added_in_training_alone_and_not_to_biases():
    layer = noisy_linear(0.5, generator=seeded(1))
    noise = torch.randn(3, 4, generator=seeded(1), dtype=torch.float64)
    expected = X @ (layer.weight + 0.5 * noise).T + layer.bias
    torch.testing.assert_close(layer(X), expected)
    plain = nn.functional.linear(X, layer.weight, layer.bias)
    torch.testing.assert_close(layer.eval()(X), plain, rtol=0, atol=0)
    torch.testing.assert_close(noisy_linear(0.0)(X), plain, rtol=0, atol=0)
    zero = noisy_linear(0.5)(torch.zeros(6, 4, dtype=torch.float64))
    assert torch.equal(zero, layer.bias.expand(6, 3))
    assert NoisyLinear(4, 3, 0.1, bias=False).bias is None
    assert "out_features=3, bias=True, sigma=0.5" in repr(layer)


def test_the_gradient_goes_to_the_weight_and_not_to_the_noise():
    layer = noisy_linear(0.5, generator=seeded(1))
    layer(X).sum().backward()
    torch.testing.assert_close(layer.weight.grad, X.sum(0).expand(3, 4))

    def loss(weight):
        layer.generator.manual_seed(1)
        return torch.func.functional_call(layer, {"weight": weight}, (X,)).square().sum()

    assert torch.autograd.gradcheck(loss, layer.weight.detach().requires_grad_())


def mean_and_error(losses):
    return float(losses.mean()), float(losses.std() / len(losses) ** 0.5)


def test_noise_on_the_inputs_of_a_linear_model_is_an_l2_penalty():
    layer = nn.Linear(4, 3).double().requires_grad_(False)
    y = torch.randn(5, 3, generator=seeded(2), dtype=torch.float64)
    half = lambda outputs: 0.5 * (outputs - y).square().sum(-1).mean(-1)
    draws = gaussian_noise(X.expand(40_000, 5, 4), 0.3, seeded(3))
    mean, error = mean_and_error(half(layer(draws)))
    expected = float(half(layer(X)) + input_noise_penalty(layer.weight, 0.3))
    assert abs(mean - expected) < 4 * error
    assert error < 2e-3 * expected
    # and the penalty is many standard errors of it
    assert float(input_noise_penalty(layer.weight, 0.3)) > 20 * error


def test_noise_on_the_weights_of_a_linear_model_penalises_the_inputs():
    weight = torch.randn(3, 4, generator=seeded(1), dtype=torch.float64)
    y = torch.randn(5, 3, generator=seeded(2), dtype=torch.float64)
    noisy = gaussian_noise(weight.expand(40_000, 3, 4), 0.3, seeded(3))
    losses = 0.5 * (X @ noisy.mT - y).square().sum(-1).mean(-1)
    mean, error = mean_and_error(losses)
    plain = float(0.5 * (X @ weight.T - y).square().sum(-1).mean())
    assert abs(mean - plain - float(weight_noise_penalty(X, 3, 0.3))) < 4 * error


def test_many_networks_draw_noise_of_their_own():
    def net(seed):
        torch.manual_seed(seed)
        return nn.Sequential(GaussianNoise(0.5), NoisyLinear(4, 2, 0.5))

    y = torch.arange(5) % 2
    sgd = lambda parameters: torch.optim.SGD(parameters, lr=1e-9)
    options = {"optimizer": sgd, "epochs": 1, "batch_size": 5}
    histories = fit_many([net(0), net(0)], X.float(), y, loss=nn.CrossEntropyLoss(), **options)
    assert histories[0].loss != histories[1].loss


def test_noise_on_inputs_hits_the_asked_share():
    x = torch.full((20_000,), 0.5)
    masked = masking_noise(x, 0.3, seeded(0))
    assert abs(float((masked == 0).float().mean()) - 0.3) < 0.02
    salted = salt_and_pepper(x, 0.3, seeded(0))
    for value in (0.0, 1.0):
        assert abs(float((salted == value).float().mean()) - 0.15) < 0.02


def test_what_cannot_be_is_refused():
    for make in (GaussianNoise, lambda sigma: NoisyLinear(2, 2, sigma)):
        with pytest.raises(ValueError, match="a standard deviation of at least 0, got -1"):
            make(-1.0)
    for penalty in (lambda s: input_noise_penalty(X, s), lambda s: weight_noise_penalty(X, 3, s)):
        with pytest.raises(ValueError, match="a standard deviation of at least 0, got nan"):
            penalty(float("nan"))
    with pytest.raises(ValueError, match="a standard deviation above 0, got 0"):
        gaussian_noise(X, 0.0)
    with pytest.raises(ValueError, match="a share between 0 and 1, got 2"):
        masking_noise(X, 2.0)
