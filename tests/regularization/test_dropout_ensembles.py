import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from deepbook.feedforward import MLP
from deepbook.regularization import (
    DropConnectLinear,
    Dropout,
    DropoutEnsemble,
    all_masks,
    dropout,
    ensemble_mean,
    exact_ensemble,
    monte_carlo_predictions,
    weight_scaling,
)


def seeded(n):
    return torch.Generator().manual_seed(n)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


def softmax_regression(units, seed, examples=3, classes=4):
    """Logits of masked inputs as a function of the masks."""
    x, weight, bias = draw(examples, units), draw(units, classes, seed=seed), draw(classes)
    return lambda masks: (x * masks[:, None]) @ weight + bias


def test_every_mask_comes_once():
    masks = all_masks(4)
    assert masks.shape == (16, 4)
    assert len(masks.unique(dim=0)) == 16
    assert masks[5].tolist() == [0, 1, 0, 1]
    assert all_masks(1, dtype=torch.float64).dtype == torch.float64


@given(st.integers(1, 7), st.floats(0, 1), st.integers(0, 1000))
def test_for_softmax_regression_weight_scaling_is_the_geometric_mean_exactly(units, p, seed):
    logits = softmax_regression(units, seed)
    exact = exact_ensemble(logits, units, p, dtype=torch.float64)
    scaled = weight_scaling(logits, units, p, dtype=torch.float64)
    torch.testing.assert_close(scaled, exact.geometric, rtol=1e-10, atol=1e-12)
    for mean in exact:
        torch.testing.assert_close(mean.sum(-1), torch.ones(3, dtype=torch.float64))


def test_at_one_half_it_is_half_the_weights():
    x, weight, bias = draw(3, 5), draw(5, 4, seed=1), draw(4)
    logits = lambda masks: (x * masks[:, None]) @ weight + bias
    exact = exact_ensemble(logits, 5, dtype=torch.float64)
    torch.testing.assert_close(exact.geometric, (x @ weight / 2 + bias).softmax(-1))


def test_the_means_are_those_of_the_definition():
    logits, p = softmax_regression(3, 2), 0.3
    arithmetic, product = 0.0, 1.0
    for mask in all_masks(3, dtype=torch.float64):
        weight = math.prod((1 - p) if kept else p for kept in mask.tolist())
        probabilities = logits(mask[None])[0].softmax(-1)
        arithmetic = arithmetic + weight * probabilities
        product = product * probabilities**weight
    exact = exact_ensemble(logits, 3, p, dtype=torch.float64)
    torch.testing.assert_close(exact.arithmetic, arithmetic)
    torch.testing.assert_close(exact.geometric, product / product.sum(-1, keepdim=True))
    assert float((exact.arithmetic - exact.geometric).abs().max()) > 0.01  # they differ


@settings(max_examples=10)
@given(st.integers(1, 100))
def test_the_chunks_do_not_matter(chunk):
    logits = softmax_regression(6, 0)
    torch.testing.assert_close(
        exact_ensemble(logits, 6, 0.2, dtype=torch.float64, chunk=chunk),
        exact_ensemble(logits, 6, 0.2, dtype=torch.float64),
    )


def test_where_nothing_or_everything_is_dropped_one_network_is_left():
    logits = softmax_regression(4, 3)
    for p, mask in ((0.0, torch.ones(1, 4)), (1.0, torch.zeros(1, 4))):
        only = logits(mask.double())[0].softmax(-1)
        exact = exact_ensemble(logits, 4, p, dtype=torch.float64)
        torch.testing.assert_close(exact, DropoutEnsemble(only, only))


def test_with_a_hidden_layer_weight_scaling_is_a_guess():
    model, x = MLP([6, 5, 3], generator=seeded(0)).double(), draw(20, 6)
    hidden = lambda masks: model.layers[1](model.layers[0](x).tanh() * masks[:, None])
    linear = exact_ensemble(hidden, 5, dtype=torch.float64)
    scaled = weight_scaling(hidden, 5, dtype=torch.float64)
    torch.testing.assert_close(scaled, linear.geometric)  # linear from the mask on
    inputs = lambda masks: model(x * masks[:, None])
    deep = exact_ensemble(inputs, 6, dtype=torch.float64)
    guess = weight_scaling(inputs, 6, dtype=torch.float64)
    assert 1e-4 < float((guess - deep.geometric).detach().abs().max()) < 0.5


def test_many_random_masks_come_to_the_arithmetic_mean():
    x, weight = draw(3, 5), draw(5, 4, seed=1)
    unscaled = lambda masks: (x * masks[:, None]) @ weight
    exact = exact_ensemble(unscaled, 5, 0.4, dtype=torch.float64)
    dropped = dropout(x.expand(40_000, 3, 5), 0.4, generator=seeded(0)) * 0.6  # not inverted
    sampled = ensemble_mean(dropped @ weight)
    torch.testing.assert_close(sampled, exact.arithmetic, rtol=0, atol=0.01)


@pytest.mark.parametrize("layer", [Dropout(0.5), nn.Dropout(0.5), nn.AlphaDropout(0.5)])
def test_monte_carlo_draws_only_in_layers_that_drop_and_leaves_all_modes(layer):
    model = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), layer, nn.Linear(6, 3)).double()
    model[1].eval()
    modes = [module.training for module in model.modules()]
    running, x = model[1].running_mean.clone(), draw(5, 4)
    outputs = monte_carlo_predictions(model, x, 7)
    assert outputs.shape == (7, 5, 3)
    assert not outputs.requires_grad
    assert len(outputs.flatten(1).unique(dim=0)) == 7
    assert [module.training for module in model.modules()] == modes
    model[1].train()
    monte_carlo_predictions(model, x, 2)
    assert torch.equal(model[1].running_mean, running)


def test_monte_carlo_draws_in_dropconnect_too():
    model = nn.Sequential(DropConnectLinear(4, 3, 0.5)).double().eval()
    outputs = monte_carlo_predictions(model, draw(5, 4), 3)
    assert not torch.equal(outputs[0], outputs[1])
    assert not model[0].training


def test_the_mean_over_many_draws_is_the_exact_ensemble():
    torch.manual_seed(0)
    model = nn.Sequential(Dropout(0.4), nn.Linear(4, 3)).double()
    x = draw(5, 4)
    exact = exact_ensemble(lambda masks: model[1](x * masks[:, None] / 0.6), 4, 0.4, dtype=x.dtype)
    sampled = ensemble_mean(monte_carlo_predictions(model, x, 5000))
    torch.testing.assert_close(sampled, exact.arithmetic.detach(), rtol=0, atol=0.03)


def test_what_cannot_be_is_refused():
    logits = softmax_regression(3, 0)
    for units in (0, 21):
        with pytest.raises(ValueError, match=f"1 to 20 units, got {units}"):
            all_masks(units)
    for method in (exact_ensemble, weight_scaling):
        with pytest.raises(ValueError, match=r"a dropout probability between 0 and 1, got 1\.5"):
            method(logits, 3, 1.5)
    with pytest.raises(ValueError, match="at least 1 unit, got 0"):
        weight_scaling(logits, 0)
    with pytest.raises(ValueError, match="at least 1 mask in a chunk, got 0"):
        exact_ensemble(logits, 3, chunk=0)
    with pytest.raises(ValueError, match="a model with a dropout layer, got one without"):
        monte_carlo_predictions(nn.Linear(2, 2), torch.ones(1, 2), 3)
    with pytest.raises(ValueError, match="at least 1 sample, got 0"):
        monte_carlo_predictions(Dropout(), torch.ones(1, 2), 0)
