import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from deepbook.convolution import ConvGeometry


def random(shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def test_settings_are_spread_over_the_dimensions():
    geometry = ConvGeometry.of((6, 5), (3, 3), 2, ("same", (0, 1)), 1)
    assert geometry.stride == (2, 2)
    assert geometry.dilation == (1, 1)
    assert geometry.padding == ((0, 1), (0, 1))
    assert geometry.padded == (7, 6)
    assert geometry.output == (3, 2)
    assert geometry.places == 6
    assert geometry.circular == (False, False)
    assert list(geometry.weights()) == [(i, j) for i in range(3) for j in range(3)]


def test_margins_are_torchs():
    x = random((2, 4, 5), 0)
    zeros = ConvGeometry.of((4, 5), (3, 4), padding=(1, (0, 2)))
    assert torch.equal(zeros.pad(x), functional.pad(x, (0, 2, 1, 1)))
    around = ConvGeometry.of((4, 5), (3, 4), padding="circular")
    theirs = functional.pad(x[None], (1, 2, 1, 1), "circular")[0]
    assert torch.equal(around.pad(x), theirs)
    mixed = ConvGeometry.of((4, 5), (3, 3), padding=("circular", "full"))
    theirs = functional.pad(functional.pad(x[None], (0, 0, 1, 1), "circular"), (2, 2))[0]
    assert torch.equal(mixed.pad(x), theirs)


def test_a_short_input_wraps_around_more_than_once():
    geometry = ConvGeometry.of((2,), (6,), padding="circular")
    assert geometry.pad(torch.tensor([1, 2])).tolist() == [1, 2, 1, 2, 1, 2, 1]


names = st.sampled_from([1, (0, 2), "same", "full", "circular"])


@given(names, names, st.integers(0, 99))
def test_the_adjoint_of_padding(rows, columns, seed):
    geometry = ConvGeometry.of((4, 3), (3, 2), padding=(rows, columns))
    x, other = random((2, 4, 3), seed), random((2, *geometry.padded), seed + 1)
    torch.testing.assert_close(
        (geometry.pad(x) * other).sum(), (x * geometry.pad_adjoint(other)).sum()
    )


def test_a_tap_is_what_one_weight_meets():
    geometry = ConvGeometry.of((9,), (3,), 2, 0, 2)
    assert torch.arange(9)[geometry.taps(1)].tolist() == [2, 4, 6]
    assert torch.arange(18).view(2, 9)[geometry.taps(2)].tolist() == [[4, 6, 8], [13, 15, 17]]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"expected 2 kernel sizes, got \(3,\)"):
        ConvGeometry.of((4, 4), (3,))
    with pytest.raises(ValueError, match=r"one number or 2 paddings, got \(1,\)"):
        ConvGeometry.of((4, 4), (3, 3), 1, (1,))
    with pytest.raises(ValueError, match=r"an input of shape \(\.\.\., \(4, 4\)\)"):
        ConvGeometry.of((4, 4), (3, 3)).pad(torch.ones(4, 5))
    with pytest.raises(ValueError, match="a stride of at least 1, got 0"):
        ConvGeometry.of((4, 4), (3, 3), (1, 0))
