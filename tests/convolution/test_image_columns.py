import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from deepbook.convolution import ConvGeometry, col2im, fold_patches, im2col, patches

SETTINGS = {
    "kernel": st.tuples(st.integers(1, 3), st.integers(1, 3)),
    "stride": st.tuples(st.integers(1, 3), st.integers(1, 3)),
    "padding": st.tuples(st.integers(0, 2), st.integers(0, 2)),
    "dilation": st.tuples(st.integers(1, 2), st.integers(1, 2)),
}
given_settings = given(st.fixed_dictionaries(SETTINGS), st.integers(0, 99))


def random(shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@given_settings
def test_columns_are_torchs(settings, seed):
    x = random((2, 3, 5, 6), seed)
    kernel = settings.pop("kernel")
    theirs = functional.unfold(
        x, kernel, settings["dilation"], settings["padding"], settings["stride"]
    )
    assert torch.equal(im2col(x, kernel, **settings), theirs)


@given_settings
def test_sums_of_columns_are_torchs(settings, seed):
    kernel = settings.pop("kernel")
    columns = im2col(random((2, 3, 5, 6), 0), kernel, **settings)
    columns = random(columns.shape, seed)
    theirs = functional.fold(
        columns, (5, 6), kernel, settings["dilation"], settings["padding"], settings["stride"]
    )
    torch.testing.assert_close(col2im(columns, (5, 6), kernel, **settings), theirs)


@given_settings
def test_one_is_the_adjoint_of_the_other(settings, seed):
    for padding in (settings.pop("padding"), "same", "full", "circular"):
        x = random((1, 2, 5, 6), seed).requires_grad_()
        columns = im2col(x, **settings, padding=padding)
        others = random(columns.shape, seed + 1).requires_grad_()
        back = col2im(others, (5, 6), **settings, padding=padding)
        torch.testing.assert_close((columns * others).sum(), (x * back).sum())
        # which is why each one's gradient is the other
        (gradient,) = torch.autograd.grad(columns, x, others.detach())
        torch.testing.assert_close(gradient, back.detach())
        (gradient,) = torch.autograd.grad(back, others, x.detach())
        torch.testing.assert_close(gradient, columns.detach())


def test_what_overlaps_is_summed():
    columns = im2col(torch.ones(1, 1, 1, 3), (1, 2))
    assert col2im(columns, (1, 3), (1, 2)).flatten().tolist() == [1, 2, 1]


def test_rows_stand_in_the_order_of_the_weights():
    x = torch.arange(18.0).view(1, 2, 3, 3)
    kernel = torch.arange(1.0, 9).view(1, 2, 2, 2)
    by_product = (kernel.flatten(1) @ im2col(x, 2)).view(1, 1, 2, 2)
    assert torch.equal(by_product, functional.conv2d(x, kernel))
    # the first column is the first patch, channel by channel
    assert im2col(x, 2)[0, :, 0].tolist() == [0, 1, 3, 4, 9, 10, 12, 13]


def test_patches_in_any_number_of_dimensions():
    geometry = ConvGeometry.of((4,), (3,), padding="circular")
    seen = patches(torch.arange(4)[None], geometry)
    assert seen[..., 0].tolist() == [[3, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 0]]
    assert fold_patches(seen, geometry).tolist() == [[0, 3, 6, 9]]
    cube = ConvGeometry.of((3, 4, 5), (2, 2, 2), stride=2)
    x = random((2, 3, 4, 5), 0)
    assert patches(x, cube).shape == (1, 2, 2, 2, 2, 2, 2)
    torch.testing.assert_close(patches(x, cube)[0, 1, 1, 1, 0, 1], x[:, 1, 2, 3])


def test_many_at_once():
    x = random((3, 2, 1, 4, 4), 0)
    at_once = torch.vmap(lambda x: col2im(im2col(x, 2), (4, 4), 2))(x)
    torch.testing.assert_close(
        at_once, torch.stack([col2im(im2col(one, 2), (4, 4), 2) for one in x])
    )


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"shape \(N, C, H, W\), got \(3, 3\)"):
        im2col(torch.ones(3, 3), 2)
    with pytest.raises(ValueError, match="at least 4 with its padding, got 3"):
        im2col(torch.ones(1, 1, 3, 3), 4)
    for shape in ((1, 4, 5), (1, 3, 4), (4, 4)):
        with pytest.raises(ValueError, match=r"expected columns of shape \(N, C \* 4, 4\), got"):
            col2im(torch.ones(shape), (3, 3), 2)
