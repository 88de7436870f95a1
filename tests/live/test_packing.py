import base64
import json

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deepbook.live import Packed, pack

NUMBERS = st.floats(-1e4, 1e4, width=32)


@given(arrays(np.float32, (5, 3), elements=NUMBERS))
def test_float32_keeps_every_bit(array):
    assert (pack(array).unpack() == array).all()


@given(arrays(np.float32, (5, 3), elements=NUMBERS))
@example(np.full((5, 3), 1e-45, dtype=np.float32))
def test_int8_is_off_by_at_most_half_a_scale(array):
    packed = pack(array, "int8")
    assert packed.codes.dtype == np.int8
    assert packed.scale.shape == (3,)
    assert (abs(packed.unpack() - array) <= 0.50001 * packed.scale).all()


def test_each_hidden_unit_has_a_scale_of_its_own():
    weight = torch.tensor([[127.0, 0.127], [-1.0, -0.001]])
    packed = pack(weight, "int8")
    assert packed.codes.tolist() == [[127, 127], [-1, -1]]
    np.testing.assert_allclose(packed.scale, [1, 0.001], rtol=1e-6)


def test_a_column_of_zeros_stays_zero():
    assert (pack(np.zeros((3, 2)), "int8").unpack() == 0).all()


def test_float16_rounds_to_the_nearest():
    assert pack([0.1, 2048.0], "float16").unpack().tolist() == [np.float16(0.1), 2048.0]


def test_parameters_and_masks_are_packed_as_they_are():
    assert pack(torch.nn.Parameter(torch.ones(2))).unpack().tolist() == [1, 1]
    assert pack(torch.tensor([True, False]), "uint8").codes.tolist() == [1, 0]


def test_json_holds_the_bytes_with_the_lowest_first():
    told = pack(np.array([[1.0, 2.0]]), "float16").to_json()
    assert told == {"array": "float16", "shape": [1, 2], "base64": told["base64"]}
    assert base64.b64decode(told["base64"]) == bytes([0x00, 0x3C, 0x00, 0x40])
    big = Packed(np.array([1.0], dtype=">f4"))
    assert base64.b64decode(big.to_json()["base64"]) == np.array([1.0], dtype="<f4").tobytes()
    assert set(pack(np.ones((1, 1)), "int8").to_json()) == {"array", "shape", "base64", "scale"}
    json.dumps(told)


@pytest.mark.parametrize(
    ("array", "dtype", "message"),
    [
        ([1.0], "float64", "expected a dtype among float32, float16, int8, uint8, got 'float64'"),
        ([float("nan")], "float32", "expected finite numbers, got NaN or infinity"),
        ([float("inf")], "int8", "expected finite numbers"),
        ([1e5], "float16", "expected numbers that float16 can hold, got up to 100000"),
        ([0.5], "uint8", "expected whole numbers from 0 to 255"),
        ([256], "uint8", "expected whole numbers from 0 to 255"),
        (1.0, "int8", "expected an array of at least 1 dimension"),
    ],
)
def test_what_cannot_be_packed_is_refused(array, dtype, message):
    with pytest.raises(ValueError, match=message):
        pack(array, dtype)
