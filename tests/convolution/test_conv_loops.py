import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepbook.convolution import conv1d_loops, conv2d_loops


@settings(max_examples=15)
@given(st.data())
def test_the_loops_on_pictures_equal_torch(conv_cases, assert_as_torch, data):
    case = data.draw(conv_cases(most=4))
    assert_as_torch(conv2d_loops(case.x, case.weight, case.bias, **case.settings), case)


@settings(max_examples=25)
@given(st.data())
def test_the_loops_on_sequences_equal_torch(conv_cases, assert_as_torch, data):
    case = data.draw(conv_cases(dims=1))
    assert_as_torch(conv1d_loops(case.x, case.weight, case.bias, **case.settings), case)


@pytest.mark.parametrize(
    ("shapes", "groups", "message"),
    [
        (((3, 4, 4), (2, 3, 2, 2), (2,)), 1, r"an input of 4 dimensions, got shape \(3, 4, 4\)"),
        (((1, 3, 4, 4), (2, 3, 2), (2,)), 1, r"a weight of 4 dimensions, got shape \(2, 3, 2\)"),
        (((1, 3, 4, 4), (2, 2, 2, 2), (2,)), 1, "for 3 channels of 3 in 1 groups, got 2"),
        (((1, 4, 4, 4), (2, 4, 2, 2), (2,)), 2, "for 2 channels of 4 in 2 groups, got 4"),
        (((1, 3, 4, 4), (2, 3, 2, 2), (2,)), 2, "divide 3 input and 2 output channels, got 2"),
        (((1, 3, 4, 4), (2, 3, 2, 2), (2,)), 0, "output channels, got 0"),
        (((1, 3, 4, 4), (2, 3, 2, 2), (3,)), 1, "a bias for each of 2 outputs"),
        (((1, 3, 4, 1), (2, 3, 2, 2), (2,)), 1, "at least 2 with its padding, got 1"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shapes, groups, message):
    with pytest.raises(ValueError, match=message):
        conv2d_loops(*map(torch.ones, shapes), groups=groups)


def test_a_setting_for_each_dimension():
    with pytest.raises(ValueError, match=r"expected one number or 2 strides, got \(1, 2, 3\)"):
        conv2d_loops(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 2, 2), stride=(1, 2, 3))
    with pytest.raises(ValueError, match=r"expected one number or 1 dilations, got \(1, 2\)"):
        conv1d_loops(torch.ones(1, 1, 4), torch.ones(1, 1, 2), dilation=(1, 2))
