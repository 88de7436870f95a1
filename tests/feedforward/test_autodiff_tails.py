"""Where functions overflow, vanish or have no derivative, ours do what torch's do."""

import math

import numpy as np
import pytest
import torch
from torch.autograd import forward_ad

from deepbook.feedforward import autodiff as ad
from deepbook.feedforward.autodiff import Node, grad, jvp

INF, NAN = math.inf, math.nan
POINTS = [0.0, -0.0, 1e-300, -1e-300, 0.5, -0.5, 1.0, -1.0, 17.0, -17.0, 40.0, -40.0,
          300.0, -300.0, 800.0, -800.0, 1e200, -1e200, INF, -INF, NAN]  # fmt: skip


def row(x):
    """Three numbers that x moves by different amounts."""
    slopes, rest = np.array([1.0, -0.5, 0.1]), np.array([0.0, 1.0, -2.0])
    return (
        x * slopes + rest if isinstance(x, Node) else x * torch.tensor(slopes) + torch.tensor(rest)
    )


FUNCTIONS = {
    "add": (lambda x: x + 3.0, lambda x: x + 3.0),
    "sub": (lambda x: 3.0 - x, lambda x: 3.0 - x),
    "mul": (lambda x: x * -2.0 * x, lambda x: x * -2.0 * x),
    "inverse": (lambda x: 1.0 / x, lambda x: 1.0 / x),
    "ratio": (lambda x: x / (1.0 + x), lambda x: x / (1.0 + x)),
    "neg": (lambda x: -x, lambda x: -x),
    "exp": (ad.exp, torch.exp),
    "log": (ad.log, torch.log),
    "tanh": (ad.tanh, torch.tanh),
    "sigmoid": (ad.sigmoid, torch.sigmoid),
    "relu": (ad.relu, torch.relu),
    "mean": (lambda x: ad.mean(row(x)), lambda x: row(x).mean()),
    "sum": (lambda x: ad.sum(row(x)), lambda x: row(x).sum()),
    "logsumexp": (lambda x: ad.logsumexp(row(x)), lambda x: torch.logsumexp(row(x), 0)),
    "logsumexp of one": (
        lambda x: ad.logsumexp(ad.reshape(x, (1,))),
        lambda x: torch.logsumexp(x.reshape(1), 0),
    ),
    "log sigmoid": (lambda x: ad.log(ad.sigmoid(x)), lambda x: torch.sigmoid(x).log()),
    "log tanh": (lambda x: ad.log(ad.tanh(x)), lambda x: x.tanh().log()),
    "softplus": (lambda x: ad.log(1.0 + ad.exp(x)), lambda x: (1.0 + x.exp()).log()),
    "root of relu": (lambda x: ad.relu(x) ** 0.5, lambda x: torch.relu(x) ** 0.5),
    "log of relu": (lambda x: ad.log(ad.relu(x)), lambda x: torch.relu(x).log()),
    "square of relu": (lambda x: ad.relu(x) ** 2, lambda x: torch.relu(x) ** 2),
    "absolute value": (lambda x: ad.relu(x) + ad.relu(-x), lambda x: torch.relu(x) + (-x).relu()),
} | {
    f"power {p}": (lambda x, p=p: x**p, lambda x, p=p: x**p)
    for p in (0, 0.3, 0.5, 1, 1.5, 2, 3, -0.5, -1, -2)
}


def assert_same(ours, theirs, what=""):
    # only a number that is too small for full precision may differ, or be zero
    np.testing.assert_allclose(
        ours.value, theirs.detach().numpy(), rtol=1e-12, atol=2.3e-308, equal_nan=True, err_msg=what
    )


def slope(output, x):
    if not output.requires_grad:
        return torch.zeros_like(x)
    (result,) = torch.autograd.grad(
        output, x, create_graph=True, allow_unused=True, materialize_grads=True
    )
    return result


def forward_slope(function, x):
    with forward_ad.dual_level():
        result = function(forward_ad.make_dual(x, torch.ones_like(x)))
        tangent = forward_ad.unpack_dual(result).tangent
    return torch.zeros_like(x) if tangent is None else tangent


# torch's forward mode loads decompositions that it compiles with what it calls deprecated
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_value_and_both_derivatives_in_the_tails_are_those_of_torch(name):
    ours, theirs = FUNCTIONS[name]
    for point in POINTS:
        x, t = Node(point), torch.tensor(point, dtype=torch.float64, requires_grad=True)
        with np.errstate(all="ignore"):  # NumPy says where infinity is the answer, torch does not
            y, z = ours(x), theirs(t)
            assert_same(y, z, f"value at {point}")
            (first,) = grad(y, [x], create_graph=True)
            torch_first = slope(z, t)
            assert_same(first, torch_first, f"derivative at {point}")
            (second,) = grad(first, [x])
            assert_same(second, slope(torch_first, t), f"second derivative at {point}")
            forward = forward_slope(theirs, t.detach())
            assert_same(jvp(y, [x], [1.0]), forward, f"forward derivative at {point}")


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
def test_two_operands_in_the_tails_give_what_torch_gives(name):
    function = getattr(torch, name)
    values = [0.0, 40.0, -40.0, 800.0, 1e200, 1e-200, INF, -INF, NAN]
    for pair in ((a, b) for a in values for b in values):
        nodes = [Node(v) for v in pair]
        tensors = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in pair]
        with np.errstate(all="ignore"):
            y, z = getattr(ad, name)(*nodes), function(*tensors)
            assert_same(y, z)
            for t, first in zip(tensors, grad(y, nodes, create_graph=True), strict=True):
                torch_first = slope(z, t)
                assert_same(first, torch_first)
                for other, torch_other in zip(nodes, tensors, strict=True):
                    assert_same(grad(first, [other])[0], slope(torch_first, torch_other))


