import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.data import Labelled, every_fifth

targets_of_any_order = st.lists(st.integers(0, 4), min_size=1, max_size=120).map(torch.tensor)


def labelled(targets):
    """Images of 1 x 2 pixels that hold the number of their row."""
    rows = torch.arange(len(targets), dtype=torch.float32)
    return Labelled(torch.stack([rows, rows], 1), targets, (1, 2), tuple("01234"))


def rows_of(part):
    return part.inputs[:, 0].long().tolist()


def test_the_rule_on_a_small_example():
    targets = torch.tensor([0, 0, 1, 0, 0, 0, 1, 1, 0, 1, 1])
    held_out = every_fifth(targets).nonzero().squeeze(1).tolist()
    assert held_out == [5, 10]  # the fifth 0 and the fifth 1
    assert every_fifth(torch.zeros(17)).nonzero().squeeze(1).tolist() == [4, 9, 14]


@given(targets_of_any_order)
def test_the_two_parts_are_disjoint_cover_everything_and_keep_the_order(targets):
    fit, held_out = labelled(targets).split()
    assert sorted(rows_of(fit) + rows_of(held_out)) == list(range(len(targets)))
    assert rows_of(fit) == sorted(rows_of(fit))
    assert rows_of(held_out) == sorted(rows_of(held_out))
    assert len(fit) + len(held_out) == len(targets)


@given(targets_of_any_order)
def test_each_class_gives_a_fifth_of_its_rows(targets):
    _, held_out = labelled(targets).split()
    expected = torch.bincount(targets, minlength=5) // 5
    assert torch.equal(torch.bincount(held_out.targets, minlength=5), expected)


@given(targets_of_any_order)
def test_every_row_keeps_its_own_target(targets):
    for part in labelled(targets).split():
        assert torch.equal(part.targets, targets[rows_of(part)])


@given(targets_of_any_order, st.integers(0, 4))
def test_the_rule_for_one_class_does_not_depend_on_the_others(targets, label):
    alone = every_fifth(targets[targets == label])
    assert torch.equal(every_fifth(targets)[targets == label], alone)


def test_first_takes_as_many_of_each_class_in_the_order_of_the_file():
    few = labelled(torch.tensor([1, 0, 1, 1, 0, 0])).first(2)
    assert rows_of(few) == [0, 1, 2, 4]
    assert few.targets.tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize("per_class", [0, -1, 3])
def test_first_says_how_many_there_are(per_class):
    with pytest.raises(ValueError, match=f"expected 1 to 2 images a class, got {per_class}"):
        labelled(torch.tensor([0, 0, 0, 1, 1])).first(per_class)


def test_images_are_the_inputs_as_pictures_in_the_same_memory():
    data = Labelled(torch.arange(12.0).view(2, 6), torch.tensor([0, 1]), (2, 3), ("a", "b"))
    assert data.images.shape == (2, 2, 3)
    assert data.images[1, 1].tolist() == [9, 10, 11]
    assert data.images.data_ptr() == data.inputs.data_ptr()


def test_to_moves_inputs_and_targets():
    moved = labelled(torch.tensor([0, 1])).to("meta")
    assert moved.inputs.device.type == moved.targets.device.type == "meta"
    assert moved.image_shape == (1, 2)


def test_inputs_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"expected inputs of shape \(2, 4\), got \(2, 2, 2\)"):
        Labelled(torch.zeros(2, 2, 2), torch.tensor([0, 1]), (2, 2), ("a", "b"))


def test_targets_with_two_dimensions_are_refused():
    with pytest.raises(ValueError, match=r"expected targets of shape \(N,\), got \(2, 1\)"):
        every_fifth(torch.tensor([[0], [1]]))


def test_a_data_set_cannot_be_changed_by_mistake():
    with pytest.raises(AttributeError):
        labelled(torch.tensor([0])).targets = torch.tensor([1])
