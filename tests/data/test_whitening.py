import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.data import Whitening, patches, photographs


def correlated(seed=0, count=200, size=4):
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(size, size, generator=generator, dtype=torch.float64)
    return 3 + torch.randn(count, size, generator=generator, dtype=torch.float64) @ mixing


@given(seed=st.integers(0, 10**6))
def test_white_data_have_mean_zero_and_the_identity_as_covariance(seed):
    data = correlated(seed)
    white = Whitening.fit(data)(data)
    torch.testing.assert_close(white.mean(0), torch.zeros(4).double(), rtol=0, atol=1e-8)
    torch.testing.assert_close(torch.cov(white.T), torch.eye(4).double(), rtol=0, atol=1e-8)


def test_the_inverse_brings_the_data_back():
    data = correlated()
    whitening = Whitening.fit(data, epsilon=0.1)
    torch.testing.assert_close(whitening.inverse(whitening(data)), data)


def test_the_map_is_symmetric_and_leaves_white_data_as_they_are():
    data = correlated()
    whitening = Whitening.fit(data)
    torch.testing.assert_close(whitening.matrix, whitening.matrix.T)
    again = Whitening.fit(whitening(data))
    torch.testing.assert_close(again.matrix, torch.eye(4).double())


def test_epsilon_keeps_directions_of_little_variance_small():
    data = torch.randn(500, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([1, 1e-3])
    assert Whitening.fit(data)(data).std(0)[1] > 0.99
    assert Whitening.fit(data, epsilon=0.01)(data).std(0)[1] < 0.02


def test_patches_of_photographs_become_white_in_float32():
    data = patches(photographs().grey, 6, 5000, torch.Generator().manual_seed(0)).flatten(1)
    assert torch.corrcoef(data.T).mean() > 0.7
    white = Whitening.fit(data)(data)
    assert white.dtype == torch.float32
    torch.testing.assert_close(torch.cov(white.T), torch.eye(36), rtol=0, atol=1e-2)


@pytest.mark.parametrize(
    ("data", "epsilon", "message"),
    [
        (torch.zeros(5), 0.0, r"at least 2 rows.*\(5,\)"),
        (torch.zeros(1, 5), 0.0, r"at least 2 rows.*\(1, 5\)"),
        (torch.zeros(5, 2), 0.0, "varies in every direction"),
        (torch.eye(5), -1.0, "epsilon of at least 0"),
    ],
)
def test_data_that_cannot_be_whitened_are_refused(data, epsilon, message):
    with pytest.raises(ValueError, match=message):
        Whitening.fit(data, epsilon=epsilon)
