import pytest
import torch
from torch import nn

from deepbook.boltzmann import (
    SigmoidBeliefNetwork,
    all_states,
    score_function_loss,
    wake_sleep_loss,
)


def draw(visible_size=8, hidden_size=6, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    model = SigmoidBeliefNetwork(
        visible_size, hidden_size, weight_scale=1.5, generator=generator, dtype=dtype
    )
    with torch.no_grad():
        for bias in (model.visible_bias, model.hidden_bias):
            bias.copy_(torch.randn(bias.shape, generator=generator, dtype=dtype))
    return model


@pytest.fixture
def model():
    return draw()


VISIBLE, HIDDEN = all_states(8, dtype=torch.float64), all_states(6, dtype=torch.float64)


def test_the_score_function_loss_has_the_gradient_of_the_exact_bound():
    model, recognition = draw(hidden_size=2), nn.Linear(8, 2).double()
    parameters = [*model.parameters(), *recognition.parameters()]
    data, generator = VISIBLE[[3, 200]], torch.Generator().manual_seed(0)
    bound = -model.elbo(data, recognition(data).sigmoid()).mean()
    exact = torch.cat([g.flatten() for g in torch.autograd.grad(bound, parameters)])
    many = []
    for _ in range(400):
        loss = score_function_loss(model, recognition, data.repeat(50, 1), 2, generator)
        gradient = torch.autograd.grad(loss, parameters)
        many.append(torch.cat([g.flatten() for g in gradient]))
    many = torch.stack(many)
    error = many.std(0) / len(many) ** 0.5
    assert ((many.mean(0) - exact).abs() < 4.5 * error + 1e-9).all()
    # not by being too noisy to tell
    assert error.max() < exact.abs().max() / 10
    with pytest.raises(ValueError, match="at least 2 samples, got 1"):
        score_function_loss(model, recognition, data, 1)


def test_wake_sleep_moves_each_network_by_its_own_phase_alone():
    model, recognition = draw(), nn.Linear(8, 6).double()
    data = VISIBLE[::5]
    loss = wake_sleep_loss(model, recognition, data, torch.Generator().manual_seed(0))
    loss.backward()
    generator = torch.Generator().manual_seed(0)
    uniform = torch.rand(len(data), 6, dtype=torch.float64, generator=generator)
    hidden = (uniform < recognition(data).sigmoid()).double()
    dream, cause = model.sample(len(data), generator)
    # closed forms: target minus prediction, times what feeds it
    error = data - model.visible_logits(hidden).sigmoid()
    torch.testing.assert_close(model.weight.grad, -error.T @ hidden / len(data))
    prior = (hidden - model.hidden_bias.sigmoid()).mean(0)
    torch.testing.assert_close(model.hidden_bias.grad, -prior)
    asleep = cause - recognition(dream).sigmoid()
    torch.testing.assert_close(recognition.weight.grad, -asleep.T @ dream / len(data))


def test_wake_sleep_learns_a_distribution_of_two_bars():
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    model = SigmoidBeliefNetwork(4, 2, generator=generator)
    recognition = nn.Linear(4, 2)
    data = torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 1]])
    optimizer = torch.optim.Adam([*model.parameters(), *recognition.parameters()], lr=0.03)
    before = model.log_likelihood(data).mean().item()
    for _ in range(600):
        loss = wake_sleep_loss(model, recognition, data.repeat(10, 1), generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # the best there is is -log 2 = -.69
    assert before < -2.5
    assert model.log_likelihood(data).mean() > -1.0
