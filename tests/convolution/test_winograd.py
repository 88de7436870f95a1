from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from deepbook.convolution import (
    FilterTransforms,
    Tally,
    cook_toom,
    winograd_conv2d,
    winograd_filter,
)

fractions = st.fractions(-9, 9, max_denominator=7)


def draw(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_one_to_four_with_three_ones_are_six_and_nine_exactly():
    d, g = [Fraction(v) for v in (1, 2, 3, 4)], [Fraction(1)] * 3
    assert winograd_filter(d, g) == [Fraction(6), Fraction(9)]


def test_the_transforms_of_two_outputs_and_three_taps_are_lavin_and_grays():
    half = Fraction(1, 2)
    transforms = cook_toom(2, 3)
    assert isinstance(transforms, FilterTransforms)
    # the paper has the opposite sign in the last column of A' and the last row of B'
    assert transforms.output == ((1, 1, 1, 0), (0, 1, -1, 1))
    assert transforms.kernel == ((1, 0, 0), (half, half, half), (half, -half, half), (0, 0, 1))
    assert transforms.inputs == ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, -1, 0, 1))


@settings(max_examples=15, deadline=None)
@given(st.data(), st.integers(1, 6), st.integers(1, 5))
def test_every_tile_is_exact_in_fractions(data, m, r):
    d = data.draw(st.lists(fractions, min_size=m + r - 1, max_size=m + r - 1))
    g = data.draw(st.lists(fractions, min_size=r, max_size=r))
    direct = [sum(d[i + j] * g[j] for j in range(r)) for i in range(m)]
    assert winograd_filter(d, g) == direct


@pytest.mark.parametrize(("m", "r"), [(2, 3), (4, 3), (6, 3), (2, 5)])
def test_a_tile_takes_as_many_products_as_inputs(m, r):
    tally = Tally()
    d = tally.numbers([Fraction(v) for v in range(m + r - 1)])
    g = tally.numbers([Fraction(v + 1) for v in range(r)])
    winograd_filter(d, g)
    assert tally.products == m + r - 1


def test_two_outputs_of_three_taps_take_four_products_for_six():
    tally = Tally()
    d, g = tally.numbers([1, 2, 3, 4]), tally.numbers([1, 1, 1])
    assert [y.value for y in winograd_filter(d, g)] == [6, 9]
    assert tally.products == 4
    direct = Tally()
    d, g = direct.numbers([1, 2, 3, 4]), direct.numbers([1, 1, 1])
    assert [sum(d[i + j] * g[j] for j in range(3)).value for i in range(2)] == [6, 9]
    assert direct.products == 6


@settings(max_examples=20, deadline=None)
@given(
    st.integers(1, 5), st.integers(1, 4), st.integers(4, 9), st.integers(4, 9), st.integers(0, 2)
)
def test_in_two_dimensions_it_is_torchs_also_where_tiles_do_not_fit(m, r, h, w, padding):
    x, weight = draw(2, 3, h, w), draw(4, 3, r, r, seed=1)
    torch.testing.assert_close(
        winograd_conv2d(x, weight, m, padding), F.conv2d(x, weight, padding=padding)
    )


def test_its_gradients_are_torchs():
    x, weight = draw(2, 3, 6, 5).requires_grad_(), draw(4, 3, 3, 3, seed=1).requires_grad_()
    upstream = draw(2, 4, 4, 3, seed=2)
    ours = torch.autograd.grad(winograd_conv2d(x, weight), (x, weight), upstream)
    theirs = torch.autograd.grad(F.conv2d(x, weight), (x, weight), upstream)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_rounding_errors_grow_with_the_tile():
    x, weight = draw(2, 8, 26, 26), draw(8, 8, 3, 3, seed=1)
    exact = F.conv2d(x, weight)

    def error(m):
        rough = winograd_conv2d(x.float(), weight.float(), m).double()
        return float((rough - exact).square().mean().sqrt() / exact.std())

    assert error(2) < 1e-6  # each size has a tolerance of its own
    assert error(6) < 1e-4
    assert error(8) > 20 * error(2)


def test_wrong_arguments_are_named():
    x, weight = torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 3, 3)
    with pytest.raises(ValueError, match=r"m \+ r at most 11, got 9 and 3"):
        cook_toom(9, 3)
    with pytest.raises(ValueError, match=r"at least 3 inputs, got 2"):
        winograd_filter([1, 2], [1, 1, 1])
    with pytest.raises(ValueError, match=r"square kernels.*\(1, 2, 3, 2\)"):
        winograd_conv2d(x, weight[..., :2])
    with pytest.raises(ValueError, match=r"expected 1 input channels, got 2"):
        winograd_conv2d(x, weight[:, :1])
    with pytest.raises(ValueError, match=r"inputs of at least 3, got \(2, 2\)"):
        winograd_conv2d(x[..., :2, :2], weight)
