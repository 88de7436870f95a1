import pytest
import torch
from torch import nn

from deepbook.feedforward import SCHEMES, initialize_, weight_variance

VARIANCES = {"lecun": 1 / 300, "xavier": 2 / 500, "he": 2 / 300}


@pytest.mark.parametrize("name", VARIANCES)
@pytest.mark.parametrize("kind", ["", "_uniform"])
def test_weights_have_the_mean_and_variance_of_their_scheme(name, kind):
    generator = torch.Generator().manual_seed(0)
    layer = initialize_(nn.Linear(300, 200), name + kind, generator)
    expected = VARIANCES[name]
    assert weight_variance(name + kind, 300, 200) == pytest.approx(expected)
    # 60,000 weights: the variance is known to 0.6 %, the mean to 0.4 % of the deviation
    assert layer.weight.var().item() == pytest.approx(expected, rel=0.03)
    assert abs(layer.weight.mean().item()) < 0.02 * expected**0.5


@pytest.mark.parametrize("name", VARIANCES)
def test_normal_weights_have_tails_and_uniform_ones_have_not(name):
    generator = torch.Generator().manual_seed(0)
    bound = (3 * VARIANCES[name]) ** 0.5
    layer = nn.Linear(300, 200)
    assert initialize_(layer, name, generator).weight.abs().max() > 2 * bound
    largest = initialize_(layer, name + "_uniform", generator).weight.abs().max()
    assert 0.99 * bound < largest <= bound


@pytest.mark.parametrize(
    ("scheme", "torchs"),
    [
        ("xavier", nn.init.xavier_normal_),
        ("xavier_uniform", nn.init.xavier_uniform_),
        ("he", nn.init.kaiming_normal_),
        ("he_uniform", nn.init.kaiming_uniform_),
    ],
)
def test_weights_equal_torchs_from_the_same_random_numbers(scheme, torchs):
    layer = nn.Linear(30, 20)
    initialize_(layer, scheme, torch.Generator().manual_seed(3))
    keywords = {"nonlinearity": "relu"} if scheme.startswith("he") else {}
    generator = torch.Generator().manual_seed(3)
    expected = torchs(torch.empty(20, 30), generator=generator, **keywords)
    torch.testing.assert_close(layer.weight.detach(), expected)


@pytest.mark.parametrize(("fan_in", "fan_out"), [(12, 5), (5, 12), (7, 7)])
def test_orthogonal_weights_keep_every_length_that_they_can(fan_in, fan_out):
    layer = initialize_(nn.Linear(fan_in, fan_out), "orthogonal", torch.Generator().manual_seed(0))
    weight = layer.weight.detach().double()
    few = weight if fan_out <= fan_in else weight.T
    torch.testing.assert_close(few @ few.T, torch.eye(len(few)).double(), rtol=0, atol=1e-5)
    variance = weight_variance("orthogonal", fan_in, fan_out)
    assert weight.square().mean().item() == pytest.approx(variance, rel=1e-5)


def test_an_orthogonal_draw_prefers_no_direction():
    generator = torch.Generator().manual_seed(1)
    draws = [initialize_(nn.Linear(3, 3), "orthogonal", generator).weight for _ in range(400)]
    # an unmended QR has a diagonal of one sign
    means = torch.stack(draws).mean(0).detach()
    assert means.abs().max() < 4 * (1 / 3 / 400) ** 0.5


def test_zero_is_zero():
    layer = initialize_(nn.Linear(3, 2), "zero")
    assert (layer.weight == 0).all()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_biases_become_zero(scheme):
    assert (initialize_(nn.Linear(3, 2), scheme).bias == 0).all()


def test_every_linear_layer_inside_is_drawn_and_the_module_returned():
    module = nn.Sequential(
        nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Sequential(nn.Linear(3, 2, bias=False))
    )
    before = [p.clone() for p in module.parameters()]
    assert initialize_(module, "he") is module
    changed = [not torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True)]
    # weight and bias, batch normalisation's two, weight
    assert changed == [True, True, False, False, True]


def test_the_same_seed_gives_the_same_weights():
    draws = []
    for _ in range(2):
        layer = initialize_(nn.Linear(5, 4), "lecun", torch.Generator().manual_seed(1))
        draws.append(layer.weight)
    assert torch.equal(*draws)


def test_weights_can_still_be_trained():
    layer = initialize_(nn.Linear(3, 1), "lecun")
    layer(torch.ones(1, 3)).sum().backward()
    assert layer.weight.grad.tolist() == [[1, 1, 1]]


def test_an_unknown_scheme_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"among lecun, .*zero, got 'kaiming'"):
        initialize_(nn.Linear(2, 2), "kaiming")
    with pytest.raises(ValueError, match="got 'zero_uniform'"):
        weight_variance("zero_uniform", 2, 2)


def test_a_module_without_linear_layers_is_refused():
    with pytest.raises(ValueError, match="with linear layers, got ReLU"):
        initialize_(nn.ReLU(), "he")


def test_a_layer_without_inputs_has_no_variance():
    with pytest.raises(ValueError, match="got 0 and 3"):
        weight_variance("he", 0, 3)
