import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.sequence import sinusoidal_positions


@given(st.integers(1, 6), st.integers(1, 7))
def test_each_entry_is_that_of_the_paper_for_odd_sizes_too(length, size):
    codes = sinusoidal_positions(length, size, dtype=torch.float64)
    assert codes.shape == (length, size)
    for t in range(length):
        for k in range(size):
            angle = t / 10_000 ** (2 * (k // 2) / size)
            expected = math.cos(angle) if k % 2 else math.sin(angle)
            assert float(codes[t, k]) == pytest.approx(expected, abs=1e-12)


def test_the_product_of_two_codes_depends_on_their_distance_alone():
    codes = sinusoidal_positions(20, 16, dtype=torch.float64)
    products = codes @ codes.T
    for distance in range(5):
        diagonal = products.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))


def test_no_places_and_no_features_are_refused():
    for sizes in ((0, 3), (3, 0)):
        with pytest.raises(ValueError, match="expected at least 1 place and 1 feature"):
            sinusoidal_positions(*sizes)
