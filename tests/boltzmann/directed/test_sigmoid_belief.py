import pytest
import torch
from torch import nn

from deepbook.boltzmann import (
    SigmoidBeliefNetwork,
    all_states,
    log_mean_exp,
)

VISIBLE, HIDDEN = all_states(8, dtype=torch.float64), all_states(6, dtype=torch.float64)


def test_the_joint_sums_to_one_with_no_partition_function(model):
    joint = model.log_joint(VISIBLE[:, None], HIDDEN)
    assert abs(joint.logsumexp((0, 1)).item()) < 1e-10


@pytest.mark.parametrize("block_size", [1, 5, 4096])
def test_the_likelihood_is_the_joint_summed_over_hidden_states(model, block_size):
    by_enumeration = model.log_joint(VISIBLE[:, None], HIDDEN).logsumexp(1)
    ours = model.log_likelihood(VISIBLE, block_size=block_size)
    torch.testing.assert_close(ours, by_enumeration, rtol=0, atol=1e-10)


def test_the_posterior_is_the_joint_over_the_likelihood(model):
    joint = model.log_joint(VISIBLE[:, None], HIDDEN)
    posterior = joint - model.log_likelihood(VISIBLE)[:, None]
    torch.testing.assert_close(model.log_posterior(VISIBLE), posterior, rtol=0, atol=1e-10)


def test_causes_that_explain_the_same_unit_compete():
    model = SigmoidBeliefNetwork(1, 2, dtype=torch.float64)
    with torch.no_grad():
        model.weight.fill_(6.0)
        model.visible_bias.fill_(-6.0)
        model.hidden_bias.fill_(-3.0)
    posterior = model.log_posterior(torch.ones(1, 1).double())[0].exp()  # 00 01 10 11
    alone = posterior[2] + posterior[3]
    given_the_other = posterior[3] / (posterior[1] + posterior[3])
    assert given_the_other < alone / 2


def test_without_weights_it_is_the_base_rate():
    model = SigmoidBeliefNetwork(8, 3, weight_scale=0, dtype=torch.float64)
    data = VISIBLE[30:90]
    model.initialize_biases_(data)
    rate = (data.sum(0) + 0.5) / (len(data) + 1)
    exact = (data * rate.log() + (1 - data) * (1 - rate).log()).sum(1)
    torch.testing.assert_close(model.log_likelihood(data), exact)


def test_draws_have_the_probabilities_of_the_model(draw):
    model = draw(visible_size=4)
    exact = model.log_likelihood(all_states(4, dtype=torch.float64)).exp()
    sample, cause = model.sample(20000, torch.Generator().manual_seed(0))
    shares = (sample @ torch.tensor([8.0, 4, 2, 1]).double()).long().bincount(minlength=16) / 20000
    assert (shares - exact).abs().max() < 4 * 0.0035
    assert (cause.mean(0) - model.hidden_bias.sigmoid()).abs().max() < 4 * 0.0035


def test_weights_from_the_posterior_itself_are_all_the_likelihood(draw):
    model = draw()
    with torch.no_grad():
        model.weight.mul_(torch.arange(8)[:, None] % 6 == torch.arange(6))
    logits = model.mean_field(VISIBLE, 1).logit()
    weights = model.log_weights(VISIBLE, lambda _: logits, 3, torch.Generator().manual_seed(0))
    torch.testing.assert_close(weights, model.log_likelihood(VISIBLE).expand(3, -1))


def test_weights_average_to_the_probability_and_their_logarithms_to_the_bound(model):
    visible, samples = VISIBLE[[7, 77]], 40000
    recognition = lambda v: v @ torch.full((8, 6), 0.1).double() - 0.3
    weights = model.log_weights(visible, recognition, samples, torch.Generator().manual_seed(0))
    exact = model.log_likelihood(visible)
    ratio = (weights - exact).exp()
    assert ((ratio.mean(0) - 1).abs() < 4 * ratio.std(0) / samples**0.5).all()
    bound = model.elbo(visible, recognition(visible).sigmoid())
    assert ((weights.mean(0) - bound).abs() < 4 * weights.std(0) / samples**0.5).all()
    assert (log_mean_exp(weights) > bound).all()


def test_weights_pass_no_gradient_to_the_inference_network(model):
    recognition = nn.Linear(8, 6).double()
    model.log_weights(VISIBLE, recognition, 2).mean().backward()
    assert recognition.weight.grad is None
    assert model.weight.grad.abs().max() > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_generator_repeats_weights_and_draws_in_both_precisions(dtype):
    def make():
        generator = torch.Generator().manual_seed(3)
        model = SigmoidBeliefNetwork(8, 6, generator=generator, dtype=dtype)
        return model, model.sample(5, generator)[0]

    (first, drawn), (second, again) = make(), make()
    assert torch.equal(first.weight, second.weight)
    assert torch.equal(drawn, again)
    assert drawn.dtype == first.log_likelihood(drawn).dtype == dtype
    assert first.elbo(drawn, first.mean_field(drawn)).isfinite().all()


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (torch.zeros(2, 7).double(), ValueError, "expected 8 visible units"),
        (torch.zeros(2, 8), TypeError, "float64, got torch.float32"),
        (torch.full((2, 8), torch.nan).double(), ValueError, "nan"),
        (torch.full((2, 8), 0.5).double(), ValueError, "0 or 1, got 16 values between"),
    ],
)
def test_wrong_units_are_refused(model, wrong, error, message):
    for method in (model.log_likelihood, model.log_posterior, model.mean_field):
        with pytest.raises(error, match=message):
            method(wrong)


def test_sizes_and_counts_that_cannot_be_are_refused(model):
    with pytest.raises(ValueError, match="got 3 and 0"):
        SigmoidBeliefNetwork(3, 0)
    with pytest.raises(ValueError, match="scale of at least 0, got -1"):
        SigmoidBeliefNetwork(3, 2, weight_scale=-1)
    with pytest.raises(ValueError, match="at least 0, got -2"):
        model.sample(-2)
    with pytest.raises(ValueError, match="expected 6 hidden units"):
        model.elbo(VISIBLE, VISIBLE)
    with pytest.raises(ValueError, match="hidden units that are 0 or 1"):
        model.log_joint(VISIBLE, torch.full((256, 6), 0.5).double())


def test_too_many_causes_are_not_enumerated():
    with pytest.raises(ValueError, match="0 to 25 units to enumerate, got 26"):
        SigmoidBeliefNetwork(3, 26).log_likelihood(torch.zeros(1, 3))
