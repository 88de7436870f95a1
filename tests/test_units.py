import math

import pytest
import torch

from deepbook.units import bernoulli, check_size, check_units, log_odds


@pytest.mark.parametrize(
    ("units", "error", "message"),
    [
        (torch.zeros(4, 2), ValueError, r"expected 3 visible units .* got shape \(4, 2\)"),
        (torch.tensor(1.0), ValueError, r"expected 3 visible units .* got shape \(\)"),
        (torch.zeros(3, dtype=torch.long), TypeError, r"units of torch\.float32, got torch\.int64"),
        (torch.tensor([0.0, 1.5, 1.0]), ValueError, r"in \[0, 1\], got values from 0\.0 to 1\.5"),
        (torch.tensor([-0.1, 0.5, 1.0]), ValueError, r"got values from -0\.1"),
        (torch.tensor([0.0, math.nan, 1.0]), ValueError, "got values from nan to nan"),
    ],
)
def test_units_of_another_shape_dtype_or_range_are_refused(units, error, message):
    with pytest.raises(error, match=message):
        check_units(units, 3, torch.float32, "visible")


@pytest.mark.parametrize(
    "units", [torch.tensor([0.0, 0.3, 1.0]), torch.zeros(5, 3), torch.empty(0, 3)]
)
def test_units_and_means_between_zero_and_one_pass(units):
    check_units(units, 3, torch.float32, "visible")


def test_a_size_may_hold_any_value():
    check_size(torch.tensor([-3.0, math.nan, 7.0]), 3, torch.float32, "visible")
    with pytest.raises(ValueError, match=r"expected 2 visible units .* got shape \(3,\)"):
        check_size(torch.zeros(3), 2, torch.float32, "visible")
    with pytest.raises(TypeError, match=r"units of torch\.float64, got torch\.float32"):
        check_size(torch.zeros(3), 3, torch.float64, "visible")


def test_log_odds_are_those_of_a_share_with_half_an_example_more_on_each_side():
    data = torch.tensor([[1.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    expected = torch.tensor([5.0, 0.2, 1.0]).log()
    torch.testing.assert_close(log_odds(data), expected)
    with pytest.raises(ValueError, match="at least 1 example, got none"):
        log_odds(data[:0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_bernoulli_draws_ones_at_the_given_rates(dtype):
    probability = torch.tensor([0.0, 0.1, 0.5, 0.9, 1.0], dtype=dtype).expand(20_000, 5)
    drawn = bernoulli(probability, torch.Generator().manual_seed(0))
    assert drawn.dtype == dtype
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    rates = drawn.mean(0)
    assert rates[0] == 0
    assert rates[4] == 1
    # four standard errors of 20,000 draws
    torch.testing.assert_close(rates, probability[0], rtol=0, atol=4 * 0.5 / 20_000**0.5)


def test_bernoulli_repeats_with_its_generator():
    draws = [bernoulli(torch.full((50,), 0.5), torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(*draws)
