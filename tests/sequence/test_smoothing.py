import numpy as np
import pytest

from deepbook.sequence import (
    absolute_discounting,
    additive,
    estimated_discount,
    jelinek_mercer,
    maximum_likelihood,
    witten_bell,
)

# behind one history came a three times and b once, of four symbols; c and d are new
COUNT, SHORTER = np.array([3, 1, 0, 0]), np.array([0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize(
    ("smooth", "expected"),
    [
        (maximum_likelihood, [0.75, 0.25, 0, 0]),
        (additive(1.0, 4), [4 / 8, 2 / 8, 1 / 8, 1 / 8]),
        (jelinek_mercer(0.5), [0.425, 0.225, 0.15, 0.2]),
        (witten_bell, [3.2 / 6, 1.4 / 6, 0.6 / 6, 0.8 / 6]),
        (absolute_discounting(0.5), [2.6 / 4, 0.7 / 4, 0.3 / 4, 0.4 / 4]),
    ],
)
def test_each_formula_on_four_symbols(smooth, expected):
    p = smooth(COUNT, np.array(4), np.array(2), SHORTER)
    np.testing.assert_allclose(p, expected)
    assert p.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "smooth", [maximum_likelihood, jelinek_mercer(0.5), witten_bell, absolute_discounting(0.5)]
)
def test_behind_a_new_history_the_shorter_one_speaks(smooth):
    zero = np.array(0)
    np.testing.assert_allclose(smooth(0 * COUNT, zero, zero, SHORTER), SHORTER)


def test_the_discount_is_estimated_from_what_counts_once_and_twice():
    assert estimated_discount(np.array([1, 1, 1, 1, 2, 3])) == pytest.approx(4 / 6)
    assert estimated_discount(np.array([1, 1])) == 0.95
    assert estimated_discount(np.array([2, 2])) == 0.1
    assert estimated_discount(np.array([3])) == 0.5


def test_parameters_out_of_range_are_refused():
    with pytest.raises(ValueError, match="an amount above 0, got -1"):
        additive(-1, 4)
    with pytest.raises(ValueError, match=r"a weight in \[0, 1\], got 2"):
        jelinek_mercer(2)
    with pytest.raises(ValueError, match=r"a discount above 0 and at most 1, got 1\.5"):
        absolute_discounting(1.5)
