import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepbook.convolution import (
    circulant,
    conv1d,
    conv1d_matrix,
    conv2d,
    conv2d_matrix,
    convolve,
    cross_correlate,
    toeplitz,
)

PADDINGS = st.sampled_from([0, 1, "valid", "same", "full", "circular"])


def random(shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@given(st.integers(1, 6), st.integers(1, 6))
def test_both_matrices_are_scipys(n, m):
    column, row = random((n,), 0), random((m,), 1)
    theirs = scipy.linalg.toeplitz(column.numpy(), row.numpy())
    assert torch.equal(toeplitz(column, row), torch.tensor(theirs))
    theirs = scipy.linalg.circulant(column.numpy())
    assert torch.equal(circulant(column), torch.tensor(theirs))


@given(
    st.integers(5, 9),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 2),
    PADDINGS,
    st.booleans(),
)
def test_a_row_times_the_sequence_is_an_output(n, k, stride, dilation, padding, sparse):
    kernel, x = random((k,), 0), random((n,), 1)
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    matrix = conv1d_matrix(kernel, n, **options, sparse=sparse)
    assert matrix.is_sparse == sparse
    torch.testing.assert_close(
        matrix @ x, conv1d(x[None, None], kernel[None, None], **options)[0, 0]
    )


PAIRS = st.tuples(st.integers(1, 2), st.integers(1, 2))


@settings(max_examples=50)
@given(st.tuples(st.integers(3, 5), st.integers(5, 6)), PAIRS, PAIRS, PADDINGS, st.booleans())
def test_a_row_times_the_flat_picture_is_an_output(size, stride, dilation, padding, sparse):
    kernel, x = random((2, 3), 0), random(size, 1)
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    matrix = conv2d_matrix(kernel, size, **options, sparse=sparse)
    out = conv2d(x[None, None], kernel[None, None], **options).flatten()
    torch.testing.assert_close(matrix @ x.flatten(), out)
    # its transpose is the way back, so the adjoint of the layer
    back = random(out.shape, 2)
    torch.testing.assert_close((matrix @ x.flatten()) @ back, x.flatten() @ (matrix.T @ back))


def test_one_dimension_makes_a_toeplitz_matrix():
    kernel = torch.tensor([1.0, 2, 3])
    matrix = conv1d_matrix(kernel, 5)
    column, row = torch.tensor([1.0, 0, 0]), torch.tensor([1.0, 2, 3, 0, 0])
    assert torch.equal(matrix, toeplitz(column, row))
    full = conv1d_matrix(kernel, 5, padding="full")
    assert torch.equal(full, toeplitz(full[:, 0], full[0]))
    # with a stride every second row of it is left
    assert torch.equal(conv1d_matrix(kernel, 5, stride=2), matrix[::2])


def test_two_dimensions_make_a_toeplitz_matrix_of_toeplitz_blocks():
    kernel = random((2, 3), 0)
    matrix = conv2d_matrix(kernel, (4, 5), padding="same")
    blocks = matrix.unflatten(0, (4, 5)).unflatten(2, (4, 5)).transpose(1, 2)  # (4, 4, 5, 5)
    for i in range(4):
        for j in range(4):
            block = blocks[i, j]
            assert torch.equal(block, toeplitz(block[:, 0], block[0]))
            if i and j:
                assert torch.equal(block, blocks[i - 1, j - 1])
    assert (matrix != 0).double().mean() < 0.3


@given(st.integers(2, 9), st.integers(1, 4), st.integers(0, 99))
def test_circular_padding_makes_a_circulant_matrix_that_the_dft_diagonalises(n, k, seed):
    matrix = conv1d_matrix(random((k,), seed), n, padding="circular")
    assert torch.equal(matrix, circulant(matrix[:, 0]))
    dft = torch.fft.fft(torch.eye(n, dtype=torch.complex128), dim=0)
    inside = dft @ matrix.to(dft) @ torch.linalg.inv(dft)
    torch.testing.assert_close(inside, torch.diag(torch.fft.fft(matrix[:, 0])))


def test_all_circular_convolutions_share_their_eigenvectors_and_commute():
    one, other = (conv1d_matrix(random((3,), seed), 7, padding="circular") for seed in (0, 1))
    torch.testing.assert_close(one @ other, other @ one)


def test_the_flipped_kernel_makes_the_matrix_of_the_convolution():
    kernel, x = random((2, 3), 0), random((4, 5), 1)
    flipped = conv2d_matrix(kernel.flip(0, 1), (4, 5))
    torch.testing.assert_close(flipped @ x.flatten(), convolve(x, kernel).flatten())
    plain = conv2d_matrix(kernel, (4, 5))
    torch.testing.assert_close(plain @ x.flatten(), cross_correlate(x, kernel).flatten())


def test_a_sparse_matrix_holds_a_weight_for_each_meeting():
    matrix = conv2d_matrix(torch.ones(3, 3), (10, 10), sparse=True)
    assert matrix.shape == (64, 100)
    assert matrix.values().numel() == 64 * 9


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"a kernel of 1 dimensions, got shape \(2, 2\)"):
        conv1d_matrix(torch.ones(2, 2), 5)
    with pytest.raises(ValueError, match=r"a kernel of 2 dimensions, got shape \(2,\)"):
        conv2d_matrix(torch.ones(2), (5, 5))
    with pytest.raises(ValueError, match="at least 3 with its padding, got 2"):
        conv1d_matrix(torch.ones(3), 2)
    with pytest.raises(ValueError, match=r"expected a column, got shape \(2, 2\)"):
        circulant(torch.ones(2, 2))
    with pytest.raises(ValueError, match=r"a column and a row, got shapes \(2, 2\) and \(2,\)"):
        toeplitz(torch.ones(2, 2), torch.ones(2))
