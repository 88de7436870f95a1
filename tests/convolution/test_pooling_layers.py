import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from deepbook.convolution import (
    ChannelMaxPool,
    average_pool2d,
    channel_max_pool,
    global_average_pool,
    global_max_pool,
    lp_pool2d,
    max_pool2d,
    pool2d_loops,
    pooling_windows,
    stochastic_pool2d,
)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


geometries = st.tuples(
    st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(4, 8), st.integers(4, 9)
)


@settings(max_examples=30, deadline=None)
@given(geometries, st.integers(0, 2))
def test_max_and_average_are_torchs_with_stride_and_padding(geometry, padding):
    height, width, stride, h, w = geometry
    padding = min(padding, height // 2, width // 2)
    x = draw(2, 3, h, w)
    ours = max_pool2d(x, (height, width), stride, padding)
    torch.testing.assert_close(ours, F.max_pool2d(x, (height, width), stride, padding))
    for counted in (True, False):
        torch.testing.assert_close(
            average_pool2d(x, (height, width), stride, padding, count_padding=counted),
            F.avg_pool2d(x, (height, width), stride, padding, count_include_pad=counted),
        )


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("stride", [None, 1, (1, 2)])
def test_the_p_norm_is_torchs_sum_where_no_entry_is_negative(p, stride):
    x = draw(2, 3, 6, 7).abs()
    torch.testing.assert_close(lp_pool2d(x, 2, stride, p=p), F.lp_pool2d(x, p, 2, stride))
    # and the norm of absolute values everywhere
    torch.testing.assert_close(lp_pool2d(-x, 2, stride, p=p), lp_pool2d(x, 2, stride, p=p))


def test_with_a_mean_p_goes_from_the_average_to_the_maximum():
    x = draw(1, 6, 6).abs()
    torch.testing.assert_close(lp_pool2d(x, 3, p=1, mean=True), average_pool2d(x, 3))
    torch.testing.assert_close(
        lp_pool2d(x, 3, p=400, mean=True), max_pool2d(x, 3), rtol=0.01, atol=0
    )
    same = torch.full((1, 4, 4), 1.7, dtype=torch.float64)
    torch.testing.assert_close(lp_pool2d(same, 2, p=3, mean=True), same[:, ::2, ::2])
    torch.testing.assert_close(lp_pool2d(same, 2, p=2), 2 * same[:, ::2, ::2])


@pytest.mark.parametrize("stride", [None, 1, (2, 1)])
def test_the_loops_that_read_like_the_formula_agree(stride):
    x = draw(5, 6)
    for kind, fast in (("max", max_pool2d), ("average", average_pool2d), ("lp", lp_pool2d)):
        torch.testing.assert_close(
            pool2d_loops(x, (2, 3), stride, kind=kind), fast(x, (2, 3), stride)
        )


def test_in_a_tie_the_gradient_goes_to_the_first_entry_as_torchs():
    x = torch.ones(1, 1, 2, 4, dtype=torch.float64, requires_grad=True)
    (ours,) = torch.autograd.grad(max_pool2d(x, 2).sum(), x)
    (theirs,) = torch.autograd.grad(F.max_pool2d(x, 2).sum(), x)
    assert torch.equal(ours, theirs)
    assert ours[0, 0].tolist() == [[1, 0, 1, 0], [0, 0, 0, 0]]


def test_padding_never_wins_and_not_a_number_does():
    x = -draw(1, 1, 4, 4).abs() - 1
    assert bool((max_pool2d(x, 3, 2, 1) < 0).all())
    x[0, 0, 1, 1] = torch.nan
    assert torch.equal(max_pool2d(x, 2).isnan(), F.max_pool2d(x, 2).isnan())


def test_windows_stand_in_reading_order():
    x = torch.arange(12.0).view(3, 4)
    assert pooling_windows(x, 2, 1)[1, 2].tolist() == [6, 7, 10, 11]
    assert pooling_windows(x, 2, padding=1, fill=9.0)[0, 0].tolist() == [9, 9, 9, 0]


def test_a_window_of_zeros_has_no_gradient():
    x = torch.zeros(1, 2, 2, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(lp_pool2d(x, 2).sum(), x)
    assert torch.equal(gradient, torch.zeros_like(x))


def test_global_pooling_takes_maps_of_any_size():
    for size in ((1, 1), (3, 5)):
        x = draw(2, 3, *size)
        torch.testing.assert_close(global_max_pool(x), F.adaptive_max_pool2d(x, 1)[..., 0, 0])
        torch.testing.assert_close(global_average_pool(x), F.adaptive_avg_pool2d(x, 1)[..., 0, 0])


def test_channels_are_pooled_in_consecutive_groups():
    x = draw(2, 6, 3, 3)
    pooled = channel_max_pool(x, 3)
    torch.testing.assert_close(
        pooled[:, 0], torch.maximum(torch.maximum(x[:, 0], x[:, 1]), x[:, 2])
    )
    torch.testing.assert_close(pooled[:, 1], x[:, 3:].amax(1))
    assert torch.equal(ChannelMaxPool(3)(x), pooled)
    assert repr(ChannelMaxPool(3)) == "ChannelMaxPool(size=3)"
    # the order within a group does not matter: that is the invariance
    assert torch.equal(channel_max_pool(x[:, [2, 0, 1, 5, 4, 3]], 3), pooled)


def test_stochastic_pooling_draws_entries_in_proportion_to_them():
    window = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64)
    many = window.expand(20_000, 2, 2)
    drawn = stochastic_pool2d(many, 2, generator=torch.Generator().manual_seed(0)).flatten()
    shares = torch.stack([(drawn == value).double().mean() for value in (1, 2, 3, 4)])
    torch.testing.assert_close(shares, window.flatten() / 10, rtol=0, atol=0.02)
    mean = stochastic_pool2d(window, 2, training=False)
    assert float(mean) == pytest.approx(3.0)  # (1 + 4 + 9 + 16) / 10
    again = stochastic_pool2d(many, 2, generator=torch.Generator().manual_seed(0)).flatten()
    assert torch.equal(again, drawn)
    assert float(stochastic_pool2d(torch.zeros(2, 2), 2)) == 0


def test_wrong_arguments_are_named():
    x = torch.zeros(1, 2, 4, 4)
    with pytest.raises(ValueError, match=r"expected an input of shape.*got \(4,\)"):
        pooling_windows(torch.zeros(4), 2)
    with pytest.raises(ValueError, match=r"positive size and stride, got 2 and 0"):
        max_pool2d(x, 2, 0)
    with pytest.raises(ValueError, match=r"at most half of 3, got 2"):
        average_pool2d(x, 3, padding=2)
    with pytest.raises(ValueError, match=r"at least \(5, 5\), got \(4, 4\)"):
        max_pool2d(x, 5)
    with pytest.raises(ValueError, match=r"p of at least 1, got 0.5"):
        lp_pool2d(x, 2, p=0.5)
    with pytest.raises(ValueError, match=r"groups of 3 channels, got.*\(1, 2, 4, 4\)"):
        channel_max_pool(x, 3)
    with pytest.raises(ValueError, match=r"positive group size, got 0"):
        ChannelMaxPool(0)
    with pytest.raises(ValueError, match=r"no negative entries, got -1"):
        stochastic_pool2d(x - 1, 2)
    with pytest.raises(ValueError, match=r"one map.*got \(1, 2, 4, 4\)"):
        pool2d_loops(x, 2)
    with pytest.raises(ValueError, match=r"'max', 'average' or 'lp', got 'median'"):
        pool2d_loops(x[0, 0], 2, kind="median")
