import pytest
import torch
from torch.nn import functional as F

from deepbook.convolution import (
    SeparableFactors,
    kernel_rank,
    separable_conv2d,
    separable_factors,
)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_column_times_a_row_has_rank_one_and_gives_itself_back():
    kernel = torch.outer(draw(5), draw(3, seed=1))
    assert int(kernel_rank(kernel)) == 1
    found = separable_factors(kernel)
    assert isinstance(found, SeparableFactors)
    torch.testing.assert_close(found.kernel, kernel)
    assert float(found.error) < 1e-12


def test_sobels_kernel_is_separable_and_laplaces_is_not():
    sobel = torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]])
    laplace = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])
    assert kernel_rank(torch.stack([sobel, laplace])).tolist() == [1, 2]
    assert int(kernel_rank(laplace, tolerance=0.99)) == 1


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_the_error_is_what_the_discarded_singular_values_say_and_no_other_is_smaller(rank):
    kernel = draw(2, 4, 5)
    found = separable_factors(kernel, rank)
    away = (kernel - found.kernel).flatten(1).norm(dim=1)
    torch.testing.assert_close(away, found.error)
    torch.testing.assert_close(found.discarded, torch.linalg.svdvals(kernel)[:, rank:])
    assert kernel_rank(found.kernel, 1e-9).tolist() == [rank, rank]
    for seed in range(5):  # any small change of the factors makes it worse
        step = 0.01 * draw(*found.columns.shape, seed=seed)
        other = (found.columns + step).mT @ found.rows
        assert bool(((kernel - other).flatten(1).norm(dim=1) > away).all())


@pytest.mark.parametrize("rank", [1, 3])
def test_columns_then_rows_are_the_convolution_with_their_kernel(rank):
    x, columns, rows = draw(2, 3, 7, 6), draw(rank, 4, seed=1), draw(rank, 3, seed=2)
    kernel = columns.mT @ rows
    weight = kernel.expand(3, 1, 4, 3)
    theirs = F.conv2d(x, weight, groups=3)
    torch.testing.assert_close(separable_conv2d(x, columns, rows), theirs)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"rank from 1 to 3, got 4"):
        separable_factors(torch.eye(3), 4)
    with pytest.raises(ValueError, match=r"expected a kernel.*got \(3,\)"):
        separable_factors(torch.ones(3))
    with pytest.raises(ValueError, match=r"expected a kernel.*got \(3,\)"):
        kernel_rank(torch.ones(3))
    with pytest.raises(ValueError, match=r"as many columns as rows.*\(2, 3\) and \(1, 3\)"):
        separable_conv2d(torch.zeros(1, 1, 4, 4), torch.zeros(2, 3), torch.zeros(1, 3))
