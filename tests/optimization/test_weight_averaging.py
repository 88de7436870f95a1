import io

import pytest
import torch
from torch import nn
from torch.optim import swa_utils

from deepbook.optimization import SGD, AveragedModel


def make():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).double()


def wander(model, steps, seed=0):
    """Noisy steps; yields after each."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        x = torch.randn(8, 3, generator=generator, dtype=torch.float64)
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
        yield


@pytest.mark.parametrize("decay", [None, 0.0, 0.6, 0.99])
def test_every_average_is_torchs(decay):
    model = make()
    ours = AveragedModel(model, decay)
    average = None if decay is None else swa_utils.get_ema_multi_avg_fn(decay)
    torchs = swa_utils.AveragedModel(model, multi_avg_fn=average)
    for _ in wander(model, 30):
        ours.update_parameters(model)
        torchs.update_parameters(model)
        for a, b in zip(ours.module.parameters(), torchs.module.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-12)
    for a, b in zip(ours.module.buffers(), torchs.module.buffers(), strict=True):
        torch.testing.assert_close(a, b)
    x = torch.randn(5, 3, dtype=torch.float64)
    torch.testing.assert_close(ours.eval()(x), torchs.eval()(x))
    assert int(ours.n_averaged) == 30


def test_polyaks_average_is_the_mean_of_all_weights():
    model = make()
    averaged, weights = AveragedModel(model), []
    for _ in wander(model, 12):
        averaged.update_parameters(model)
        weights.append(model[0].weight.detach().clone())
    torch.testing.assert_close(averaged.module[0].weight, torch.stack(weights).mean(0))


def test_an_average_comes_back_from_its_state_and_goes_on():
    model = make()
    whole = AveragedModel(model, 0.9)
    other = None
    for step, _ in enumerate(wander(model, 10)):
        if step == 5:
            file = io.BytesIO()
            torch.save(whole.state_dict(), file)
            file.seek(0)
            other = AveragedModel(make(), 0.9)
            other.load_state_dict(torch.load(file, weights_only=True))
        whole.update_parameters(model)
        if other is not None:
            other.update_parameters(model)
    assert other is not None
    for a, b in zip(whole.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_model_is_left_alone_and_the_average_is_not_trained():
    model = make()
    averaged = AveragedModel(model)
    assert all(p.requires_grad for p in model.parameters())
    assert not any(p.requires_grad for p in averaged.parameters())
    before = averaged.module[0].weight.clone()
    list(wander(model, 3))
    assert torch.equal(averaged.module[0].weight, before)


def test_the_average_of_a_noisy_descent_is_nearer_to_the_minimum():
    generator = torch.Generator().manual_seed(0)
    model = nn.Linear(20, 1, bias=False).double()
    averaged, optimizer = AveragedModel(model), SGD(model.parameters(), lr=0.5)
    for step in range(2000):
        noise = torch.randn(1, 20, generator=generator, dtype=torch.float64)
        model.weight.grad = model.weight.detach() + noise
        optimizer.step()
        if step >= 100:
            averaged.update_parameters(model)
    # variance eps / (2 - eps) of the last, about 1 / T of the mean
    assert averaged.module.weight.norm() < 0.2 * model.weight.norm()


def test_decays_out_of_range_and_other_models_are_refused():
    for decay in (-0.1, 1.0):
        with pytest.raises(ValueError, match=rf"decay in \[0, 1\), got {decay}"):
            AveragedModel(make(), decay)
    with pytest.raises(ValueError, match="parameters of the first, got another"):
        AveragedModel(make()).update_parameters(nn.Linear(3, 4))
