from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_sample_images

from deepbook.data import fetched, patches, photographs


@pytest.fixture(scope="module")
def photos():
    return photographs()


def test_the_photographs_are_scikit_learns(photos):
    theirs = load_sample_images()
    assert [Path(name).stem for name in theirs.filenames] == list(photos.titles)
    for ours, array in zip(photos.images, theirs.images, strict=True):
        assert torch.equal((ours * 255).round().byte(), torch.tensor(array).movedim(-1, 0))


def test_shapes_types_and_ranges_are_those_of_the_docstring(photos):
    assert photos.images.shape == (2, 3, 427, 640)
    assert photos.images.dtype == torch.float32
    assert photos.images.min() == 0
    assert photos.images.max() == 1


def test_grey_is_as_bright_as_a_grey_picture_and_greenest_where_we_see_best(photos):
    flat = replace(photos, images=torch.full((1, 3, 2, 2), 0.4))
    torch.testing.assert_close(flat.grey, torch.full((1, 2, 2), 0.4))
    pure = replace(photos, images=torch.eye(3)[:, :, None, None])
    assert pure.grey.flatten().argmax() == 1
    assert photos.grey.shape == (2, 427, 640)


def test_the_photographs_tell_whose_they_are(photos):
    assert ["CC BY 2.0" in licence for licence in photos.licences] == [True, True]
    assert "Buechele" in photos.citations[0]
    assert "vultilion" in photos.citations[1]
    assert {"photograph-china", "photograph-flower"} <= fetched().keys()


def test_photographs_move_to_a_device(photos):
    assert photos.to("meta").images.device.type == "meta"


@given(size=st.integers(1, 5), seed=st.integers(0, 99))
def test_a_patch_is_a_square_of_one_image(size, seed):
    images = torch.arange(2 * 5 * 7.0).view(2, 5, 7)
    for patch in patches(images, size, 4, torch.Generator().manual_seed(seed)):
        image, row, column = [int(place) for place in (images == patch[0, 0]).nonzero()[0]]
        assert torch.equal(patch, images[image, row : row + size, column : column + size])


def test_patches_come_from_everywhere():
    images = torch.arange(2 * 4 * 5.0).view(2, 4, 5)
    corners = patches(images, 2, 2000, torch.Generator().manual_seed(0))[:, 0, 0]
    assert torch.equal(corners.unique(), images[:, :3, :4].flatten())


def test_a_generator_makes_patches_repeatable(photos):
    first, second = (patches(photos.grey, 8, 5, torch.Generator().manual_seed(1)) for _ in range(2))
    assert first.shape == (5, 8, 8)
    assert torch.equal(first, second)


@pytest.mark.parametrize(
    ("shape", "size", "message"),
    [
        ((4, 4), 2, r"shape \(N, height, width\), got \(4, 4\)"),
        ((1, 4, 5), 5, "size 1 to 4.*got 5"),
        ((1, 4, 5), 0, "size 1 to 4.*got 0"),
    ],
)
def test_patches_that_do_not_fit_are_refused(shape, size, message):
    with pytest.raises(ValueError, match=message):
        patches(torch.zeros(shape), size, 1)
