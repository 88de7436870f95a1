"""A deep belief network small enough to enumerate, and machines with copied layers."""

import pytest
import torch

from deepbook.boltzmann import DBN, CopiedRBM


@pytest.fixture
def dbn(rbm_of):
    """Sizes 4, 3, 5, 2; every parameter random, recognition unlike generation."""
    generator = torch.Generator().manual_seed(0)
    dbn = DBN(rbm_of(4, 3))
    dbn.grow(5, weight_scale=1.0, generator=generator)
    dbn.grow(2, weight_scale=1.0, generator=generator)
    with torch.no_grad():
        for parameter in dbn.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_(0.4 * noise)
    return dbn


def make_copied(visible_copies, hidden_copies, sizes=(4, 3), seed=0):
    generator = torch.Generator().manual_seed(seed)
    rbm = CopiedRBM(
        *sizes,
        visible_copies=visible_copies,
        hidden_copies=hidden_copies,
        weight_scale=1.0,
        generator=generator,
        dtype=torch.float64,
    )
    with torch.no_grad():
        rbm.visible_bias.normal_(0, 0.5, generator=generator)
        rbm.hidden_bias.normal_(0, 0.5, generator=generator)
    return rbm


@pytest.fixture(scope="session")
def copied():
    """``copied(visible_copies, hidden_copies, sizes=, seed=)``: a random ``CopiedRBM``."""
    return make_copied
