import math

import numpy as np
import pytest
import scipy.ndimage
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.data import mnist5k
from deepbook.regularization import (
    affine_warp,
    displacement_warp,
    normal,
    pixel_grid,
    smooth_displacements,
    uniform,
)


def seeded(n):
    return torch.Generator().manual_seed(n)


def pictures(*shape, seed=0, dtype=torch.float64):
    return torch.rand(*shape, generator=seeded(seed), dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("centre", [None, (14.0, 14.0), (3.25, 20.0)])
@pytest.mark.parametrize("shape", [(3, 28, 28), (2, 5, 7), (2, 3, 8, 8), (1, 2, 2, 1, 9)])
def test_without_a_change_the_very_same_numbers_come_back(dtype, centre, shape):
    images = pictures(*shape, dtype=dtype)
    assert torch.equal(affine_warp(images, centre=centre), images)
    still = torch.zeros(len(images), *shape[-2:], 2, dtype=dtype)
    assert torch.equal(displacement_warp(images, still), images)


@pytest.mark.parametrize("quarters", [1, 2, 3, 4, -1])
@pytest.mark.parametrize("size", [7, 8, 28])
def test_quarter_turns_about_the_middle_of_the_grid_are_torchs_rot90(quarters, size):
    images = pictures(2, size, size)
    turned = affine_warp(images, rotation=90.0 * quarters)
    torch.testing.assert_close(turned, images.rot90(quarters, (-2, -1)), rtol=0, atol=1e-10)


def test_a_half_turn_about_pixel_14_is_a_flip_that_leaves_that_pixel():
    images = pictures(1, 28, 28)
    turned = affine_warp(images, rotation=180.0, centre=(14.0, 14.0))
    torch.testing.assert_close(
        turned[:, 1:, 1:], images.flip(-2, -1)[:, :-1, :-1], rtol=0, atol=1e-10
    )
    assert float((turned[0, 14, 14] - images[0, 14, 14]).abs()) < 1e-12
    assert not turned[:, 0].any()  # row 0 would come from row 28, which is outside


@given(
    st.floats(-180, 180),
    st.floats(0.5, 2),
    st.floats(0.7, 1.5),
    st.floats(-40, 40),
    st.tuples(st.floats(-4, 4), st.floats(-4, 4)),
    st.tuples(st.floats(2, 9), st.floats(2, 9)),
)
def test_it_is_scipys_affine_transform(rotation, scale, stretch, shear, shift, centre):
    image = pictures(1, 9, 12)
    ours = affine_warp(
        image,
        rotation=rotation,
        scale=scale,
        stretch=stretch,
        shear=shear,
        shift=shift,
        centre=centre,
    )
    turn, lean = math.radians(rotation), math.tan(math.radians(shear))
    # forwards, in rows and columns: scale and stretch, then shear, then rotate
    forwards = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ np.array(
        [[scale * stretch, 0], [-lean * scale * stretch, scale / stretch]]
    )
    back = np.linalg.inv(forwards)
    offset = np.array(centre) - back @ (np.array(centre) + np.array(shift))
    theirs = scipy.ndimage.affine_transform(
        image[0].numpy(), back, offset, order=1, mode="grid-constant", prefilter=False
    )
    np.testing.assert_allclose(ours[0], theirs, atol=1e-9)


def test_directions_are_as_one_sees_them():
    image = torch.zeros(1, 9, 9)
    image[0, 4, 7] = 1.0  # to the right of the middle
    place = lambda picture: tuple(int(i) for i in picture[0].nonzero()[0])
    assert place(affine_warp(image, rotation=90.0).round()) == (1, 4)  # anticlockwise: on top
    assert place(affine_warp(image, shift=(2, 1))) == (6, 8)  # down and right
    image = torch.zeros(1, 9, 9)
    image[0, 1, 4] = 1.0  # above the middle
    assert place(affine_warp(image, shear=45.0).round()) == (1, 7)  # leans to the right
    assert place(affine_warp(image, scale=4 / 3).round()) == (0, 4)  # away from the middle


def test_each_picture_has_its_own_amounts_and_channels_go_together():
    images = pictures(3, 2, 8, 8)
    angles = torch.tensor([0.0, 90.0, 30.0], dtype=torch.float64)
    shifts = torch.tensor([[0.0, 0.0], [0.0, 0.0], [1.0, -2.0]], dtype=torch.float64)
    turned = affine_warp(images, rotation=angles, shift=shifts)
    assert torch.equal(turned[0], images[0])
    torch.testing.assert_close(turned[1], images[1].rot90(1, (-2, -1)))
    alone = affine_warp(images[2:, 1], rotation=30.0, shift=(1, -2))
    torch.testing.assert_close(turned[2:, 1], alone)


def test_turning_about_pixel_14_leaves_the_centre_of_a_digits_ink_where_it_is():
    images = mnist5k().train.images[::40].double()
    grid = pixel_grid(28, 28, images)

    def ink(pictures):
        return torch.einsum("nhw,hwc->nc", pictures, grid) / pictures.sum((1, 2))[:, None]

    torch.testing.assert_close(
        ink(images).mean(0), torch.full((2,), 14.0).double(), rtol=0, atol=0.1
    )
    moved = {}
    for name, centre in {"ink": (14.0, 14.0), "grid": None}.items():
        around = affine_warp(images, rotation=180.0, centre=centre)
        moved[name] = (ink(around) - ink(images)).mean(0)
    # about the middle of the grid, half a turn moves the ink by a pixel: it tells the angle
    assert float(moved["ink"].abs().max()) < 0.1
    torch.testing.assert_close(moved["grid"], torch.full((2,), -1.0).double(), rtol=0, atol=0.1)


def test_its_gradient_is_right():
    image = pictures(1, 5, 5).requires_grad_()
    amounts = torch.tensor(
        [7.3, 1.13, 4.1, 0.31, -0.23, 1.07], dtype=torch.float64, requires_grad=True
    )

    def warp(image, a):
        return affine_warp(image, rotation=a[0], scale=a[1], shear=a[2], shift=a[3:5], stretch=a[5])

    assert torch.autograd.gradcheck(warp, (image, amounts))
    moves = (0.3 + 0.3 * pictures(1, 5, 5, 2, seed=1)).requires_grad_()
    assert torch.autograd.gradcheck(displacement_warp, (image, moves))


def test_whole_displacements_move_pixels_and_what_comes_from_outside_is_zero():
    images = pictures(1, 6, 6)
    down = torch.zeros(1, 6, 6, 2, dtype=torch.float64)
    down[..., 0] = -2.0  # each pixel is taken from two rows above
    warped = displacement_warp(images, down)
    assert torch.equal(warped[:, 2:], images[:, :-2])
    assert not warped[:, :2].any()


def test_displacements_have_the_asked_spread_at_every_pixel_and_neighbours_agree():
    images = torch.zeros(4000, 6, 6, dtype=torch.float64)
    field = smooth_displacements(images, amplitude=1.5, smoothness=2.0, generator=seeded(0))
    assert field.shape == (4000, 6, 6, 2)
    spread = field.square().mean(0).sqrt()  # its standard error is 1.5 / sqrt(8000)
    assert float((spread - 1.5).abs().max()) < 5 * 1.5 / 8000**0.5
    assert float(field.mean(0).abs().max()) < 5 * 1.5 / 4000**0.5
    # two Gaussian windows d apart share exp(-d^2 / (4 smoothness^2)) of their noise
    for apart in (1, 3):
        both = (field[:, :-apart] * field[:, apart:]).mean() / 1.5**2
        assert float(both) == pytest.approx(math.exp(-(apart**2) / 16), abs=0.02)
    across = (field[..., 0] * field[..., 1]).mean()
    assert abs(float(across)) < 0.05


def test_draws_are_the_generators_in_dtype_and_shape():
    like = torch.zeros(1, dtype=torch.float64)
    assert torch.equal(
        uniform((3, 2), like, seeded(1)),
        torch.rand(3, 2, dtype=torch.float64, generator=seeded(1)),
    )
    assert torch.equal(normal((4,), like.float(), seeded(1)), torch.randn(4, generator=seeded(1)))
    far = uniform((1000,), like, seeded(2), low=-3.0, high=-1.0)
    assert float(far.min()) >= -3
    assert float(far.max()) < -1
    torch.manual_seed(5)
    first = uniform((2,), like)
    torch.manual_seed(5)
    assert torch.equal(first, torch.rand(2, dtype=torch.float64))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_cpu_generator_gives_a_gpu_the_same_pictures():
    images = pictures(2, 28, 28, dtype=torch.float32)
    field = [
        smooth_displacements(x, amplitude=1.0, smoothness=3.0, generator=seeded(0)).cpu()
        for x in (images, images.cuda())
    ]
    torch.testing.assert_close(*field, rtol=1e-4, atol=1e-4)


def test_what_cannot_be_is_refused():
    images = pictures(3, 8, 8)
    with pytest.raises(ValueError, match=r"shape \(N, ..., height, width\), got \(3, 784\)"):
        affine_warp(torch.zeros(3, 784))
    with pytest.raises(TypeError, match=r"floating-point pictures, got torch.uint8"):
        affine_warp(torch.zeros(3, 8, 8, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"rotation of shape \(\) or \(3,\), got \(2,\)"):
        affine_warp(images, rotation=torch.zeros(2))
    with pytest.raises(ValueError, match=r"shift of shape \(2,\) or \(3, 2\), got \(3,\)"):
        affine_warp(images, shift=torch.zeros(3))
    with pytest.raises(ValueError, match="scales above 0, got -1"):
        affine_warp(images, scale=-1.0)
    with pytest.raises(ValueError, match="stretches above 0, got 0"):
        affine_warp(images, stretch=0.0)
    with pytest.raises(ValueError, match=r"displacements of shape \(3, 8, 8, 2\), got \(3, 8, 8\)"):
        displacement_warp(images, images)
    with pytest.raises(ValueError, match="an amplitude of at least 0, got -1"):
        smooth_displacements(images, amplitude=-1.0, smoothness=1.0)
    with pytest.raises(ValueError, match="a smoothness above 0, got 0"):
        smooth_displacements(images, amplitude=1.0, smoothness=0.0)
