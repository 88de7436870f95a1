import pytest
import torch
from torch.distributions import MultivariateNormal

from deepbook.boltzmann import bernoulli_log_likelihood, log_mean_exp, nearest, parzen_log_density


def test_a_parzen_window_is_a_mixture_of_torchs_gaussians():
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(7, 3, generator=generator, dtype=torch.float64)
    samples = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    gaussians = MultivariateNormal(samples, 0.09 * torch.eye(3).double())
    torchs = gaussians.log_prob(points[:, None]).logsumexp(1) - torch.tensor(5.0).log()
    torch.testing.assert_close(parzen_log_density(points, samples, 0.3), torchs)


def test_the_nearest_of_bits_is_told_by_counting():
    generator = torch.Generator().manual_seed(0)
    samples, data = ((torch.rand(n, 30, generator=generator) < 0.5).double() for n in (9, 40))
    found = nearest(samples, data)
    different = (samples[:, None] != data).sum(-1)
    assert torch.equal(found.squared_distance.long(), different.min(1).values)
    assert torch.equal(different[torch.arange(9), found.row], different.min(1).values)


def test_a_copy_is_found_at_distance_zero():
    data = torch.rand(20, 6)
    found = nearest(data[[3, 11]], data)
    assert found.row.tolist() == [3, 11]
    assert found.squared_distance.abs().max() < 1e-5


def test_the_parzen_window_prefers_the_centres_of_clusters_to_true_draws():
    # the fault that the page tells of, in 50 dimensions
    generator = torch.Generator().manual_seed(0)
    centres = 5 * torch.randn(10, 50, generator=generator)
    draw = lambda: centres + torch.randn(10, 50, generator=generator)
    points = torch.cat([draw() for _ in range(20)])
    truth = parzen_log_density(points, draw(), 1.0).mean()
    assert parzen_log_density(points, centres, 1.0).mean() > truth + 5


def test_bernoulli_log_likelihood_is_torchs():
    logits = torch.randn(4, 5, dtype=torch.float64)
    bits = (torch.rand(4, 5) < 0.5).double()
    torchs = torch.distributions.Bernoulli(logits=logits).log_prob(bits).sum(1)
    torch.testing.assert_close(bernoulli_log_likelihood(bits, logits), torchs)


def test_log_mean_exp_takes_weights_that_no_float_holds():
    weights = torch.tensor([[-2000.0, 3000.0], [-2000.0, 3001.0]], dtype=torch.float64)
    wanted = torch.tensor([-2000.0, 3000 + torch.tensor((1 + torch.e) / 2).log()])
    torch.testing.assert_close(log_mean_exp(weights), wanted.double(), rtol=1e-9, atol=0)


def test_points_that_do_not_fit_are_refused():
    for call in (nearest, lambda a, b: parzen_log_density(a, b, 1.0)):
        with pytest.raises(ValueError, match=r"got \(3, 2\) and \(3, 4\)"):
            call(torch.zeros(3, 2), torch.zeros(3, 4))
        with pytest.raises(ValueError, match="M at least 1"):
            call(torch.zeros(3, 2), torch.zeros(0, 2))
    with pytest.raises(ValueError, match="width above 0, got 0"):
        parzen_log_density(torch.zeros(3, 2), torch.zeros(3, 2), 0)
