import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepbook.convolution import DigitScenes, scatter_digits
from deepbook.data import Labelled


def seeded(n):
    return torch.Generator().manual_seed(n)


def few(count=7, size=6, seed=0):
    """Digits of 6 x 6 pixels with an empty frame around 4 x 4 of ink."""
    images = torch.zeros(count, size, size)
    images[:, 1:-1, 1:-1] = 0.05 + 0.95 * torch.rand(
        count, size - 2, size - 2, generator=seeded(seed)
    )
    return Labelled(images.flatten(1), torch.arange(count) % 3, (size, size), tuple("abc"))


@settings(max_examples=20, deadline=None)
@given(st.booleans(), st.integers(0, 100))
def test_a_scene_is_its_digits_at_their_boxes(overlap, seed):
    digits = few()
    scenes = scatter_digits(
        digits, 3, size=(13, 15), per_scene=(1, 4), overlap=overlap, generator=seeded(seed)
    )
    for n in range(3):
        image = torch.zeros(13, 15)
        for (left, top, right, bottom), row in zip(
            scenes.boxes[n].tolist(), scenes.rows[n].tolist(), strict=True
        ):
            if row < 0:
                continue
            ink = digits.images[row][1:-1, 1:-1]
            assert (bottom - top, right - left) == (4, 4)
            part = image[top:bottom, left:right]
            image[top:bottom, left:right] = torch.maximum(part, ink)
        assert torch.equal(scenes.images[n, 0], image)
    there = scenes.rows >= 0
    assert torch.equal(scenes.labels[there], digits.targets[scenes.rows[there]])
    assert (scenes.labels[~there] == -1).all()
    assert (scenes.boxes[~there] == 0).all()
    assert there[:, 0].all()


@given(st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_a_pixel_has_the_class_of_the_digit_with_most_ink(seed):
    digits = few()
    scenes = scatter_digits(
        digits, 2, size=(8, 8), per_scene=(3, 3), overlap=True, ink=0.4, generator=seeded(seed)
    )
    for n in range(2):
        most = torch.full((8, 8), 0.4)
        expected = torch.full((8, 8), 3)
        for (left, top, right, bottom), row in zip(
            scenes.boxes[n].tolist(), scenes.rows[n].tolist(), strict=True
        ):
            ink = torch.zeros(8, 8)
            ink[top:bottom, left:right] = digits.images[row][1:-1, 1:-1]
            expected[ink > most] = digits.targets[row]
            most = torch.maximum(most, ink)
        assert torch.equal(scenes.masks[n], expected)


def test_without_overlap_no_two_boxes_share_a_pixel():
    scenes = scatter_digits(few(), 40, size=(12, 12), per_scene=(2, 5), generator=seeded(1))
    for n in range(len(scenes)):
        cover = torch.zeros(12, 12)
        for left, top, right, bottom in scenes.boxes[n].tolist():
            cover[top:bottom, left:right] += 1
        assert cover.max() == 1
    # with overlap some do
    scenes = scatter_digits(few(), 40, size=(8, 8), per_scene=(3, 3), overlap=True)
    assert (scenes.rows >= 0).all()


def test_the_draw_is_that_of_the_generator_and_the_number_of_digits_varies():
    first, again, other = (
        scatter_digits(few(), 30, size=(30, 30), per_scene=(1, 3), generator=seeded(seed))
        for seed in (0, 0, 1)
    )
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.masks, again.masks)
    assert not torch.equal(first.images, other.images)
    assert set((first.rows >= 0).sum(1).tolist()) == {1, 2, 3}


def test_background_is_the_class_behind_the_others():
    scenes = scatter_digits(few(), 2, size=(9, 9), per_scene=(1, 1), generator=seeded(0))
    assert scenes.background == 3
    assert scenes.class_names == ("a", "b", "c", "background")
    assert set(scenes.masks.unique().tolist()) <= {0, 1, 2, 3}
    assert isinstance(scenes, DigitScenes)
    assert scenes.to("meta").masks.device.type == "meta"
    assert "images=<float32 (2, 1, 9, 9)>" in repr(scenes)


def test_a_digit_without_ink_leaves_nothing():
    blank = Labelled(torch.zeros(1, 16), torch.tensor([0]), (4, 4), ("a",))
    scenes = scatter_digits(blank, 1, size=(5, 5), per_scene=(1, 1))
    assert (scenes.masks == 1).all()
    assert scenes.images.max() == 0


def test_what_cannot_be_scattered_is_refused():
    with pytest.raises(ValueError, match="expected a canvas of at least 6 x 6, got 9 x 5"):
        scatter_digits(few(), 1, size=(9, 5))
    for count, numbers in ((0, (1, 2)), (1, (0, 2)), (1, (3, 2))):
        with pytest.raises(ValueError, match=f"expected at least 1 scene.*got {count} of"):
            scatter_digits(few(), count, per_scene=numbers)
    with pytest.raises(ValueError, match="expected at least 1 digit to scatter, got none"):
        scatter_digits(few().rows(torch.arange(0)), 1)
