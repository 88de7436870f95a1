import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from deepbook.boltzmann import all_states
from deepbook.regularization import gaussian_noise, masking_noise, salt_and_pepper
from deepbook.representation import Autoencoder, denoising_chain, learned_score, optimal_denoiser

POINTS = torch.tensor([[-1.0, 0.5], [1.0, 0.0], [0.2, -0.8]], dtype=torch.float64)


def log_density(x, sigma):
    """Of points with Gaussian noise, up to a constant."""
    squared = ((x[:, None] - POINTS) ** 2).sum(-1)
    return (-squared / (2 * sigma**2)).logsumexp(1)


@given(st.floats(0.1, 3.0), st.integers(0, 100))
def test_the_best_denoiser_gives_the_score_of_the_noisy_density(sigma, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(20, 2, generator=generator, dtype=torch.float64).requires_grad_()
    (score,) = torch.autograd.grad(log_density(x, sigma).sum(), x)
    reconstruct = lambda y: optimal_denoiser(y, POINTS, sigma)
    torch.testing.assert_close(learned_score(reconstruct, x, sigma), score, rtol=1e-8, atol=1e-8)


def test_for_a_gaussian_a_trained_denoiser_learns_the_score_of_the_noisy_density():
    # data N(0, diag(4, 1)), noise of variance 1: the noisy density's score is -x / (5, 2)
    generator = torch.Generator().manual_seed(0)
    std = torch.tensor([2.0, 1.0], dtype=torch.float64)
    clean = std * torch.randn(40000, 2, generator=generator, dtype=torch.float64)
    noisy = gaussian_noise(clean, 1.0, generator)
    # a linear layer in closed form: least squares from noisy to clean
    layer = nn.Linear(2, 2, bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.linalg.lstsq(noisy, clean).solution.T)
    x = torch.randn(50, 2, generator=generator, dtype=torch.float64)
    error = learned_score(layer, x, 1.0) + x / torch.tensor([5.0, 2.0])
    assert error.abs().max() < 0.03
    # and not of the clean one
    assert (learned_score(layer, x, 1.0) + x / std**2).abs().max() > 0.3


def test_a_trained_autoencoder_learns_the_score_of_a_mixture():
    generator, sigma = torch.Generator().manual_seed(0), 0.5
    model = Autoencoder(
        [2, 32], "tanh", output="gaussian", generator=generator, dtype=torch.float64
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.02, total_iters=600)
    for _ in range(600):
        clean = POINTS[torch.randint(3, (200,), generator=generator)]
        loss = model.reconstruction_error(gaussian_noise(clean, sigma, generator), clean).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    x = gaussian_noise(POINTS.repeat(50, 1), sigma, generator).requires_grad_()
    (score,) = torch.autograd.grad(log_density(x, sigma).sum(), x)
    error = (learned_score(model, x, sigma) - score).pow(2).sum().sqrt() / score.norm()
    assert error < 0.25


def test_the_best_denoiser_remembers_its_data_where_noise_is_weak():
    near = POINTS + 0.01
    torch.testing.assert_close(optimal_denoiser(near, POINTS, 0.05), POINTS)
    # and knows no better than the mean where it is overwhelming
    far = optimal_denoiser(near, POINTS, 1e4)
    torch.testing.assert_close(far, POINTS.mean(0).expand(3, -1))


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_noises_change_the_share_that_they_say(share):
    generator = torch.Generator().manual_seed(0)
    x = torch.full((200, 200), 0.5)
    masked = masking_noise(x, share, generator)
    assert set(masked.unique().tolist()) <= {0.0, 0.5}
    assert abs((masked == 0).float().mean() - share) < 0.01
    salted = salt_and_pepper(x, share, generator)
    assert abs((salted == 0).float().mean() - share / 2) < 0.01
    assert abs((salted == 1).float().mean() - share / 2) < 0.01
    assert (salted == 0.5).float().mean() >= 1 - share - 0.01


def test_gaussian_noise_has_its_deviation():
    noise = gaussian_noise(torch.zeros(200, 200), 0.7, torch.Generator().manual_seed(0))
    assert abs(noise.std() - 0.7) < 0.01
    assert abs(noise.mean()) < 0.02


def test_the_chain_of_a_perfect_denoiser_draws_from_the_data():
    # one bit at a time is corrupted, so that the true posterior factorises: a chain of p itself
    generator = torch.Generator().manual_seed(0)
    log_p = torch.randn(8, generator=generator, dtype=torch.float64)
    p = log_p.softmax(0)
    states = all_states(3, dtype=torch.float64)
    index = lambda x: (x @ torch.tensor([4.0, 2.0, 1.0]).double()).long()
    unit = None

    def corrupt(x):
        nonlocal unit
        unit = int(torch.randint(3, (), generator=generator))
        noisy = x.clone()
        noisy[:, unit] = 0.5
        return noisy

    def reconstruct(noisy):
        on, off = noisy.clone(), noisy.clone()
        on[:, unit], off[:, unit] = 1.0, 0.0
        result = noisy.clone()
        result[:, unit] = p[index(on)] / (p[index(on)] + p[index(off)])
        return result

    start = states[torch.zeros(4000, dtype=torch.long)]
    chain = denoising_chain(reconstruct, start, 60, corrupt, generator)
    assert chain.shape == (61, 4000, 3)
    assert torch.equal(chain[0], start)
    shares = index(chain[-1]).bincount(minlength=8) / 4000
    assert (shares - p).abs().max() < 4 * 0.008


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_generator_repeats_noise_and_chain_in_both_precisions(dtype):
    x = torch.rand(4, 6).to(dtype)
    for noise in (gaussian_noise, masking_noise, salt_and_pepper):
        first, second = (noise(x, 0.4, torch.Generator().manual_seed(2)) for _ in range(2))
        assert torch.equal(first, second)
        assert first.dtype == dtype
        assert not torch.equal(first, x)
    run = lambda: denoising_chain(
        lambda y: y, x, 3, lambda y: y, generator=torch.Generator().manual_seed(2)
    )
    assert torch.equal(run(), run())
    assert run().dtype == dtype


def test_arguments_that_cannot_be_are_refused():
    x = torch.rand(4, 6)
    for sigma in (0.0, -1.0, float("nan")):
        for call in (
            lambda s: gaussian_noise(x, s),
            lambda s: learned_score(lambda y: y, x, s),
            lambda s: optimal_denoiser(x, x, s),
        ):
            with pytest.raises(ValueError, match="deviation above 0"):
                call(sigma)
    for share in (-0.1, 1.1, float("nan")):
        for noise in (masking_noise, salt_and_pepper):
            with pytest.raises(ValueError, match="share between 0 and 1"):
                noise(x, share)
    same = lambda y: y
    with pytest.raises(ValueError, match="at least 0 steps, got -1"):
        denoising_chain(same, x, -1, same)
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        denoising_chain(same, x + 1, 1, same)
