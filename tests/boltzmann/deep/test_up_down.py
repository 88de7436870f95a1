import copy

import pytest
import torch

from deepbook.boltzmann import (
    DBN,
    RBM,
    ContrastiveDivergence,
    UpDown,
    all_states,
    train,
)


def states(size):
    return all_states(size, dtype=torch.float64)


def close(actual, expected, tolerance=1e-10):
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance)


def bernoulli_log_probability(units, logits):
    return torch.distributions.Bernoulli(logits=logits).log_prob(units).sum(-1)


def test_up_down_moves_generation_along_the_gradient_of_the_bound(dbn):
    # with the top's chain at the data, the mean over draws is the gradient for theta
    data, generator = states(4)[::3], torch.Generator().manual_seed(0)
    h1, h2 = states(3)[:, None], states(5)
    up0 = bernoulli_log_probability(states(3), dbn.recognition_input(data, 0)[:, None])
    up1 = bernoulli_log_probability(h2, dbn.recognition_input(h1, 1))
    q = (up0[..., None] + up1).exp().detach()  # (N, h1, h2)
    log_p = bernoulli_log_probability(data[:, None, None], dbn.generative_input(h1, 0))
    log_p = log_p + bernoulli_log_probability(h1, dbn.generative_input(h2, 1))
    names = [n for n, _ in dbn.named_parameters() if n.startswith("generative")]
    expected = torch.autograd.grad(
        (q * log_p).sum((1, 2)).mean(), [dbn.get_parameter(n) for n in names]
    )
    estimator = UpDown(1, generator=generator)
    total = dict.fromkeys(names, 0)
    for _ in range(500):
        gradient = estimator(dbn, data.repeat(20, 1))
        total = {n: total[n] + gradient[n] / 500 for n in names}
    for name, value in zip(names, expected, strict=True):
        close(total[name], value, 0.015)


def test_up_down_names_every_parameter_and_moves_recognition_to_the_dreams(dbn):
    data = states(4)
    gradient = UpDown(1)(dbn, data)
    assert sorted(gradient) == sorted(n for n, _ in dbn.named_parameters())
    assert all(gradient[n].shape == p.shape for n, p in dbn.named_parameters())
    # recognition weights that find h1 in every dream no longer move
    dreams = dbn.generate(dbn.top.initial_state(50_000), torch.Generator().manual_seed(0))
    optimizer = torch.optim.LBFGS(
        [dbn.recognition_weights[0], dbn.recognition_biases[0]], max_iter=50
    )

    def loss():
        optimizer.zero_grad()
        value = -bernoulli_log_probability(dreams[1], dbn.recognition_input(dreams[0], 0)).mean()
        value.backward()
        return value

    optimizer.step(loss)
    error = dreams[1] - torch.sigmoid(dbn.recognition_input(dreams[0], 0))
    close(dreams[0].T @ error / 50_000, torch.zeros(4, 3).double(), 1e-3)


def test_up_down_training_raises_the_likelihood():
    generator = torch.Generator().manual_seed(0)
    data = states(6)[[0, 7, 7, 56, 56, 63]].repeat(20, 1)
    rbm = RBM(6, 4, generator=generator, dtype=torch.float64)
    order = torch.Generator().manual_seed(0)
    settings_ = {"batch_size": 20, "learning_rate": 0.1, "generator": order}
    train(rbm, data, ContrastiveDivergence(generator=generator), epochs=20, **settings_)
    dbn = DBN(rbm)
    dbn.grow()
    before = dbn.log_likelihood(data).mean()
    train(dbn, data, UpDown(3, generator=generator), epochs=100, **settings_)
    assert dbn.log_likelihood(data).mean() > before + 0.5


def test_up_down_training_is_resumed_with_as_many_steps_as_before_and_no_others(dbn, tmp_path):
    data, whole, interrupted = states(4), copy.deepcopy(dbn), copy.deepcopy(dbn)

    def run(model, steps, epochs, **more):
        generator = torch.Generator().manual_seed(1)
        order = torch.Generator().manual_seed(0)
        options = {"epochs": epochs, "batch_size": 5, "learning_rate": 0.1, "generator": order}
        return train(model, data, UpDown(steps, generator=generator), **options, **more)

    run(whole, 3, 4)
    path = tmp_path / "checkpoint.pt"
    run(interrupted, 3, 2, checkpoint=path)
    with pytest.raises(ValueError, match=r"estimator\.steps 2, got one with 3"):
        run(dbn, 2, 4, checkpoint=path, resume=True)
    run(dbn, 3, 4, checkpoint=path, resume=True)
    assert all(torch.equal(v, dbn.state_dict()[k]) for k, v in whole.state_dict().items())


def test_up_down_without_a_step_is_refused():
    with pytest.raises(ValueError, match="at least 1 step, got 0"):
        UpDown(0)
