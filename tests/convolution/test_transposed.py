import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from deepbook.convolution import (
    conv2d,
    conv2d_input_gradient,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose2d_loops,
    output_size,
)


def random(shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


@st.composite
def layers(draw, dims):
    each = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(dims))
    groups = draw(st.integers(1, 2))
    channels, outputs = groups * draw(st.integers(1, 2)), draw(st.integers(1, 2))
    stride, dilation = each(1, 3), each(1, 3)
    x = random((draw(st.integers(1, 2)), channels, *each(2, 4)), draw(st.integers(0, 99)))
    weight = random((channels, outputs, *each(2, 3)), 1)
    bias = random((outputs * groups,), 2) if draw(st.booleans()) else None
    extra = tuple(
        draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True)
    )
    options = {"stride": stride, "padding": each(0, 1), "output_padding": extra}
    return (x, weight, bias), options | {"groups": groups, "dilation": dilation}


@settings(max_examples=60)
@given(st.sampled_from([1, 2]), st.data())
def test_outputs_and_gradients_are_torchs(dims, data):
    layer, options = data.draw(layers(dims))
    ours_of = conv_transpose2d if dims == 2 else conv_transpose1d
    torchs_of = functional.conv_transpose2d if dims == 2 else functional.conv_transpose1d
    theirs = torchs_of(*layer, **options)
    ours = ours_of(*layer, **options)
    torch.testing.assert_close(ours, theirs)
    back = torch.linspace(-1, 2, theirs.numel()).double().view_as(theirs)
    for leaf in layer:
        if leaf is not None:
            one = torch.autograd.grad(ours, leaf, back, retain_graph=True)
            other = torch.autograd.grad(theirs, leaf, back, retain_graph=True)
            torch.testing.assert_close(one, other)


@settings(max_examples=40)
@given(st.data())
def test_it_is_the_adjoint_and_the_gradient_of_the_convolution(data):
    (y, weight, _), options = data.draw(layers(2))
    extra = options.pop("output_padding")
    extra = tuple(min(e, s - 1) for e, s in zip(extra, options["stride"], strict=True))
    back = conv_transpose2d(y, weight, **options, output_padding=extra)
    x = random(back.shape, 7)
    there = conv2d(x, weight, **options)
    assert there.shape == y.shape
    torch.testing.assert_close((there * y).sum(), (x * back).sum())  # <Kx, y> = <x, K'y>
    gradient = conv2d_input_gradient(y, weight, x.shape[2:], **options)
    torch.testing.assert_close(back, gradient)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 1), st.integers(0, 1))
def test_the_loops_agree(kernel, stride, padding, extra):
    x, weight = random((2, 2, 3, 2), 0).detach(), random((2, 3, kernel, kernel), 1).detach()
    options = {"stride": stride, "padding": padding, "output_padding": min(extra, stride - 1)}
    if 1 * stride + kernel - 2 * padding + options["output_padding"] < 1:
        for call in (conv_transpose2d, conv_transpose2d_loops):
            with pytest.raises(ValueError, match="an output of at least 1"):
                call(x, weight, **options)
        return
    loops = conv_transpose2d_loops(x, weight, **options)
    torch.testing.assert_close(conv_transpose2d(x, weight, **options), loops)


def test_output_padding_is_not_made_of_zeros(draw):
    kernel = draw(1, 1, 3, 3)
    one = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    out = conv_transpose2d(one, kernel, stride=2, padding=1, output_padding=1)
    assert torch.equal(out, kernel[:, :, 1:, 1:])


def test_dilation_counts_in_the_size(draw):
    assert conv_transpose1d(draw(1, 1, 10), draw(1, 1, 3), dilation=2).shape[-1] == 14


def test_it_is_no_inverse_and_covers_some_places_twice():
    covered = conv_transpose1d(torch.ones(1, 1, 4), torch.ones(1, 1, 3), stride=2)
    assert covered.flatten().tolist() == [1, 1, 2, 1, 2, 1, 2, 1, 1]
    evenly = conv_transpose1d(torch.ones(1, 1, 4), torch.ones(1, 1, 4), stride=2)
    assert evenly.flatten().tolist() == [1, 1, 2, 2, 2, 2, 2, 2, 1, 1]


def test_padding_before_and_after_may_differ(draw):
    x, weight = draw(1, 1, 5), draw(1, 1, 4)
    whole = conv_transpose1d(x, weight)
    cut = conv_transpose1d(x, weight, padding=((1, 2),))
    torch.testing.assert_close(cut, whole[..., 1:-2])
    assert output_size(cut.shape[-1], 4, padding=(1, 2)) == 5


@pytest.mark.parametrize(
    ("shapes", "options", "message"),
    [
        (((2, 4, 4), (2, 3, 2, 2)), {}, r"an input of 4 dimensions, got shape \(2, 4, 4\)"),
        (((1, 2, 4, 4), (3, 2, 2, 2)), {}, r"for 2 input channels, got shape \(3, 2, 2, 2\)"),
        (((1, 2, 4, 4), (2, 2, 2)), {}, "a weight of 4 dimensions"),
        (((1, 2, 4, 4), (2, 3, 2, 2)), {"groups": 3}, "groups that divide"),
        (((1, 2, 4, 4), (2, 3, 2, 2), (2,)), {}, "a bias for each of 3 outputs"),
        (((1, 2, 4, 4), (2, 3, 2, 2)), {"output_padding": 1}, "an output padding below 1"),
        (((1, 2, 4, 4), (2, 3, 2, 2)), {"padding": "same"}, "got 'same'"),
        (((1, 2, 4, 4), (2, 3, 2, 2)), {"stride": (1, 2, 3)}, "one number or 2 strides"),
    ],
)
def test_what_does_not_fit_is_refused(shapes, options, message):
    with pytest.raises(ValueError, match=message):
        conv_transpose2d(*map(torch.ones, shapes), **options)
