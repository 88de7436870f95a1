import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.optimization import (
    SGD,
    Momentum,
    Nesterov,
    Quadratic,
    best_gradient_descent,
    best_heavy_ball,
    convergence_factor,
    critical_rate,
    hessian,
    random_quadratic,
)


def optimizer_of(x, rate, momentum, nesterov):
    if momentum == 0:
        return SGD([x], lr=rate)
    return (Nesterov if nesterov else Momentum)([x], lr=rate, momentum=momentum)


def distances(f, rate, momentum=0.0, *, nesterov=False, steps=400):
    """Distance from the minimum after each step of our own optimizers."""
    x = (f.minimum + 1).requires_grad_()
    optimizer, found = optimizer_of(x, rate, momentum, nesterov), []
    for _ in range(steps):
        optimizer.zero_grad()
        f(x).backward()
        optimizer.step()
        found.append((x.detach() - f.minimum).norm().item())
    return found


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("nesterov", [False, True])
def test_a_rate_below_the_critical_one_converges_and_one_above_diverges(momentum, nesterov):
    f = random_quadratic(5, 30, torch.Generator().manual_seed(0))
    largest = f.eigenvalues[-1].item()
    rate = critical_rate(largest, momentum, nesterov=nesterov)
    below = distances(f, 0.99 * rate, momentum, nesterov=nesterov, steps=1500)
    above = distances(f, 1.01 * rate, momentum, nesterov=nesterov, steps=1500)
    assert below[-1] < 0.1 * below[50]
    assert above[-1] > 10 * above[50]


@given(curvature=st.floats(0.01, 100), momentum=st.floats(0, 0.99), nesterov=st.booleans())
def test_the_factor_reaches_one_exactly_at_the_critical_rate(curvature, momentum, nesterov):
    rate = critical_rate(curvature, momentum, nesterov=nesterov)
    factor = lambda share: convergence_factor(curvature, share * rate, momentum, nesterov=nesterov)
    assert factor(1) == pytest.approx(1, abs=1e-6)
    assert factor(0.999) < 1 < factor(1.001)


def test_the_critical_rates_are_those_of_their_formulas():
    assert critical_rate(4.0) == 0.5
    assert critical_rate(4.0, 0.8) == pytest.approx(0.9)
    assert critical_rate(4.0, 0.8, nesterov=True) == pytest.approx(0.9 / 2.6)


@pytest.mark.parametrize(
    ("rate", "momentum", "nesterov"),
    [(0.3, 0.0, False), (1.9, 0.0, False), (0.5, 0.6, False), (0.5, 0.6, True), (1.2, 0.95, False)],
)
def test_our_optimizers_shrink_the_distance_by_the_factor_told(rate, momentum, nesterov):
    f = Quadratic(torch.diag(torch.tensor([1.0, 0.2])).double(), torch.zeros(2).double())
    found = distances(f, rate, momentum, nesterov=nesterov, steps=300)
    told = max(convergence_factor(c, rate, momentum, nesterov=nesterov) for c in (1.0, 0.2))
    # the mean over many steps: complex roots swing
    measured = (found[-1] / found[100]) ** (1 / 199)
    assert measured == pytest.approx(told, rel=0.01)


@given(smallest=st.floats(0.01, 1), ratio=st.floats(1.01, 1000))
def test_the_best_settings_give_the_factor_told_and_no_other_does_better(smallest, ratio):
    largest = ratio * smallest
    worst = lambda rate, momentum: max(
        convergence_factor(c, rate, momentum) for c in (smallest, largest)
    )
    rate, factor = best_gradient_descent(smallest, largest)
    assert worst(rate, 0) == pytest.approx(factor)
    assert factor == pytest.approx((ratio - 1) / (ratio + 1))
    assert min(worst(0.98 * rate, 0), worst(1.02 * rate, 0)) > factor
    rate, momentum, factor = best_heavy_ball(smallest, largest)
    root = math.sqrt(ratio)
    assert factor == pytest.approx((root - 1) / (root + 1))
    assert worst(rate, momentum) == pytest.approx(factor, abs=1e-6)
    # rounding alone splits the double root a little
    assert worst(0.98 * rate, momentum) > factor
    assert worst(1.02 * rate, momentum) > factor


def test_momentum_takes_the_root_of_the_condition_number():
    f = random_quadratic(10, 400, torch.Generator().manual_seed(1))
    low, high = f.eigenvalues[0].item(), f.eigenvalues[-1].item()
    plain = distances(f, best_gradient_descent(low, high)[0], steps=300)
    rate, momentum, _ = best_heavy_ball(low, high)
    heavy = distances(f, rate, momentum, steps=300)
    assert plain[-1] > 0.1
    assert heavy[-1] < 1e-9


def test_a_quadratic_is_what_it_says():
    f = random_quadratic(6, 50, torch.Generator().manual_seed(2))
    assert f.condition_number == pytest.approx(50)
    assert f.eigenvalues[-1].item() == pytest.approx(1)
    torch.testing.assert_close(hessian(f, torch.ones(6).double()), f.hessian)
    assert f(f.minimum).item() == 0
    points = torch.randn(3, 2, 6, generator=torch.Generator().manual_seed(0)).double()
    away = points - f.minimum
    expected = torch.einsum("...i,ij,...j->...", away, f.hessian, away) / 2
    torch.testing.assert_close(f(points), expected)
    again = random_quadratic(6, 50, torch.Generator().manual_seed(2))
    assert torch.equal(f.hessian, again.hessian)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: critical_rate(0.0), "curvature above 0 and a momentum in .* got 0.0"),
        (lambda: critical_rate(1.0, 1.0), "got 1.0 and 1.0"),
        (lambda: convergence_factor(-1.0, 0.1), "at least 0, got -1.0"),
        (lambda: convergence_factor(1.0, 0.1, -0.1), "momentum in"),
        (lambda: best_gradient_descent(2, 1), "smallest <= largest, got 2 and 1"),
        (lambda: best_heavy_ball(0, 1), "smallest <= largest, got 0 and 1"),
        (lambda: random_quadratic(1, 10), "at least 2 dimensions .* got 1 and 10"),
        (lambda: random_quadratic(3, 0.5), "got 3 and 0.5"),
    ],
)
def test_numbers_out_of_range_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
