import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.boltzmann import (
    BinarySparseCoding,
    all_states,
    pairwise_log_partition,
)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def small_model(seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    model = BinarySparseCoding(6, 5, precision=4.0, generator=generator, dtype=dtype)
    with torch.no_grad():
        model.bias.normal_(-0.5, 0.5, generator=generator)
    return model


def test_likelihood_is_the_mixture_of_gaussians_that_it_is():
    model, data = small_model(), draw(4, 6)
    h = all_states(5, dtype=torch.float64)
    prior = torch.distributions.Bernoulli(logits=model.bias).log_prob(h).sum(-1)
    noise = torch.distributions.Normal(h @ model.weight, 0.5)
    by_hand = (prior + noise.log_prob(data[:, None]).sum(-1)).logsumexp(-1)
    torch.testing.assert_close(model.log_likelihood(data), by_hand, rtol=0, atol=1e-10)


def test_posterior_is_the_boltzmann_machine_of_its_field_and_coupling():
    model, data = small_model(), draw(4, 6)
    field, coupling = model.field_and_coupling(data)
    h = all_states(5, dtype=torch.float64)
    scores = field @ h.T + torch.einsum("si,ij,sj->s", h, coupling, h) / 2
    torch.testing.assert_close(model.posterior(data), scores.softmax(-1), rtol=0, atol=1e-10)
    # and the partition function is what is missing of the likelihood
    nothing = model.log_joint(data, torch.zeros(4, 5).double())
    torch.testing.assert_close(
        model.log_likelihood(data),
        nothing + pairwise_log_partition(field, coupling),
        rtol=0,
        atol=1e-10,
    )


@given(seed=st.integers(0, 1000))
def test_elbo_is_below_the_likelihood_by_the_divergence_of_q_from_the_posterior(seed):
    model, data = small_model(seed), draw(4, 6, seed=seed)
    mean = model.mean_field(data).mean
    h = all_states(5, dtype=torch.float64)
    q = torch.where(h > 0, mean[:, None], 1 - mean[:, None]).prod(-1)
    divergence = (torch.xlogy(q, q) - q * model.posterior(data).log()).sum(-1)
    gap = model.log_likelihood(data) - model.elbo(data, mean)
    torch.testing.assert_close(gap, divergence, rtol=0, atol=1e-8)
    assert bool((gap >= -1e-10).all())


def test_em_never_lowers_the_likelihood():
    data = small_model(1).sample(200, torch.Generator().manual_seed(0))
    model = small_model(2)
    before = model.log_likelihood(data).mean()
    first = before
    for _ in range(30):
        model.em_step(data)
        after = model.log_likelihood(data).mean()
        assert after >= before - 1e-8
        before = after
    assert after > first + 1


def test_an_em_step_ends_where_the_expected_gradient_is_zero():
    data, model = draw(30, 6), small_model(3)
    posterior, states = model.posterior(data).detach(), all_states(5, dtype=torch.float64)
    model.em_step(data)
    expected = (posterior * model.log_joint(data[:, None], states)).sum()
    for gradient in torch.autograd.grad(expected, list(model.parameters())):
        torch.testing.assert_close(gradient, torch.zeros_like(gradient), rtol=0, atol=1e-5)


def test_a_variational_em_step_ends_where_the_bounds_gradient_is_zero():
    data, model = draw(30, 6), small_model(3)
    mean = model.mean_field(data).mean
    model.em_step(data, exact=False)
    for gradient in torch.autograd.grad(model.elbo(data, mean).sum(), list(model.parameters())):
        torch.testing.assert_close(gradient, torch.zeros_like(gradient), rtol=0, atol=1e-5)


def test_variational_em_raises_the_bound():
    data = small_model(1).sample(200, torch.Generator().manual_seed(0))
    model = small_model(2)
    first = model.elbo(data, model.mean_field(data).mean).mean()
    for _ in range(30):
        model.em_step(data, exact=False)
    mean = model.mean_field(data).mean
    assert model.elbo(data, mean).mean() > first + 1
    assert bool((model.elbo(data, mean) <= model.log_likelihood(data) + 1e-10).all())


def test_samples_have_the_mean_that_the_model_has():
    model = small_model()
    data = model.sample(20_000, torch.Generator().manual_seed(0))
    expected = (torch.sigmoid(model.bias) @ model.weight).detach()
    assert float((data.mean(0) - expected).abs().max()) < 0.05
    assert torch.equal(data, model.sample(20_000, torch.Generator().manual_seed(0)))


def test_data_and_sizes_that_cannot_be_are_named():
    with pytest.raises(ValueError, match="expected 6 visible units"):
        small_model().log_likelihood(draw(4, 7))
    with pytest.raises(ValueError, match="positive precision, got 6, 5 and 0"):
        BinarySparseCoding(6, 5, precision=0)
