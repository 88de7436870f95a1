import pytest
import scipy.signal
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.convolution import convolve, cross_correlate, cross_correlate_loops


def random(shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


sizes = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 5)), min_size=1, max_size=2)
names = st.sampled_from(["valid", "same", "full", "circular"])


def test_correlation_and_convolution_are_not_the_same():
    x, kernel = torch.tensor([1.0, 0, 0]), torch.tensor([1.0, 2])
    assert cross_correlate(x, kernel).tolist() == [1, 0]
    assert convolve(x, kernel).tolist() == [2, 0]


@given(sizes, st.integers(0, 99), st.sampled_from(["valid", "full"]))
def test_both_equal_scipys(dims, seed, name):
    # SciPy swaps its arguments for "valid" if the kernel is the larger one
    n, k = zip(*[(max(pair), min(pair)) for pair in dims], strict=True)
    x, kernel = random(n, seed), random(k, seed + 1)
    for ours, theirs in (
        (cross_correlate, scipy.signal.correlate),
        (convolve, scipy.signal.convolve),
    ):
        expected = torch.tensor(theirs(x.numpy(), kernel.numpy(), name, "direct"))
        torch.testing.assert_close(ours(x, kernel, name), expected)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 99))
def test_same_and_circular_equal_scipys_with_odd_kernels(height, width, seed):
    x, kernel = random((height, width), seed), random((3, 1 + 2 * (width > 2)), seed + 1)
    for name, boundary in (("same", "fill"), ("circular", "wrap")):
        for ours, theirs in (
            (cross_correlate, scipy.signal.correlate2d),
            (convolve, scipy.signal.convolve2d),
        ):
            expected = theirs(x.numpy(), kernel.numpy(), "same", boundary)
            torch.testing.assert_close(ours(x, kernel, name), torch.tensor(expected))


@pytest.mark.filterwarnings("ignore:Using padding=.same. with even kernel lengths:UserWarning")
def test_scipy_has_the_odd_zero_of_an_even_kernel_in_front():
    x, kernel = random((7,), 0), random((4,), 1)
    theirs = torch.tensor(scipy.signal.correlate(x.numpy(), kernel.numpy(), "same"))
    torch.testing.assert_close(cross_correlate(x, kernel, ((2, 1),)), theirs)
    assert not torch.allclose(cross_correlate(x, kernel, "same"), theirs)
    # torch has it behind, as ours
    torchs = torch.nn.functional.conv1d(x[None, None], kernel[None, None], padding="same")
    torch.testing.assert_close(cross_correlate(x, kernel, "same"), torchs[0, 0])


@given(sizes, st.integers(0, 99), names)
def test_the_loops_agree(dims, seed, name):
    n, k = zip(*dims, strict=True)
    x, kernel = random(n, seed), random(k, seed + 1)
    if name == "valid" and any(a < b for a, b in dims):
        with pytest.raises(ValueError, match="expected an input of at least"):
            cross_correlate(x, kernel, name)
        return
    loops = cross_correlate_loops(x, kernel, name)
    torch.testing.assert_close(cross_correlate(x, kernel, name), loops)


@given(sizes, st.integers(0, 99))
def test_full_convolution_commutes_and_correlation_does_not(dims, seed):
    n, k = zip(*dims, strict=True)
    x, kernel = random(n, seed), random(k, seed + 1)
    torch.testing.assert_close(convolve(x, kernel, "full"), convolve(kernel, x, "full"))
    there, back = cross_correlate(x, kernel, "full"), cross_correlate(kernel, x, "full")
    torch.testing.assert_close(there, back.flip(tuple(range(x.ndim))))


@given(st.integers(0, 99), st.integers(-4, 4), st.integers(-4, 4))
def test_a_shift_of_the_picture_shifts_what_comes_out(seed, down, right):
    x, kernel = random((6, 7), seed), random((3, 4), seed + 1)
    shift = lambda picture: picture.roll((down, right), (0, 1))
    torch.testing.assert_close(
        cross_correlate(shift(x), kernel, "circular"),
        shift(cross_correlate(x, kernel, "circular")),
    )


def test_whole_numbers_stay_whole_and_gradients_pass():
    assert cross_correlate(torch.arange(4), torch.tensor([1, 1]), "same").tolist() == [1, 3, 5, 3]
    x, kernel = random((4, 5), 0).requires_grad_(), random((2, 3), 1).requires_grad_()
    for name in ("valid", "full", "circular"):
        assert torch.autograd.gradcheck(lambda x, k: cross_correlate(x, k, name), (x, kernel))  # noqa: B023


@pytest.mark.parametrize("call", [cross_correlate, cross_correlate_loops, convolve])
def test_other_dimensions_are_refused(call):
    with pytest.raises(ValueError, match=r"as many dimensions, got shapes \(3,\) and \(2, 2\)"):
        call(torch.ones(3), torch.ones(2, 2))
    with pytest.raises(ValueError, match=r"got shapes \(1, 2, 3\)"):
        call(torch.ones(1, 2, 3), torch.ones(1, 1, 1))
    with pytest.raises(ValueError, match="expected one number or 1 paddings"):
        call(torch.ones(3), torch.ones(2), (1, 2))
