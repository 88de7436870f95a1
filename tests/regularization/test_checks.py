import math

import pytest

from deepbook.regularization import check_not_negative, check_positive, check_probability


def test_what_lies_in_its_range_comes_back():
    assert check_not_negative("a strength", 0) == 0
    assert check_positive("a radius", 0.5) == 0.5
    assert [check_probability("a share", p) for p in (0, 0.3, 1)] == [0, 0.3, 1]
    assert check_probability("a share", 0.99, below_one=True) == 0.99


def test_what_does_not_is_named_and_told():
    for value in (-0.1, math.nan, math.inf):
        with pytest.raises(ValueError, match=rf"a strength of at least 0, got {value}"):
            check_not_negative("a strength", value)
    for value in (0.0, -2.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=rf"a radius above 0, got {value}"):
            check_positive("a radius", value)
    for value in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match=rf"a share between 0 and 1, got {value}"):
            check_probability("a share", value)
    with pytest.raises(ValueError, match=r"a share in \[0, 1\), got 1.0"):
        check_probability("a share", 1.0, below_one=True)
