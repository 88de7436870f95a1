from itertools import pairwise

import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.boltzmann import (
    all_states,
    bernoulli_log_likelihood,
)

VISIBLE, HIDDEN = all_states(8, dtype=torch.float64), all_states(6, dtype=torch.float64)


@given(st.integers(0, 20))
def test_every_factorised_bound_is_at_most_the_likelihood(draw, seed):
    model, generator = draw(seed=seed), torch.Generator().manual_seed(seed)
    probability = torch.rand(256, 6, generator=generator, dtype=torch.float64)
    gap = model.log_likelihood(VISIBLE) - model.elbo(VISIBLE, probability)
    log_q = bernoulli_log_likelihood(HIDDEN, probability.logit()[:, None])
    divergence = (log_q.exp() * (log_q - model.log_posterior(VISIBLE))).sum(1)
    torch.testing.assert_close(gap, divergence, rtol=1e-9, atol=1e-9)


def test_a_bound_of_certain_causes_is_the_joint(model):
    ours = model.elbo(VISIBLE[:64], HIDDEN)
    torch.testing.assert_close(ours, model.log_joint(VISIBLE[:64], HIDDEN), rtol=1e-9, atol=1e-9)


@given(st.integers(0, 20))
def test_mean_field_never_lowers_the_bound(draw, seed):
    model = draw(seed=seed)
    bounds = [model.elbo(VISIBLE, model.mean_field(VISIBLE, sweeps)) for sweeps in range(5)]
    for before, after in pairwise(bounds):
        assert (after - before).min() > -1e-10
    assert (bounds[-1] > bounds[0] + 0.01).any()
    assert (bounds[-1] <= model.log_likelihood(VISIBLE) + 1e-10).all()


def test_mean_field_ends_where_autograd_finds_no_slope(model):
    logits = model.mean_field(VISIBLE[::16], 200).logit().requires_grad_()
    (slope,) = torch.autograd.grad(model.elbo(VISIBLE[::16], logits.sigmoid()).sum(), logits)
    assert slope.abs().max() < 1e-6


def test_mean_field_is_exact_where_causes_do_not_meet(draw):
    model = draw()
    with torch.no_grad():
        # visible unit i has the one cause i mod 6
        model.weight.mul_(torch.arange(8)[:, None] % 6 == torch.arange(6))
    bound = model.elbo(VISIBLE, model.mean_field(VISIBLE, 1))
    torch.testing.assert_close(bound, model.log_likelihood(VISIBLE), rtol=0, atol=1e-10)