@pytest.mark.parametrize(
    "row",
    [(-INF, -INF), (INF, 1), (INF, INF), (INF, -INF), (-INF, 3), (NAN, 1), (NAN, -INF),
     (800, -800), (800, 800), (-800, -801), (40, -40), (0, 0), (-INF,)],
)  # fmt: skip
def test_logsumexp_of_infinite_and_of_distant_numbers_is_that_of_torch(row):
    x = Node(np.array(row, dtype=float))
    t = torch.tensor(row, dtype=torch.float64, requires_grad=True)
    y, z = ad.logsumexp(x), torch.logsumexp(t, 0)
    assert_same(y, z)  # and without a warning: infinity is the right answer
    weights = np.arange(1.0, 1 + len(row))
    with np.errstate(all="ignore"):
        (first,) = grad(y, [x], create_graph=True)
        torch_first = slope(z, t)
        assert_same(first, torch_first)
        (second,) = grad(ad.sum(first * weights), [x])
        assert_same(second, slope((torch_first * torch.tensor(weights)).sum(), t))


def test_logsumexp_of_no_number_is_that_of_torch():
    y = ad.logsumexp(Node(np.ones((2, 0))))
    assert_same(y, torch.logsumexp(torch.ones(2, 0, dtype=torch.float64), 1))


def test_the_slope_of_log_sigmoid_is_one_where_sigmoid_is_tiny():
    for at in (-37.0, -40.0, -100.0, -700.0):
        x = Node(at)
        y = ad.log(ad.sigmoid(x))
        assert y.value == pytest.approx(at, rel=1e-15)
        assert grad(y, [x])[0].value == pytest.approx(1.0, rel=1e-15)


def test_sigmoid_far_out_warns_of_nothing():
    np.testing.assert_array_equal(ad.sigmoid(Node([-INF, -800.0, 800.0, INF])).value, [0, 0, 1, 1])


@pytest.mark.parametrize(
    "number",
    [2, True, 0.5, np.int64(2), np.int32(-1), np.uint8(3), np.float32(0.5), np.float64(1.5),
     np.float16(2), np.bool_(True), np.array(2), np.array(0.5, dtype=np.float32)],
    ids=lambda number: f"{type(number).__name__}-{number}",
)  # fmt: skip
def test_numbers_of_python_and_numpy_are_operands_on_both_sides(number):
    x, value = Node([3.0, 4.0]), float(number)
    v = x.value
    for result, wanted in [
        (x + number, v + value), (number + x, value + v),
        (x - number, v - value), (number - x, value - v),
        (x * number, v * value), (number * x, value * v),
        (x / number, v / value), (number / x, value / v),
    ]:  # fmt: skip
        assert isinstance(result, Node)
        assert result.value.dtype == np.float64
        np.testing.assert_array_equal(result.value, wanted)


@pytest.mark.parametrize(
    "exponent",
    [2, 0, 1, -1, 0.5, True, np.int64(2), np.int32(0), np.int8(1), np.uint8(3), np.int64(-1),
     np.float32(0.5), np.float64(1.5), np.float16(-2)],
    ids=lambda exponent: f"{type(exponent).__name__}-{exponent}",
)  # fmt: skip
def test_exponents_are_numbers_of_python_or_numpy(exponent):
    x = Node(3.0)
    t = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    y, z = x**exponent, t ** float(exponent)
    assert_same(y, z)
    (first,) = grad(y, [x], create_graph=True)
    torch_first = slope(z, t)
    assert_same(first, torch_first)
    assert_same(grad(first, [x])[0], slope(torch_first, t))


def test_axes_are_integers_of_python_or_numpy():
    x = Node(np.arange(6.0).reshape(2, 3))
    for axis in (np.int64(1), np.int8(-1), (np.int64(1),), [1]):
        np.testing.assert_array_equal(ad.sum(x, axis).value, [3.0, 12.0])
        np.testing.assert_array_equal(ad.mean(x, axis).value, [1.0, 4.0])
    np.testing.assert_array_equal(ad.logsumexp(x, np.int64(1)).value, ad.logsumexp(x, 1).value)
    with pytest.raises(ValueError, match=r"sum: shape \(2, 3\) has no axis 2"):
        ad.sum(x, np.int64(2))
