import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepbook.convolution import (
    conv2d_bias_gradient,
    conv2d_input_gradient,
    conv2d_weight_gradient,
)


@settings(max_examples=60)
@given(st.data())
def test_the_gradients_by_hand_are_those_of_autograd(conv_cases, data):
    case = data.draw(conv_cases())
    back = torch.linspace(-1, 2, case.theirs.numel()).double().view_as(case.theirs)
    x, weight = case.x.detach(), case.weight.detach()
    by_hand = [
        conv2d_input_gradient(back, weight, x.shape[2:], **case.settings),
        conv2d_weight_gradient(back, x, weight.shape[2:], **case.settings),
        conv2d_bias_gradient(back),
    ]
    theirs = torch.autograd.grad(case.theirs, case.leaves, back)
    for ours, other in zip(by_hand, theirs, strict=False):
        torch.testing.assert_close(ours, other, rtol=1e-10, atol=1e-10)


def test_the_stride_leaves_gaps_that_no_gradient_reaches():
    gradient, weight = torch.ones(1, 1, 1, 3), torch.tensor([[[[1.0, 2.0]]]])
    there = conv2d_input_gradient(gradient, weight, (1, 9), stride=(1, 3))
    assert there.flatten().tolist() == [1, 2, 0, 1, 2, 0, 1, 2, 0]
    x = torch.arange(9.0).view(1, 1, 1, 9)
    of_weight = conv2d_weight_gradient(gradient, x, (1, 2), stride=(1, 3))
    assert of_weight.flatten().tolist() == [0 + 3 + 6, 1 + 4 + 7]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda g, x, w: conv2d_input_gradient(g, w, (5, 6)),
            r"a gradient of shape \(1, 2, 3, 4\), got \(1, 2, 3, 3\)",
        ),
        (
            lambda g, x, w: conv2d_weight_gradient(g, x, (2, 3)),
            r"a gradient of shape \(1, 2, 4, 3\), got",
        ),
        (lambda g, x, w: conv2d_weight_gradient(g, x, (3, 3), groups=2), "divide 3 input"),
        (lambda g, x, w: conv2d_weight_gradient(g, x, (3, 3), groups=0), "channels, got 0"),
        (lambda g, x, w: conv2d_input_gradient(g, w, (5, 5), groups=3), "2 output channels"),
        (lambda g, x, w: conv2d_input_gradient(g[:, :1], w, (5, 5)), r"got \(1, 1, 3, 3\)"),
    ],
)
def test_what_does_not_belong_together_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(torch.ones(1, 2, 3, 3), torch.ones(1, 3, 5, 5), torch.ones(2, 3, 3, 3))
