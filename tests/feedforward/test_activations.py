import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from deepbook.feedforward import (
    ACTIVATIONS,
    SCHEMES,
    get_activation,
    sigmoid,
    softplus,
)

TORCH = {
    "identity": lambda x: x,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    # above its threshold torch takes softplus(x) = x, 2e-9 off at the usual 20
    "softplus": lambda x: F.softplus(x, threshold=40),
    "maxout": lambda x: torch.maximum(x[..., ::2], x[..., 1::2]),
}
SMOOTH = [name for name in TORCH if name != "maxout"]
LARGE = [0.0, 1e-300, 1e-8, 1.0, 20.0, 40.0, 100.0, 700.0, 800.0, 1e4, 1e100, 1e300]


def value_and_gradient(function, x):
    x = x.clone().requires_grad_()
    value = function(x)
    (gradient,) = torch.autograd.grad(value.sum(), x)
    return value.detach(), gradient


WIDE = torch.cat(
    [
        torch.linspace(-50, 50, 4000, dtype=torch.float64),
        torch.tensor([*LARGE, *(-x for x in LARGE)], dtype=torch.float64),
    ]
)


def test_the_table_holds_all_hidden_units_of_the_chapter():
    assert list(ACTIVATIONS) == [
        *("step", "identity", "sigmoid", "tanh", "relu", "leaky_relu"),
        *("elu", "selu", "gelu", "softplus", "maxout"),
    ]
    assert all(entry.name == name for name, entry in ACTIVATIONS.items())
    assert all(entry.initial in SCHEMES for entry in ACTIVATIONS.values())


@pytest.mark.parametrize("name", SMOOTH)
def test_values_and_gradients_equal_torchs_over_the_whole_range(name):
    ours, our_gradient = value_and_gradient(ACTIVATIONS[name], WIDE)
    theirs, their_gradient = value_and_gradient(TORCH[name], WIDE)
    torch.testing.assert_close(ours, theirs, rtol=1e-14, atol=1e-14)
    torch.testing.assert_close(our_gradient, their_gradient, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives_equal_torchs_over_the_whole_range(name):
    _, gradient = value_and_gradient(TORCH[name], WIDE)
    derivative = ACTIVATIONS[name].derivative(WIDE)
    torch.testing.assert_close(derivative, gradient, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", TORCH)
@given(x=st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4, unique=True))
def test_derivatives_equal_autograds(name, x):
    x = torch.tensor(x, dtype=torch.float64)
    _, gradient = value_and_gradient(ACTIVATIONS[name], x)
    derivative = ACTIVATIONS[name].derivative(x)
    torch.testing.assert_close(derivative, gradient, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_dtype_is_kept_and_nothing_overflows_in_float32(name):
    x = torch.tensor([-1e38, -1e3, -1.0, 0.0, 1.0, 1e3, 1e38, 2.0])
    unit = ACTIVATIONS[name]
    for result in (unit(x), unit.derivative(x)):
        assert result.dtype == torch.float32
        assert result.isfinite().all()


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name != "step"])
def test_nan_is_passed_on_and_not_hidden(name):
    assert ACTIVATIONS[name](torch.full((2,), math.nan)).isnan().all()


def test_the_step_is_1_above_zero_and_flat_everywhere():
    x = torch.tensor([-1.0, 0.0, 1e-300, 2.0], dtype=torch.float64)
    assert ACTIVATIONS["step"](x).tolist() == [0, 0, 1, 1]
    assert ACTIVATIONS["step"].derivative(x).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_slope_vanishes_exactly_where_the_table_says_that_it_saturates(name):
    unit = ACTIVATIONS[name]
    left, right = (unit.derivative(torch.full((2,), x)).abs().max() for x in (-100.0, 100.0))
    assert unit.saturates_left == bool(left < 1e-3)
    assert unit.saturates_right == bool(right < 1e-3)


def test_far_tails_keep_their_relative_precision():
    x = torch.tensor([-30.0, -300.0], dtype=torch.float64)
    exact = torch.tensor([math.exp(-30), math.exp(-300)], dtype=torch.float64)
    for tail in (sigmoid(x), softplus(x), ACTIVATIONS["sigmoid"].derivative(-x)):
        torch.testing.assert_close(tail, exact, rtol=1e-12, atol=0)


def test_maxouts_derivative_is_1_for_the_winner():
    x = torch.tensor([[1.0, 2.0, 5.0, -1.0]])
    assert ACTIVATIONS["maxout"].derivative(x).tolist() == [[0, 1, 1, 0]]


def test_an_activation_is_found_by_name_or_passed_through():
    assert get_activation("selu") is ACTIVATIONS["selu"]
    assert get_activation(ACTIVATIONS["gelu"]) is ACTIVATIONS["gelu"]


def test_an_unknown_activation_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"among step, identity, .*maxout, got 'swish'"):
        get_activation("swish")
