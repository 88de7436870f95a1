"""Sparse coding against scikit-learn, and binary sparse coding against enumeration."""

import pytest
import sklearn.linear_model
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepbook.boltzmann import (
    BinarySparseCoding,
    all_states,
    learn_dictionary,
    pairwise_log_partition,
    sparse_code,
    sparse_coding_loss,
)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def small_model(seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    model = BinarySparseCoding(6, 5, precision=4.0, generator=generator, dtype=dtype)
    with torch.no_grad():
        model.bias.normal_(-0.5, 0.5, generator=generator)
    return model


def test_code_is_scikit_learns_lasso():
    data, dictionary = draw(4, 10), draw(6, 10, seed=1)
    code = sparse_code(data, dictionary, 0.8, steps=2000)
    for row, example in zip(code, data, strict=True):
        lasso = sklearn.linear_model.Lasso(0.8 / 10, fit_intercept=False, tol=1e-12)
        lasso.fit(dictionary.T.numpy(), example.numpy())
        torch.testing.assert_close(row, torch.from_numpy(lasso.coef_), rtol=0, atol=1e-6)
    assert 0 < (code == 0).sum() < code.numel()


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_no_code_nearby_is_better(seed):
    data, dictionary = draw(3, 5, seed=seed), draw(7, 5, seed=seed + 1)
    code = sparse_code(data, dictionary, 0.5, steps=600)
    best = sparse_coding_loss(data, code, dictionary, 0.5)
    nearby = code + 0.01 * draw(20, 3, 7, seed=seed + 2)
    assert bool((sparse_coding_loss(data, nearby, dictionary, 0.5) >= best - 1e-6).all())


def test_a_penalty_above_every_correlation_leaves_no_code():
    data, dictionary = draw(4, 10), draw(6, 10, seed=1)
    largest = float((data @ dictionary.T).abs().max())
    assert not sparse_code(data, dictionary, largest * 1.001).any()
    assert sparse_code(data, dictionary, largest * 0.999).any()


def test_dictionary_learning_lowers_the_loss_and_keeps_atoms_short():
    data = sparse_data()
    dictionary, losses = learn_dictionary(
        data, 6, 0.1, rounds=30, generator=torch.Generator().manual_seed(0)
    )
    assert bool((torch.tensor(losses).diff() < 1e-6).all())
    assert float(dictionary.norm(dim=1).max()) <= 1 + 1e-12


def sparse_data():
    generator = torch.Generator().manual_seed(3)
    atoms = torch.nn.functional.normalize(torch.randn(6, 12, generator=generator).double())
    code = 3 * (torch.rand(300, 6, generator=generator) < 0.2).double()
    return code @ atoms


def test_dictionary_learning_finds_the_atoms_that_made_the_data():
    generator = torch.Generator().manual_seed(3)
    atoms = torch.nn.functional.normalize(torch.randn(6, 12, generator=generator).double())
    dictionary, _ = learn_dictionary(
        sparse_data(), 10, 0.1, rounds=50, generator=torch.Generator().manual_seed(0)
    )
    # with as many atoms as there are, some starts end in a local minimum; with more, none here
    assert float((atoms @ dictionary.T).abs().amax(1).min()) > 0.95


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


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"got \(4, 10\) and \(6, 9\)"):
        sparse_code(draw(4, 10), draw(6, 9), 1.0)
    with pytest.raises(ValueError, match="penalty of at least 0, got -1"):
        sparse_code(draw(4, 10), draw(6, 10), -1)
    with pytest.raises(ValueError, match=r"expected 1 to 4 atoms.*got 5"):
        learn_dictionary(draw(4, 10), 5, 1.0)
    with pytest.raises(ValueError, match="expected 6 visible units"):
        small_model().log_likelihood(draw(4, 7))
    with pytest.raises(ValueError, match="positive precision, got 6, 5 and 0"):
        BinarySparseCoding(6, 5, precision=0)
