import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import fftconvolve
from torch.nn import functional as F

from deepbook.convolution import (
    Tally,
    fft_conv1d,
    fft_conv2d,
    fft_convolve_loops,
    fft_radix2,
    transform_size,
)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def full(kernel):
    return [size - 1 for size in kernel]


def same(x, kernel):
    # torch's padding="same" as its documentation has it: it warns where the kernel is even
    return F.pad(x, ((kernel - 1) // 2, kernel // 2))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(1, 9), st.integers(1, 3), st.integers(1, 3))
def test_in_one_dimension_it_is_torchs_in_all_three_extents(length, kernel, channels, outputs):
    x, weight = draw(2, channels, length), draw(outputs, channels, kernel, seed=1)
    ours = fft_conv1d(x, weight, "full")
    torch.testing.assert_close(ours, F.conv1d(x, weight, padding=kernel - 1))
    torch.testing.assert_close(fft_conv1d(x, weight, "same"), F.conv1d(same(x, kernel), weight))
    if kernel <= length:
        torch.testing.assert_close(fft_conv1d(x, weight), F.conv1d(x, weight))


@settings(max_examples=20, deadline=None)
@given(st.integers(4, 9), st.integers(4, 9), st.integers(1, 4), st.integers(1, 4))
def test_in_two_dimensions_it_is_torchs_in_all_three_extents(h, w, height, width):
    x, weight = draw(2, 3, h, w), draw(4, 3, height, width, seed=1)
    torch.testing.assert_close(fft_conv2d(x, weight), F.conv2d(x, weight))
    wide = same(same(x, width).mT, height).mT
    torch.testing.assert_close(fft_conv2d(x, weight, "same"), F.conv2d(wide, weight))
    torch.testing.assert_close(
        fft_conv2d(x, weight, "full"), F.conv2d(x, weight, padding=full((height, width)))
    )


def test_the_same_extent_is_torchs_padding_of_that_name():
    x, weight = draw(2, 3, 8), draw(4, 3, 5, seed=1)
    torch.testing.assert_close(fft_conv1d(x, weight, "same"), F.conv1d(x, weight, padding="same"))


def test_its_gradients_are_torchs():
    x, weight = draw(2, 3, 6, 5).requires_grad_(), draw(4, 3, 3, 2, seed=1).requires_grad_()
    upstream = draw(2, 4, 4, 4, seed=2)
    ours = torch.autograd.grad(fft_conv2d(x, weight), (x, weight), upstream)
    theirs = torch.autograd.grad(F.conv2d(x, weight), (x, weight), upstream)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_turned_round_it_is_scipys_convolution():
    x, kernel = draw(7, 6), draw(3, 4, seed=1)
    ours = fft_conv2d(x[None, None], kernel.flip(0, 1)[None, None], "full")[0, 0]
    torch.testing.assert_close(ours, torch.from_numpy(fftconvolve(x.numpy(), kernel.numpy())))


def test_the_end_does_not_wrap_round_to_the_start():
    # eight inputs and three taps: a transform of eight would add the last two to the first
    x = torch.zeros(1, 1, 8, dtype=torch.float64)
    x[..., -1] = 1
    y = fft_conv1d(x, torch.ones(1, 1, 3, dtype=torch.float64), "full")[0, 0]
    torch.testing.assert_close(y, torch.tensor([0.0] * 7 + [1.0] * 3, dtype=torch.float64))


def test_the_transform_is_torchs_and_takes_half_n_log_n_products():
    for n in (1, 2, 8, 32):
        values = draw(n)
        tally = Tally()
        ours = fft_radix2(tally.numbers(values.tolist()))
        theirs = torch.fft.fft(values)
        torch.testing.assert_close(torch.tensor([v.value for v in ours]), theirs, check_dtype=False)
        assert tally.products == 0
        assert tally.scalings == n // 2 * (n.bit_length() - 1)
        back = fft_radix2([complex(v) for v in theirs.tolist()], inverse=True)
        torch.testing.assert_close(torch.tensor(back).real / n, values, check_dtype=False)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 9), st.integers(1, 5))
def test_three_transforms_convolve_with_one_product_for_a_frequency(length, kernel):
    x, k, tally = draw(length), draw(kernel, seed=1), Tally()
    ours = fft_convolve_loops(tally.numbers(x.tolist()), tally.numbers(k.tolist()))
    theirs = fftconvolve(x.numpy(), k.numpy())
    torch.testing.assert_close(
        torch.tensor([complex(v.value) for v in ours]).real,
        torch.from_numpy(theirs),
        check_dtype=False,
    )
    n = 1 << (length + kernel - 2).bit_length()
    assert tally.products == n
    assert tally.scalings == 3 * (n // 2) * (n.bit_length() - 1)


@given(st.integers(1, 400))
def test_transform_sizes_have_only_small_factors(length):
    size = transform_size(length)
    assert length <= size < 2 * length + 1
    for prime in (2, 3, 5):
        while size % prime == 0:
            size //= prime
    assert size == 1


def test_wrong_arguments_are_named():
    x, weight = torch.zeros(1, 2, 4), torch.zeros(1, 2, 5)
    with pytest.raises(ValueError, match=r"kernel of at most 4, got 5"):
        fft_conv1d(x, weight)
    with pytest.raises(ValueError, match=r"'valid', 'same' or 'full', got 'circular'"):
        fft_conv1d(x, weight, "circular")
    with pytest.raises(ValueError, match=r"expected 3 input channels, got 2"):
        fft_conv1d(x, torch.zeros(1, 3, 2))
    with pytest.raises(ValueError, match=r"of 4 dimensions, got \(1, 2, 4\)"):
        fft_conv2d(x, weight)
    with pytest.raises(ValueError, match=r"power of two of numbers, got 3"):
        fft_radix2([1, 2, 3])
    with pytest.raises(ValueError, match=r"positive length, got 0"):
        transform_size(0)
