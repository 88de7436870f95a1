import pytest
import torch

from deepbook.boltzmann.machines.items import (
    check_items,
    check_mask,
    draw_values,
    encode,
    there,
)

VALUES = torch.tensor([[0, -1, 2], [1, 1, -1]])


def test_an_item_is_a_row_with_a_single_one_and_a_missing_item_a_row_of_zeros():
    rows = encode(VALUES, 3, 3)
    assert rows.tolist()[0] == [[1, 0, 0], [0, 0, 0], [0, 0, 1]]
    assert torch.equal(there(rows), VALUES >= 0)
    check_items(rows.double(), 3, 3, torch.float64)


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (torch.tensor([0, 1]), ValueError, r"expected 3 items, got shape \(2,\)"),
        (torch.tensor([0, 1, 3]), ValueError, "values from 0 to 2.* got values from 0 to 3"),
        (torch.tensor([0, 1, -2]), ValueError, "or -1 where missing, got values from -2 to 1"),
        (torch.tensor([0.0, 1, 2]), TypeError, "expected integers, got torch.float32"),
    ],
)
def test_values_that_cannot_be_are_not_encoded(values, error, message):
    with pytest.raises(error, match=message):
        encode(values, 3, 3)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (torch.zeros(2, 3, 2), r"K = 3 values.*\(2, 3, 2\)"),
        (torch.full((1, 3, 3), 0.1), "sum to 1, or to 0"),
        (torch.zeros(1, 3, 3), "at least 1 observed item"),
        (torch.full((1, 3, 3), torch.nan), "nan"),
    ],
)
def test_rows_that_are_no_items_are_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        check_items(rows, 3, 3, torch.float32)


@pytest.mark.parametrize("mask", [torch.ones(2, dtype=torch.bool), torch.ones(3)])
def test_a_mask_has_a_bool_for_each_item(mask):
    check_mask(torch.ones(5, 3, dtype=torch.bool), 3)
    check_mask(None, 3)
    with pytest.raises(ValueError, match="a bool for each of 3 items"):
        check_mask(mask, 3)


def test_each_value_is_drawn_with_its_probability():
    probability = torch.tensor([[0.1, 0.6, 0.3], [1.0, 0.0, 0.0]], dtype=torch.float64)
    drawn = draw_values(probability.expand(20_000, 2, 3), torch.Generator().manual_seed(0))
    assert bool((drawn.sum(-1) == 1).all())
    error = (probability * (1 - probability) / 20_000).sqrt()
    assert bool(((drawn.mean(0) - probability).abs() <= 5 * error).all())
