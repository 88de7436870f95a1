import pytest
import torch
from torch.nn import functional as F

from deepbook.convolution import (
    ConvLayer,
    Counted,
    Tally,
    fft_radix2,
    separable_factors,
    winograd_filter,
)
from deepbook.convolution.winograd import _apply, cook_toom

LAYER = ConvLayer(height=6, width=5, in_channels=2, out_channels=3, size=3)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def tally():
    return Tally()


@pytest.fixture
def x(tally):
    return tally.numbers(draw(2, 6, 5).tolist())


@pytest.fixture
def weight(tally):
    return tally.numbers(draw(3, 2, 3, 3, seed=1).tolist())


@pytest.fixture
def truth():
    return F.conv2d(draw(2, 6, 5)[None], draw(3, 2, 3, 3, seed=1))[0]


def values(nested):
    if isinstance(nested, list):
        return [values(part) for part in nested]
    return nested.value


def assert_equal(nested, truth):
    torch.testing.assert_close(torch.tensor(values(nested), dtype=torch.float64), truth)


def correlate(map_, kernel):
    height, width = len(kernel), len(kernel[0])
    return [
        [
            sum(map_[i + k][j + m] * kernel[k][m] for k in range(height) for m in range(width))
            for j in range(len(map_[0]) - width + 1)
        ]
        for i in range(len(map_) - height + 1)
    ]


def add(maps):
    return [
        [sum(entries) for entries in zip(*rows, strict=True)] for rows in zip(*maps, strict=True)
    ]


def test_numbers_count_products_and_scalings_apart(tally):
    a, b = tally.numbers([2, [3]])
    assert (a * b[0]).value == 6
    assert (2 * a - b[0] + 1).value == 2
    assert (a - 1).value == 1
    assert (a / 2).value == 1
    assert repr(Counted(5, tally)) == "Counted(5)"
    assert tally == Tally(products=1, scalings=1)


def test_loops_take_what_direct_says(tally, x, weight, truth):
    y = [add([correlate(x[c], kernels[c]) for c in range(2)]) for kernels in weight]
    assert_equal(y, truth)
    assert tally.products == LAYER.direct()


def test_one_matrix_product_of_patches_takes_as_many(tally, x, weight, truth):
    rows = [[entry for kernel in kernels for row in kernel for entry in row] for kernels in weight]
    patches = [
        [x[c][i + k][j + m] for c in range(2) for k in range(3) for m in range(3)]
        for i in range(4)
        for j in range(3)
    ]
    y = [[sum(a * b for a, b in zip(row, patch, strict=True)) for patch in patches] for row in rows]
    assert_equal(y, truth.flatten(1))
    assert tally.products == LAYER.im2col() == LAYER.direct()


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_columns_then_rows_take_what_separable_says(tally, x, rank):
    factors = separable_factors(draw(3, 2, 3, 3, seed=1), rank)
    columns, rows = (tally.numbers(f.tolist()) for f in (factors.columns, factors.rows))
    y = [
        add(
            [
                correlate(correlate(x[c], [[v] for v in columns[o][c][q]]), [rows[o][c][q]])
                for c in range(2)
                for q in range(rank)
            ]
        )
        for o in range(3)
    ]
    assert_equal(y, F.conv2d(draw(2, 6, 5)[None], factors.kernel)[0])
    assert tally.products == LAYER.separable(rank)


def test_depthwise_then_pointwise_takes_what_the_formula_says(tally, x):
    depthwise, pointwise = draw(2, 3, 3, seed=1), draw(3, 2, seed=2)
    kernels, mixing = tally.numbers(depthwise.tolist()), tally.numbers(pointwise.tolist())
    between = [correlate(x[c], kernels[c]) for c in range(2)]
    y = [
        add([[[v * row[c] for v in line] for line in between[c]] for c in range(2)])
        for row in mixing
    ]
    kernel = pointwise[..., None, None] * depthwise
    assert_equal(y, F.conv2d(draw(2, 6, 5)[None], kernel)[0])
    assert tally.products == LAYER.depthwise_separable()


