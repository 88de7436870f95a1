import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.boltzmann import bars_and_stripes, shifter


@given(size=st.integers(1, 6))
def test_every_picture_is_all_bars_or_all_stripes_and_comes_once(size):
    pictures = bars_and_stripes(size)
    assert pictures.shape == (2 ** (size + 1) - 2, size * size)
    assert len(pictures.unique(dim=0)) == len(pictures)
    grid = pictures.reshape(-1, size, size)
    bars = (grid == grid[:, :1, :]).all(2).all(1)
    stripes = (grid == grid[:, :, :1]).all(2).all(1)
    assert (bars | stripes).all()
    assert bars.sum() == stripes.sum() == 2**size


@given(size=st.integers(2, 6))
def test_the_second_row_is_the_first_shifted_by_what_the_label_says(size):
    patterns = shifter(size)
    assert patterns.shape == (3 * 2**size, 2 * size + 3)
    assert len(patterns.unique(dim=0)) == len(patterns)
    row, shifted, label = patterns.split([size, size, 3], dim=1)
    assert (label.sum(1) == 1).all()
    for one, other, shift in zip(row, shifted, label.argmax(1) - 1, strict=True):
        places = [(place - int(shift)) % size for place in range(size)]
        assert torch.equal(other, one[places])


def test_no_two_units_of_the_shifters_row_and_label_tell_of_each_other():
    row, shifted, label = shifter(4, dtype=torch.float64).split([4, 4, 3], dim=1)
    together = torch.cat([row, shifted], 1).T @ label / len(row)
    torch.testing.assert_close(together, torch.full((8, 3), 1 / 6, dtype=torch.float64))


@pytest.mark.parametrize("make", [bars_and_stripes, shifter])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_patterns_have_the_dtype_that_is_asked_for_and_are_binary(make, dtype):
    patterns = make(3, dtype=dtype)
    assert patterns.dtype == dtype
    assert set(patterns.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("size", [0, 13])
def test_sizes_out_of_range_are_refused(size):
    for make in (bars_and_stripes, shifter):
        with pytest.raises(ValueError, match=f"to 12, got {size}"):
            make(size)


def test_the_data_entropy_that_a_kl_divergence_starts_from():
    assert math.log(len(bars_and_stripes(3))) == pytest.approx(math.log(14))
    assert math.log(len(shifter(4))) == pytest.approx(math.log(48))
