"""Sigmoid belief networks small enough to enumerate."""

import pytest
import torch

from deepbook.boltzmann import SigmoidBeliefNetwork


def _draw(visible_size=8, hidden_size=6, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    model = SigmoidBeliefNetwork(
        visible_size, hidden_size, weight_scale=1.5, generator=generator, dtype=dtype
    )
    with torch.no_grad():
        for bias in (model.visible_bias, model.hidden_bias):
            bias.copy_(torch.randn(bias.shape, generator=generator, dtype=dtype))
    return model


@pytest.fixture(scope="session")
def draw():
    """``draw(visible_size, hidden_size, seed=, dtype=)``: a random ``SigmoidBeliefNetwork``."""
    return _draw


@pytest.fixture
def model():
    """One of 8 visible and 6 hidden units."""
    return _draw()
