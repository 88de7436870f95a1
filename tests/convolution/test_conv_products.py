import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from deepbook.convolution import conv1d, conv1d_loops, conv2d, conv2d_loops


@settings(max_examples=60)
@given(st.data())
def test_pictures_equal_torch_with_all_gradients(conv_cases, assert_as_torch, data):
    case = data.draw(conv_cases())
    assert_as_torch(conv2d(case.x, case.weight, case.bias, **case.settings), case)


@settings(max_examples=40)
@given(st.data())
def test_sequences_equal_torch_with_all_gradients(conv_cases, assert_as_torch, data):
    case = data.draw(conv_cases(dims=1))
    assert_as_torch(conv1d(case.x, case.weight, case.bias, **case.settings), case)


@settings(max_examples=10)
@given(st.data())
def test_the_loops_agree(conv_cases, data):
    case = data.draw(conv_cases(most=4))
    layer = (case.x, case.weight, case.bias)
    torch.testing.assert_close(
        conv2d(*layer, **case.settings), conv2d_loops(*layer, **case.settings)
    )
    case = data.draw(conv_cases(dims=1))
    layer = (case.x, case.weight, case.bias)
    torch.testing.assert_close(
        conv1d(*layer, **case.settings), conv1d_loops(*layer, **case.settings)
    )


def test_circular_padding_equals_torchs_layer(draw):
    layer = nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular").double()
    x = draw(2, 2, 5, 4)
    ours = conv2d(x, layer.weight, layer.bias, padding="circular")
    torch.testing.assert_close(ours, layer(x))


@pytest.mark.parametrize("size", [5, 6])
def test_same_with_a_stride_pads_as_tensorflow_does(draw, size):
    x, weight = draw(1, 1, size), draw(1, 1, 3)
    before, after = {6: (0, 1), 5: (1, 1)}[size]
    padded = nn.functional.pad(x, (before, after))
    theirs = nn.functional.conv1d(padded, weight, stride=2)
    assert theirs.shape[-1] == 3
    torch.testing.assert_close(conv1d(x, weight, stride=2, padding="same"), theirs)


def test_each_input_channel_reaches_its_group_only(draw):
    x = draw(1, 4, 5, 5).requires_grad_()
    out = conv2d(x, draw(6, 2, 3, 3), groups=2)
    for o in range(6):
        (gradient,) = torch.autograd.grad(out[:, o].sum(), x, retain_graph=True)
        reached = gradient.abs().sum((0, 2, 3)) > 0
        assert reached.tolist() == [o < 3, o < 3, o >= 3, o >= 3]


def test_a_shift_of_the_input_shifts_the_output(draw):
    x, weight, bias = draw(2, 3, 6, 5), draw(4, 3, 3, 2), draw(4)
    conv = lambda x: conv2d(x, weight, bias, padding="circular")
    for shift in ((1, 0), (0, -2), (3, 4)):
        shifted = lambda t: t.roll(shift, (2, 3))  # noqa: B023
        torch.testing.assert_close(conv(shifted(x)), shifted(conv(x)))
    # away from the border it holds with zeros too
    conv = lambda x: conv2d(x, weight, bias)
    torch.testing.assert_close(conv(x.roll(1, 2))[:, :, 1:], conv(x)[:, :, :-1])


def test_second_derivatives_and_many_networks_at_once(draw):
    x, weight = draw(1, 2, 4, 3).requires_grad_(), draw(2, 2, 2, 2).requires_grad_()
    conv = lambda x, w: conv2d(x, w, stride=2, padding=1)
    assert torch.autograd.gradgradcheck(conv, (x, weight))
    weights = torch.stack([weight.detach(), 2 * weight.detach()])
    at_once = torch.vmap(conv, (None, 0))(x, weights)
    torch.testing.assert_close(at_once, torch.stack([conv(x, w) for w in weights]))
    of_inputs = torch.vmap(torch.func.grad(lambda x: conv(x[None], weight).pow(2).sum()))
    xs = draw(3, 2, 4, 3)
    each = [torch.func.grad(lambda x: conv(x[None], weight).pow(2).sum())(x) for x in xs]
    torch.testing.assert_close(of_inputs(xs), torch.stack(each))


def test_other_dtypes_and_errors():
    half = conv2d(torch.ones(1, 1, 3, 3).bfloat16(), torch.ones(1, 1, 3, 3).bfloat16())
    assert half.dtype == torch.bfloat16
    assert half.item() == 9
    with pytest.raises(ValueError, match="an input of 4 dimensions"):
        conv2d(torch.ones(1, 3, 3), torch.ones(1, 1, 3, 3))
    with pytest.raises(ValueError, match="an input of 3 dimensions"):
        conv1d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3))
    with pytest.raises(ValueError, match="groups that divide 3 input and 1 output"):
        conv1d(torch.ones(1, 3, 3), torch.ones(1, 1, 3), groups=3)
