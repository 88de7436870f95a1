import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepbook.data import PixelSplit, block_pixels, random_pixels
from deepbook.representation import principal_components


def seeded(n):
    return torch.Generator().manual_seed(n)


def some_labels(height=20, width=23, classes=4, seed=0):
    return torch.randint(classes, (height, width), generator=seeded(seed))


def nearest(split):
    """Least Chebyshev distance of a training and a test pixel, by all pairs."""
    train, test = (mask.nonzero().double() for mask in (split.train, split.test))
    return float(torch.cdist(train, test, p=torch.inf).min())


@settings(max_examples=30, deadline=None)
@given(st.integers(4, 9), st.integers(1, 5), st.integers(0, 1000))
def test_centres_of_train_and_test_are_at_least_a_window_apart(block, window, seed):
    split = block_pixels(some_labels(), block=block, window=window, generator=seeded(seed))
    assert nearest(split) >= window
    # and no further pixel is given away: each left out is too near to a test pixel
    left_out = ((some_labels() != 0) & ~split.train & ~split.test).nonzero().double()
    if len(left_out):
        gaps = torch.cdist(left_out, split.test.nonzero().double(), p=torch.inf).amin(1)
        assert gaps.max() < window


def test_windows_of_train_and_test_share_no_pixel():
    window, half = 5, 2
    split = block_pixels(some_labels(), block=8, window=window, generator=seeded(1))
    seen = [torch.zeros(24, 27, dtype=torch.bool) for _ in range(2)]
    for mask, canvas in zip((split.train, split.test), seen, strict=True):
        for row, column in mask.nonzero().tolist():
            canvas[row : row + 2 * half + 1, column : column + 2 * half + 1] = True
    assert not (seen[0] & seen[1]).any()


def test_a_random_split_puts_train_and_test_side_by_side():
    labels = some_labels()
    split = random_pixels(labels, test=0.4, seed=3)
    assert nearest(split) == 1
    assert torch.equal(split.train | split.test, labels != 0)
    assert not (split.train & split.test).any()
    for label in (1, 2, 3):
        here = labels == label
        assert abs(int((split.test & here).sum()) - 0.4 * int(here.sum())) < 1
    assert torch.equal(split.test, random_pixels(labels, test=0.4, seed=3).test)
    assert not torch.equal(split.test, random_pixels(labels, test=0.4, seed=4).test)


def test_corrupting_test_pixels_leaves_what_is_fitted_on_training_pixels_unchanged():
    labels = some_labels()
    cube = torch.randn(20, 23, 6, generator=seeded(0), dtype=torch.float64)
    split = block_pixels(labels, block=6, window=3, generator=seeded(0))
    corrupted = cube.clone()
    corrupted[split.test] *= 1e6
    before, after = (principal_components(x[split.train], 3) for x in (cube, corrupted))
    assert torch.equal(before.directions, after.directions)
    assert torch.equal(before.mean, after.mean)
    # and it would not stay if all pixels were used
    everywhere = principal_components(corrupted.flatten(0, 1), 3)
    assert not torch.allclose(before.mean, everywhere.mean)


def test_unlabelled_pixels_belong_to_no_part_and_blocks_stay_whole():
    labels = torch.ones(12, 12, dtype=torch.int64)
    labels[3, 4] = 0
    split = block_pixels(labels, block=4, window=1, test=1 / 3, generator=seeded(2))
    assert not (split.train | split.test)[3, 4]
    shares = split.test.view(3, 4, 3, 4).sum((1, 3))
    assert sorted(set(shares.flatten().tolist()) - {0, 15, 16}) == []
    assert int((shares > 0).sum()) == 3
    assert isinstance(split, PixelSplit)
    assert repr(split) == "PixelSplit(train=<bool (12, 12)>, test=<bool (12, 12)>)"


def test_blocks_without_labels_are_not_drawn():
    labels = torch.zeros(8, 8, dtype=torch.int64)
    labels[:4] = 1
    for seed in range(5):
        split = block_pixels(labels, block=4, test=0.5, generator=seeded(seed))
        assert split.test.sum() == split.train.sum() == 16


def test_the_draw_is_that_of_the_generator():
    labels = some_labels()
    first, again, other = (
        block_pixels(labels, block=5, generator=seeded(seed)).test for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("split", [random_pixels, lambda x, **k: block_pixels(x, block=2, **k)])
def test_labels_of_other_shapes_and_shares_that_leave_nothing_are_refused(split):
    with pytest.raises(ValueError, match=r"expected labels of shape \(height, width\), got \(3,\)"):
        split(torch.ones(3, dtype=torch.int64))
    for share in (0.0, 1.0, -1.0):
        with pytest.raises(ValueError, match=f"expected a share between 0 and 1.*got {share}"):
            split(some_labels(), test=share)


def test_sizes_that_leave_no_pixel_are_refused():
    with pytest.raises(ValueError, match="expected a block of at least one pixel, got 0"):
        block_pixels(some_labels(), block=0)
    with pytest.raises(ValueError, match="expected a window of at least one pixel, got -1"):
        block_pixels(some_labels(), block=4, window=-1)
    with pytest.raises(ValueError, match="expected pixels left to train on, got none with blocks"):
        block_pixels(some_labels(), block=2, window=40)
    with pytest.raises(ValueError, match="expected pixels left to test on, got none"):
        block_pixels(some_labels(), block=40, test=0.4)
