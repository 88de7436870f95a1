import pytest
import torch

from deepbook.boltzmann import (
    ExactGradient,
    expected_cd_gradient,
    second_eigenvalue,
    visible_transition_matrix,
)


def seeded(n):
    return torch.Generator().manual_seed(n)


def flat(gradient):
    return torch.cat([gradient[name].flatten() for name in sorted(gradient)])


@pytest.fixture
def data():
    """10 patterns, some of them often: far from what a random machine believes."""
    patterns = (torch.rand(10, 8, generator=seeded(7)) < 0.5).double()
    return patterns[torch.randint(10, (40,), generator=seeded(8))]


def test_the_bias_falls_at_the_rate_of_the_second_eigenvalue_and_is_gone_at_25(small_rbm, data):
    exact = flat(ExactGradient()(small_rbm, data))
    bias = {
        k: float((flat(expected_cd_gradient(small_rbm, data, k)) - exact).norm())
        for k in (1, 10, 15, 25)
    }
    rate = float(second_eigenvalue(visible_transition_matrix(small_rbm)))
    assert (bias[15] / bias[10]) ** (1 / 5) == pytest.approx(rate, rel=0.01)
    assert bias[1] > 0.1
    assert bias[25] < 1e-8


def test_no_step_gives_no_gradient(small_rbm, data):
    assert float(flat(expected_cd_gradient(small_rbm, data, 0)).abs().max()) < 1e-14


def test_negative_steps_and_grey_data_are_refused(small_rbm, data):
    with pytest.raises(ValueError, match="at least 0 steps, got -1"):
        expected_cd_gradient(small_rbm, data, -1)
    with pytest.raises(ValueError, match="0 or 1"):
        expected_cd_gradient(small_rbm, data / 2, 1)
