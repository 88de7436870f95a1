import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.boltzmann import MAX_UNITS, all_states, state_blocks


@given(size=st.integers(0, 10))
def test_all_states_count_upwards_with_the_first_unit_as_highest_bit(size):
    states = all_states(size, dtype=torch.float64)
    assert states.shape == (2**size, size)
    expected = [[float(bit) for bit in f"{number:0{size}b}"] for number in range(2**size)]
    assert states.tolist() == (expected if size else [[]])


@given(size=st.integers(0, 9), block_size=st.integers(1, 600))
def test_blocks_together_are_all_states_and_none_is_too_big(size, block_size):
    blocks = list(state_blocks(size, block_size=block_size))
    assert max(len(block) for block in blocks) <= block_size
    assert torch.equal(torch.cat(blocks), all_states(size))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_states_have_the_dtype_that_is_asked_for(dtype):
    assert all_states(3, dtype=dtype).dtype == dtype


def test_states_have_the_default_dtype_if_none_is_asked_for():
    assert all_states(3).dtype == torch.get_default_dtype()


def test_the_largest_number_of_units_comes_in_blocks_and_takes_no_memory():
    first = next(state_blocks(MAX_UNITS))
    assert first.shape == (2**13, MAX_UNITS)
    assert not first[:, : MAX_UNITS - 13].any()


@pytest.mark.parametrize("size", [-1, MAX_UNITS + 1])
def test_too_many_units_to_enumerate_are_refused_with_their_number(size):
    with pytest.raises(ValueError, match=rf"expected 0 to {MAX_UNITS} units.*got {size}"):
        all_states(size)