def both_ways(matrix, block):
    columns = [_apply(matrix, column) for column in zip(*block, strict=True)]
    return [_apply(matrix, row) for row in zip(*columns, strict=True)]


def test_a_tile_of_two_by_two_takes_16_products_for_36(tally):
    d, g = draw(4, 4), draw(3, 3, seed=1)
    A, G, B = cook_toom(2, 3)
    # scaled by floats: fractions do not multiply with them exactly, and need not here
    A, G, B = (tuple(tuple(float(v) for v in row) for row in matrix) for matrix in (A, G, B))
    inputs, kernel = (
        both_ways(B, tally.numbers(d.tolist())),
        both_ways(G, tally.numbers(g.tolist())),
    )
    products = [
        [a * b for a, b in zip(*rows, strict=True)] for rows in zip(inputs, kernel, strict=True)
    ]
    assert_equal(both_ways(A, products), F.conv2d(d[None, None], g[None, None])[0, 0])
    one = ConvLayer(height=4, width=4, in_channels=1, out_channels=1, size=3)
    assert tally.products == one.winograd(2) == 16
    assert one.direct() == 36


def test_winograd_counts_whole_tiles_for_every_pair_of_channels():
    # 4 x 3 outputs: two tiles down and two across
    assert LAYER.winograd(2) == 4 * 16 * 2 * 3
    assert LAYER.winograd(1) == LAYER.direct()
    tally = Tally()
    winograd_filter(tally.numbers([1, 2, 3, 4]), tally.numbers([1, 2, 3]))
    assert tally.products == 4


def test_transforms_in_both_directions_take_what_fft_says(tally, x, weight, truth):
    n = 8  # 6 + 3 - 1 and 5 + 3 - 1, rounded up

    def spectrum(map_, inverse=False):
        lines = [fft_radix2(row, inverse=inverse) for row in map_]
        columns = [fft_radix2(list(c), inverse=inverse) for c in zip(*lines, strict=True)]
        return [list(row) for row in zip(*columns, strict=True)]

    def padded(map_):
        zero = Counted(0.0, tally)
        rows = [[*row, *[zero] * (n - len(row))] for row in map_]
        return [*rows, *[[zero] * n for _ in range(n - len(rows))]]

    def turned(kernel):
        return [row[::-1] for row in kernel[::-1]]

    inputs = [spectrum(padded(map_)) for map_ in x]
    kernels = [[spectrum(padded(turned(kernel))) for kernel in row] for row in weight]
    y = []
    for row in kernels:
        total = add(
            [
                [[a * b for a, b in zip(*r, strict=True)] for r in zip(*pair, strict=True)]
                for pair in zip(inputs, row, strict=True)
            ]
        )
        full = spectrum(total, inverse=True)
        y.append([[v.value.real / n**2 for v in line[2:5]] for line in full[2:6]])
    torch.testing.assert_close(torch.tensor(y, dtype=torch.float64), truth)
    assert 4 * (tally.products + tally.scalings) == LAYER.fft()
    without = LAYER.fft() - LAYER.fft(kernels_too=False)
    assert without == 4 * 6 * (64 * 6 // 2)  # six kernels, 64 / 2 log2(64) products each


def test_wrong_layers_are_refused():
    with pytest.raises(ValueError, match=r"input of at least 3, got"):
        ConvLayer(2, 5, 1, 1, 3)
    with pytest.raises(ValueError, match=r"positive channels and size"):
        ConvLayer(5, 5, 0, 1, 3)
    with pytest.raises(ValueError, match=r"rank from 1 to 3, got 4"):
        LAYER.separable(4)
    with pytest.raises(ValueError, match=r"positive m, got 0"):
        LAYER.winograd(0)
    assert LAYER.outputs == 12
