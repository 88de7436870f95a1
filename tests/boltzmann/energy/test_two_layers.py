import math

import pytest
import torch

from deepbook.boltzmann import (
    RBM,
    BoltzmannMachine,
    ConvolutionalRBM,
    GaussianRBM,
    InitialWeights,
    SigmoidBeliefNetwork,
    SoftmaxRBM,
    TwoLayers,
)
from deepbook.units import log_odds

MODELS = {
    "RBM": (lambda **options: RBM(5, 4, **options), [(5, 4), (5,), (4,)]),
    "GaussianRBM": (lambda **options: GaussianRBM(5, 4, **options), [(5, 4), (5,), (4,)]),
    "SoftmaxRBM": (lambda **options: SoftmaxRBM(3, 2, 4, **options), [(3, 2, 4), (3, 2), (4,)]),
    "ConvolutionalRBM": (
        lambda **options: ConvolutionalRBM((2, 4, 5), 3, 2, **options),
        [(3, 2, 2, 2), (2,), (3,)],
    ),
    "BoltzmannMachine": (lambda **options: BoltzmannMachine(3, 2, **options), [(10,), (3,), (2,)]),
    "SigmoidBeliefNetwork": (
        lambda **options: SigmoidBeliefNetwork(5, 4, **options),
        [(5, 4), (5,), (4,)],
    ),
}


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]


def test_weights_are_noise_of_the_given_scale_and_biases_zero(model):
    make, shapes = model
    made = make(weight_scale=0.3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    noise = torch.randn(shapes[0], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert isinstance(made, TwoLayers)
    assert [name for name, _ in made.named_parameters()] == [
        "weight",
        "visible_bias",
        "hidden_bias",
    ]
    assert torch.equal(made.weight, 0.3 * noise)
    assert [tuple(parameter.shape) for parameter in made.parameters()] == shapes
    assert not made.visible_bias.any()
    assert not made.hidden_bias.any()
    assert {parameter.dtype for parameter in made.parameters()} == {torch.float64}


@pytest.mark.parametrize("scale", [-0.1, math.nan])
def test_a_scale_below_zero_is_refused(model, scale):
    with pytest.raises(ValueError, match=f"weight scale of at least 0, got {scale}"):
        model[0](weight_scale=scale)


def test_an_option_that_no_model_has_is_refused(model):
    assert InitialWeights.__optional_keys__ == {"weight_scale", "generator", "device", "dtype"}
    with pytest.raises(TypeError, match="scale_of_weights"):
        model[0](scale_of_weights=0.1)


def test_without_a_shape_of_their_own_weights_link_each_unit_to_each():
    assert TwoLayers((2, 3), (4,)).weight.shape == (2, 3, 4)


def test_biases_start_at_the_log_odds_of_the_data():
    data = torch.tensor([[1.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    for made in (RBM(3, 2), BoltzmannMachine(3, 2), SigmoidBeliefNetwork(3, 2)):
        made.initialize_biases_(data)
        assert torch.equal(made.visible_bias, log_odds(data))
        before = made.visible_bias.clone()
        with pytest.raises(ValueError, match="3 visible units"):
            made.initialize_biases_(data[:, :2])
        assert torch.equal(made.visible_bias, before)
