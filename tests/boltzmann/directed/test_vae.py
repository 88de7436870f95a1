from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from deepbook.boltzmann import VAE, all_states, gaussian_kl, log_mean_exp

STATES = all_states(4, dtype=torch.float64)


@pytest.fixture
def vae():
    generator = torch.Generator().manual_seed(0)
    model = VAE(4, 1, [5], generator=generator, dtype=torch.float64)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5).add_(
                0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            )
        # q wider than the prior, so that no importance weight is large
        last = model.encoder.layers[-1]
        last.weight.mul_(0.3)
        last.bias[1:] += 0.4
    return model


def exact_log_likelihood(vae, visible):
    """By Gauss-Hermite quadrature over the one latent unit."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    z, w = torch.tensor(nodes)[:, None], torch.tensor(weights / weights.sum())
    p = vae.visible_mean(z)[:, None]
    each = torch.where(visible > 0, p, 1 - p).log().sum(-1)
    return (w.log()[:, None] + each).logsumexp(0)


def test_the_divergence_is_torchs():
    mean, log_std = torch.randn(2, 10, 3, dtype=torch.float64)
    torchs = kl_divergence(Normal(mean, log_std.exp()), Normal(torch.zeros_like(mean), 1.0))
    torch.testing.assert_close(gaussian_kl(mean, log_std), torchs.sum(-1))
    assert gaussian_kl(torch.zeros(3), torch.zeros(3)) == 0


def test_the_quadrature_gives_probabilities_that_sum_to_one(vae):
    assert abs(exact_log_likelihood(vae, STATES).logsumexp(0).item()) < 1e-10


def test_importance_weights_average_to_the_exact_probability(vae):
    weights = vae.log_weights(STATES, 20000, torch.Generator().manual_seed(0)).detach()
    ratio = (weights - exact_log_likelihood(vae, STATES)).exp()
    assert ((ratio.mean(0) - 1).abs() < 5 * ratio.std(0) / 20000**0.5).all()


def test_both_forms_of_the_bound_agree_and_stay_below_the_likelihood(vae):
    generator, samples = torch.Generator().manual_seed(0), 20000
    with torch.no_grad():
        weights = vae.log_weights(STATES, samples, generator)
        bound = vae.elbo(STATES, samples, generator)
    error = weights.std(0) / samples**0.5
    assert ((weights.mean(0) - bound).abs() < 6 * error).all()
    assert (bound < exact_log_likelihood(vae, STATES) + 4 * error).all()


def test_more_samples_tighten_the_bound(vae):
    with torch.no_grad():
        weights = vae.log_weights(STATES, 2**16, torch.Generator().manual_seed(0))
    bounds = [log_mean_exp(weights.view(k, -1, 16)).mean(0) for k in (1, 4, 16, 64)]
    for fewer, more in pairwise(bounds):
        assert (more > fewer).all()
    assert (exact_log_likelihood(vae, STATES) - bounds[-1]).abs().max() < 0.3


def test_the_gradient_through_the_draw_is_that_of_the_exact_bound(vae):
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    noise, w = torch.tensor(nodes)[:, None, None], torch.tensor(weights / weights.sum())
    mean, log_std = vae.posterior(STATES)
    logits = vae.decoder(mean + log_std.exp() * noise)
    each = -torch.nn.functional.softplus((1 - 2 * STATES) * logits).sum(-1)
    exact = ((w[:, None] * each).sum(0) - gaussian_kl(mean, log_std)).mean()
    parameters = list(vae.parameters())
    wanted = torch.autograd.grad(exact, parameters)
    ours = vae.elbo(STATES, 50000, torch.Generator().manual_seed(0)).mean()
    for got, want in zip(torch.autograd.grad(ours, parameters), wanted, strict=True):
        assert (got - want).abs().max() < 0.01
    assert max(want.abs().max() for want in wanted) > 0.1


def test_a_decoder_that_ignores_its_code_is_the_base_rate():
    vae, data = VAE(4, 2, [5], dtype=torch.float64), STATES[3:14]
    with torch.no_grad():
        vae.decoder.layers[-1].weight.zero_()
        vae.encoder.layers[-1].weight.zero_()
    vae.initialize_biases_(data)
    rate = (data.sum(0) + 0.5) / (len(data) + 1)
    exact = (data * rate.log() + (1 - data) * (1 - rate).log()).sum(1)
    torch.testing.assert_close(vae.elbo(data), exact)
    torch.testing.assert_close(vae.importance_weighted_bound(data, 3), exact)


def test_draws_have_the_probabilities_of_the_model(vae):
    sample = vae.sample(20000, torch.Generator().manual_seed(0))
    shares = (sample @ torch.tensor([8.0, 4, 2, 1]).double()).long().bincount(minlength=16) / 20000
    assert (shares - exact_log_likelihood(vae, STATES).exp()).abs().max() < 4 * 0.0035


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_generator_repeats_weights_and_draws_in_both_precisions(dtype):
    def make():
        generator = torch.Generator().manual_seed(3)
        vae = VAE(6, 2, [5, 4], generator=generator, dtype=dtype)
        sample = vae.sample(5, generator)
        return vae.elbo(sample, 2, generator), sample

    (first, drawn), (second, again) = make(), make()
    assert torch.equal(first, second)
    assert torch.equal(drawn, again)
    assert drawn.dtype == first.dtype == dtype


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (torch.zeros(2, 7).double(), ValueError, "expected 4 visible units"),
        (torch.zeros(2, 4), TypeError, "float64, got torch.float32"),
        (torch.full((2, 4), torch.nan).double(), ValueError, "nan"),
        (torch.full((2, 4), 0.5).double(), ValueError, "0 or 1, got 8 values between"),
    ],
)
def test_wrong_units_are_refused(vae, wrong, error, message):
    for method in (vae.posterior, vae.elbo, lambda v: vae.log_weights(v, 2)):
        with pytest.raises(error, match=message):
            method(wrong)


def test_sizes_and_counts_that_cannot_be_are_refused(vae):
    with pytest.raises(ValueError, match="positive sizes"):
        VAE(4, 0)
    with pytest.raises(ValueError, match="at least 1 sample, got 0"):
        vae.elbo(STATES, 0)
