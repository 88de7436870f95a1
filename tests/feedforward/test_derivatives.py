import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.feedforward import (
    central_deriv,
    chain_deriv,
    deriv,
    gradient_error,
    numerical_gradient,
)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def test_the_one_sided_difference_of_a_square_is_off_by_delta():
    assert deriv(lambda x: x**2, 3.0, delta=0.25) == 6.25


def test_the_central_difference_of_a_cube_is_off_by_delta_squared():
    assert central_deriv(lambda x: x**3, 2.0, delta=0.5) == 12.25


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(-5, 5))
def test_the_central_difference_is_exact_for_quadratics(a, b, c):
    slope = central_deriv(lambda x: a * x**2 + b * x + c, 1.5)
    assert slope == pytest.approx(3 * a + b, abs=1e-10)


def test_without_a_step_both_take_a_thousandth():
    assert deriv(lambda x: x**2, 1.0) == deriv(lambda x: x**2, 1.0, delta=0.001)
    assert central_deriv(math.exp, 1.0) == central_deriv(math.exp, 1.0, delta=0.001)


def test_a_negative_step_looks_to_the_left():
    assert deriv(abs, 0.0, delta=0.001) == 1
    assert deriv(abs, 0.0, delta=-0.001) == -1


@pytest.mark.parametrize(("difference", "error"), [(deriv, 1e-3), (central_deriv, 1e-6)])
def test_arrays_are_differentiated_entry_by_entry(difference, error):
    x = torch.linspace(-2, 2, 12, dtype=torch.float64).reshape(3, 4)
    slopes = difference(torch.sin, x)
    assert slopes.shape == x.shape
    torch.testing.assert_close(slopes, torch.cos(x), rtol=0, atol=error)


def test_the_central_error_falls_with_the_square_of_the_step():
    errors = [abs(central_deriv(math.exp, 0.0, delta) - 1) for delta in (0.1, 0.01)]
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.01)


def test_rounding_makes_a_tiny_step_worse_than_the_best_one():
    best, tiny = (abs(central_deriv(math.exp, 1.0, d) - math.e) for d in (6e-6, 1e-12))
    assert best < 1e-9
    assert tiny > 1e-6


@pytest.mark.parametrize("delta", [0.0, math.inf, math.nan])
@pytest.mark.parametrize("difference", [deriv, central_deriv])
def test_a_step_that_cannot_be_taken_is_refused(difference, delta):
    with pytest.raises(ValueError, match=f"finite step delta other than 0, got {delta}"):
        difference(math.sin, 1.0, delta)


LINKS = [torch.sin, torch.square, torch.sigmoid]


@pytest.mark.parametrize("links", [1, 2, 3])
def test_the_chain_rule_agrees_with_autograd(links):
    x = torch.linspace(-3, 3, 50, dtype=torch.float64, requires_grad=True)
    y = x
    for f in LINKS[:links]:
        y = f(y)
    (exact,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(
        chain_deriv(LINKS[:links], x.detach(), 1e-5), exact, rtol=0, atol=1e-9
    )


def test_the_chain_is_applied_innermost_first():
    double_then_square = chain_deriv([lambda x: 2 * x, lambda x: x**2], 3.0)
    assert double_then_square == pytest.approx(24)  # (2x)^2 = 4x^2


def test_a_chain_without_links_is_refused():
    with pytest.raises(ValueError, match="at least one function"):
        chain_deriv([], 1.0)


def test_the_numerical_gradient_of_a_quadratic_form_is_the_closed_one(generator):
    matrix = torch.randn(5, 5, dtype=torch.float64, generator=generator)
    x = torch.randn(5, dtype=torch.float64, generator=generator)
    gradient = numerical_gradient(lambda v: v @ matrix @ v, x)
    torch.testing.assert_close(gradient, (matrix + matrix.T) @ x, rtol=0, atol=1e-8)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 1, 3)])
def test_the_numerical_gradient_has_the_shape_of_the_input(shape, generator):
    x = torch.randn(shape, dtype=torch.float64, generator=generator)
    gradient = numerical_gradient(lambda v: (v**3).sum(), x)
    torch.testing.assert_close(gradient, 3 * x**2, rtol=0, atol=1e-8)


def test_the_numerical_gradient_leaves_its_input_alone(generator):
    x = torch.randn(4, generator=generator, requires_grad=True)
    before = x.detach().clone()
    numerical_gradient(lambda v: v.square().sum(), x)
    assert torch.equal(x.detach(), before)


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-8), (torch.float32, 2e-2)])
def test_autograd_passes_the_gradient_check(dtype, bound, generator):
    weight = torch.randn(4, 3, dtype=dtype, generator=generator)
    error = gradient_error(lambda w: torch.tanh(w.T @ w).sum(), weight)
    assert error < bound


class WrongSine(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.sin(x)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * torch.sin(x)  # a cosine is meant


def test_a_wrong_backward_fails_the_gradient_check():
    x = torch.linspace(0, 3, 7, dtype=torch.float64)
    assert gradient_error(lambda v: WrongSine.apply(v).sum(), x) > 0.5


def test_the_gradient_check_is_relative_for_large_gradients():
    x = torch.tensor([1.0, 2.0], dtype=torch.float64)
    error = gradient_error(lambda v: 1e6 * v.square().sum(), x)
    absolute = (numerical_gradient(lambda v: 1e6 * v.square().sum(), x) - 2e6 * x).abs()
    assert error == pytest.approx(float((absolute / (2e6 * x)).max()))


@pytest.mark.parametrize("check", [numerical_gradient, gradient_error])
def test_integers_have_no_gradient(check):
    with pytest.raises(TypeError, match=r"floating-point tensor, got torch\.int64"):
        check(lambda v: v.sum(), torch.arange(3))


@pytest.mark.parametrize("check", [numerical_gradient, gradient_error])
def test_the_gradient_of_several_numbers_is_refused(check):
    with pytest.raises(ValueError, match=r"returns one number, got shape \(3,\)"):
        check(torch.sin, torch.ones(3))


def test_the_numerical_gradient_refuses_a_step_of_zero():
    with pytest.raises(ValueError, match="finite step"):
        numerical_gradient(torch.sum, torch.ones(3), delta=0.0)
