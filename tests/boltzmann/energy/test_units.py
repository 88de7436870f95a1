import math

import pytest
import torch

from deepbook.boltzmann.energy import check_layers, check_units, log_odds


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


@pytest.mark.parametrize("sizes", [(0, 1), (1, 0), (-1, 5)])
def test_a_layer_without_a_unit_is_refused(sizes):
    with pytest.raises(ValueError, match=f"got {sizes[0]} and {sizes[1]}"):
        check_layers(*sizes, 0.01)


@pytest.mark.parametrize("scale", [-0.1, math.nan])
def test_a_scale_below_zero_is_refused_and_zero_is_none(scale):
    with pytest.raises(ValueError, match=f"weight scale of at least 0, got {scale}"):
        check_layers(3, 2, scale)
    check_layers(3, 2, 0.0)


def test_log_odds_are_those_of_a_share_with_half_an_example_more_on_each_side():
    data = torch.tensor([[1.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    expected = torch.tensor([5.0, 0.2, 1.0]).log()
    torch.testing.assert_close(log_odds(data), expected)
    with pytest.raises(ValueError, match="at least 1 example, got none"):
        log_odds(data[:0])
