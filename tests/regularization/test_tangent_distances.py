import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.data import digits8x8
from deepbook.regularization import (
    AFFINE_MOVES,
    affine_warp,
    image_tangents,
    tangent_distance,
    tangent_neighbours,
)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(st.integers(0, 4), st.integers(1, 4), st.integers(0, 1000))
def test_it_is_scipys_least_squares(first, second, seed):
    x, y = draw(9, seed=seed), draw(9, seed=seed + 1)
    x_tangents, y_tangents = draw(first, 9, seed=seed + 2), draw(second, 9, seed=seed + 3)
    ours = tangent_distance(x, y, x_tangents if first else None, y_tangents)
    matrix = torch.cat([x_tangents, -y_tangents]).T.numpy()
    amounts = scipy.linalg.lstsq(matrix, (y - x).numpy())[0]
    theirs = np.linalg.norm(matrix @ amounts - (y - x).numpy())
    assert float(ours) == pytest.approx(theirs, rel=1e-9)
    assert float(ours) <= float((x - y).norm())


def test_moving_either_along_its_tangents_changes_nothing():
    x, y, s, t = draw(5, 8), draw(5, 8, seed=1), draw(5, 2, 8, seed=2), draw(5, 3, 8, seed=3)
    before = tangent_distance(x, y, s, t)
    moved = tangent_distance(x + 3 * s[:, 0] - s[:, 1], y + 2 * t[:, 2], s, t)
    torch.testing.assert_close(moved, before)
    torch.testing.assert_close(tangent_distance(y, x, t, s), before)
    one = tangent_distance(x + 3 * s[:, 0], y, s)
    torch.testing.assert_close(one, tangent_distance(x, y, s))


def test_without_tangents_it_is_euclids_and_shapes_broadcast():
    x, y = draw(4, 1, 6), draw(3, 6, seed=1)
    torch.testing.assert_close(tangent_distance(x, y), torch.cdist(x[:, 0], y))
    s, t = draw(4, 1, 2, 6, seed=2), draw(3, 2, 6, seed=3)
    table = tangent_distance(x, y, s, t)
    assert table.shape == (4, 3)
    torch.testing.assert_close(table[2, 1], tangent_distance(x[2, 0], y[1], s[2, 0], t[1]))


def test_tangents_that_depend_on_each_other_or_are_shared_do_no_harm():
    x, y, t = draw(8), draw(8, seed=1), draw(2, 8, seed=2)
    expected = tangent_distance(x, y, t)
    for twice in (torch.cat([t, t]), torch.cat([t, 0 * t]), torch.cat([t, t[:1] - t[1:]])):
        torch.testing.assert_close(tangent_distance(x, y, twice), expected)
        torch.testing.assert_close(tangent_distance(x, y, twice, t), expected)
    torch.testing.assert_close(tangent_distance(x, y, 0 * t, 0 * t), (x - y).norm())
    assert float(tangent_distance(x, x + t[0], t, t)) < 1e-10
    single = tangent_distance(x.float(), y.float(), t.float(), t.float())
    torch.testing.assert_close(single.double(), expected, rtol=1e-4, atol=1e-4)


def test_a_shifted_picture_is_nearer_by_tangents_than_in_pixels():
    picture = digits8x8().train.images[:20].double()
    moved = affine_warp(picture, shift=(0.4, -0.3), rotation=5.0)
    tangents, theirs = (image_tangents(p).flatten(2) for p in (picture, moved))
    near = tangent_distance(picture.flatten(1), moved.flatten(1), tangents, theirs)
    far = (picture - moved).flatten(1).norm(dim=1)
    assert float((near / far).max()) < 0.8
    assert float((near / far).mean()) < 0.6


def test_neighbours_are_those_of_all_pairs():
    x, y = draw(7, 6), draw(11, 6, seed=1)
    s, t = draw(7, 2, 6, seed=2), draw(11, 2, 6, seed=3)
    table = tangent_distance(x[:, None], y, s[:, None], t)
    assert torch.equal(tangent_neighbours(x, s, y, t, candidates=11, chunk=3), table.argmin(1))
    pixels = torch.cdist(x, y)
    assert torch.equal(tangent_neighbours(x, s, y, t, candidates=1), pixels.argmin(1))
    few = tangent_neighbours(x, s, y, t, candidates=4)
    near = pixels.topk(4, largest=False).indices
    assert torch.equal(few, near.gather(1, table.gather(1, near).argmin(1, keepdim=True))[:, 0])


def test_digits_have_fewer_wrong_neighbours_by_tangents():
    digits = digits8x8()
    train, test = digits.train.first(10), digits.test
    moves = {name: AFFINE_MOVES[name] for name in ("down", "right", "rotation", "scale")}
    tangents = [image_tangents(part.images, moves).flatten(2) for part in (test, train)]
    found = tangent_neighbours(test.inputs, tangents[0], train.inputs, tangents[1], candidates=30)
    wrong = float((train.targets[found] != test.targets).float().mean())
    in_pixels = torch.cdist(test.inputs, train.inputs).argmin(1)
    assert wrong < float((train.targets[in_pixels] != test.targets).float().mean())


def test_what_cannot_be_is_refused():
    x, t = torch.zeros(3, 5), torch.zeros(3, 2, 5)
    with pytest.raises(ValueError, match=r"tangents of shape \(..., k, 5\), got \(3, 2, 4\)"):
        tangent_distance(x, x, t[..., :4])
    with pytest.raises(ValueError, match="points of one size, got 5 and 4"):
        tangent_distance(x, x[:, :4])
    with pytest.raises(ValueError, match="1 to 3 candidates, got 4"):
        tangent_neighbours(x, t, x, t, candidates=4)
    with pytest.raises(ValueError, match="at least 1 query in a chunk, got 0"):
        tangent_neighbours(x, t, x, t, candidates=1, chunk=0)
