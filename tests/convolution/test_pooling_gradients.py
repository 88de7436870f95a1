import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from deepbook.convolution import (
    average_pool2d_gradient,
    lp_pool2d,
    lp_pool2d_gradient,
    max_pool2d_gradient,
)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_autograd(pool, x):
    x = x.clone().requires_grad_()
    y = pool(x)
    upstream = draw(*y.shape, seed=1)
    (gradient,) = torch.autograd.grad(y, x, upstream)
    return upstream, gradient


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(0, 1), st.booleans())
def test_gradients_by_hand_are_torchs_in_overlapping_windows_and_ties(
    height, width, stride, padding, ties
):
    padding = min(padding, height // 2, width // 2)
    x = draw(2, 2, 6, 7)
    x = x.sign() if ties else x
    size = (height, width)
    upstream, gradient = by_autograd(lambda x: F.max_pool2d(x, size, stride, padding), x)
    torch.testing.assert_close(max_pool2d_gradient(upstream, x, size, stride, padding), gradient)
    upstream, gradient = by_autograd(lambda x: F.avg_pool2d(x, size, stride, padding), x)
    torch.testing.assert_close(
        average_pool2d_gradient(upstream, x, size, stride, padding), gradient
    )


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("mean", [False, True])
def test_the_gradient_of_the_p_norm_is_autograds(p, mean):
    x = draw(2, 3, 5, 6)
    upstream, gradient = by_autograd(lambda x: lp_pool2d(x, 3, 1, p=p, mean=mean), x)
    torch.testing.assert_close(lp_pool2d_gradient(upstream, x, 3, 1, p=p, mean=mean), gradient)
    if p == 2 and not mean:  # torch's takes no absolute values, which an even p needs not
        upstream, gradient = by_autograd(lambda x: F.lp_pool2d(x, p, 3, 1), x)
        torch.testing.assert_close(lp_pool2d_gradient(upstream, x, 3, 1, p=p), gradient)


def test_in_a_tie_only_the_first_gets_the_gradient():
    x = torch.zeros(2, 2, dtype=torch.float64)
    upstream = torch.tensor([[5.0]], dtype=torch.float64)
    assert max_pool2d_gradient(upstream, x, 2).tolist() == [[5, 0], [0, 0]]
    assert average_pool2d_gradient(upstream, x, 2).tolist() == [[1.25, 1.25], [1.25, 1.25]]
    assert lp_pool2d_gradient(upstream, x, 2).tolist() == [[0, 0], [0, 0]]


def test_a_gradient_of_another_shape_is_refused():
    x = torch.zeros(1, 4, 4)
    for gradient in (max_pool2d_gradient, average_pool2d_gradient, lp_pool2d_gradient):
        with pytest.raises(ValueError, match=r"expected a gradient of shape \(1, 2, 2\), got"):
            gradient(torch.zeros(1, 3, 3), x, 2)
