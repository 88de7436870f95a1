import pytest
import torch

from deepbook.boltzmann import ContrastiveDivergence, UpDown
from deepbook.boltzmann.learning.own_generator import OwnGenerator


@pytest.mark.parametrize("make", [ContrastiveDivergence, UpDown])
def test_an_estimator_tells_its_kind_whose_generator_it_draws_by_and_its_steps(make):
    for generator in (None, torch.Generator()):
        estimator = make(2, generator=generator)
        assert isinstance(estimator, OwnGenerator)
        own = generator is not None
        assert estimator.settings() == {"kind": make.__name__, "own_generator": own, "steps": 2}


def test_a_saved_generator_goes_on_where_it_was():
    first = OwnGenerator(torch.Generator().manual_seed(3))
    saved = first.state_dict()
    drawn = torch.rand(4, generator=first.generator)
    second = OwnGenerator(torch.Generator())
    second.load_state_dict(saved)
    assert torch.equal(torch.rand(4, generator=second.generator), drawn)
    assert OwnGenerator().state_dict() == {"generator": None}
