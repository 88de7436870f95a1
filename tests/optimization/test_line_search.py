import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.optimization import (
    LANDSCAPES,
    LineSearchError,
    Trial,
    backtracking,
    bfgs,
    lbfgs,
    nonlinear_conjugate_gradient,
    satisfies_wolfe,
    secant,
    strong_wolfe,
    value_and_gradient,
)


def ray_of(f, slope, calls=None):
    def ray(rate):
        if calls is not None:
            calls.append(rate)
        return Trial(rate, f(rate), slope(rate))

    return ray, Trial(0.0, f(0.0), slope(0.0))


# functions along a line and their slopes; each falls at 0
LINES = {
    "parabola": (lambda t: (t - 2) ** 2, lambda t: 2 * (t - 2)),
    "far parabola": (lambda t: (t - 300) ** 2, lambda t: 2 * (t - 300)),
    "near parabola": (lambda t: (t - 1e-5) ** 2, lambda t: 2 * (t - 1e-5)),
    "quartic": (lambda t: t**4 - 3 * t, lambda t: 4 * t**3 - 3),
    "wave": (lambda t: -math.sin(5 * t) + 0.1 * t * t, lambda t: -5 * math.cos(5 * t) + 0.2 * t),
    "kink": (  # Moré and Thuente 1994, one of the first of their tests
        lambda t: -t / (t * t + 2),
        lambda t: (t * t - 2) / (t * t + 2) ** 2,
    ),
}


@pytest.mark.parametrize("name", LINES)
@given(guess=st.floats(1e-4, 1e4), c2=st.floats(0.01, 0.9))
def test_both_wolfe_conditions_hold_at_the_rate_found(name, guess, c2):
    ray, start = ray_of(*LINES[name])
    found = strong_wolfe(ray, start, guess, c2=c2)
    assert found.rate > 0
    # the conditions themselves, not our function for them
    assert found.value <= start.value + 1e-4 * found.rate * start.slope
    assert abs(found.slope) <= c2 * abs(start.slope)
    assert satisfies_wolfe(start, found, c2=c2)


def test_a_slope_that_is_steep_on_the_other_side_does_not_satisfy_the_conditions():
    start = Trial(0.0, 0.0, -1.0)
    flat, steep_down, steep_up = (Trial(1.0, -0.5, slope) for slope in (0.5, -0.95, 0.95))
    found = [satisfies_wolfe(start, trial) for trial in (flat, steep_down, steep_up)]
    assert found == [True, False, False]
    assert not satisfies_wolfe(start, Trial(1.0, -0.00001, 0.0))
    assert satisfies_wolfe(start, Trial(1.0, -0.0002, 0.0))


def test_a_step_too_short_is_lengthened_and_a_hole_in_the_function_is_left():
    ray, start = ray_of(*LINES["far parabola"])
    assert strong_wolfe(ray, start, 1e-3, c2=0.1).rate > 100
    # the logarithm ends at 1: what lies beyond is NaN
    log = lambda t: -math.log1p(-t) - 3 * t if t < 1 else math.nan
    slope = lambda t: 1 / (1 - t) - 3 if t < 1 else math.nan
    ray, start = ray_of(log, slope)
    for search in (strong_wolfe, backtracking):
        found = search(ray, start, 50.0)
        assert 0 < found.rate < 1
        assert found.value < 0


def test_a_function_without_end_has_no_rate():
    ray, start = ray_of(lambda t: -t, lambda t: -1.0)
    with pytest.raises(LineSearchError, match=r"no rate satisfies .*c1=0.0001 and c2=0.9"):
        strong_wolfe(ray, start)
    with pytest.raises(LineSearchError, match="does not rise from -1: no minimum ahead"):
        secant(ray, start)
    # a slope that lies
    ray, start = ray_of(lambda t: t, lambda t: -1.0)
    with pytest.raises(LineSearchError, match=r"fall by 0.0001 of its slope -1"):
        backtracking(ray, start)
    with pytest.raises(LineSearchError):
        strong_wolfe(ray, start)


def test_backtracking_takes_the_first_rate_of_its_series_that_falls_enough():
    calls = []
    ray, start = ray_of(*LINES["parabola"], calls)
    found = backtracking(ray, start, 32.0, shrink=0.25)
    assert calls == [32, 8, 2]
    assert found.rate == 2


@given(curvature=st.floats(1e-3, 1e3), minimum=st.floats(1e-2, 1e2), guess=st.floats(1e-2, 1e2))
def test_the_secant_is_exact_on_a_parabola(curvature, minimum, guess):
    ray, start = ray_of(
        lambda t: curvature * (t - minimum) ** 2, lambda t: 2 * curvature * (t - minimum)
    )
    assert secant(ray, start, guess).rate == pytest.approx(minimum, rel=1e-6)


@pytest.mark.parametrize("search", [strong_wolfe, backtracking, secant])
def test_directions_that_do_not_descend_and_rates_that_are_none_are_refused(search):
    ray, _ = ray_of(*LINES["parabola"])
    for slope in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match="direction of descent, got slope"):
            search(ray, Trial(0.0, 4.0, slope))
    for guess in (0.0, -1.0, math.inf):
        with pytest.raises(ValueError, match="first rate above 0"):
            search(ray, Trial(0.0, 4.0, -4.0), guess)


def test_constants_out_of_order_are_refused():
    ray, start = ray_of(*LINES["parabola"])
    with pytest.raises(ValueError, match=r"c1=0.9 and c2=0.1"):
        strong_wolfe(ray, start, c1=0.9, c2=0.1)
    with pytest.raises(ValueError, match="shrink between 0 and 1"):
        backtracking(ray, start, shrink=1.0)


@pytest.mark.parametrize("name", ["rosenbrock", "beale", "himmelblau", "saddle", "ravine"])
@pytest.mark.parametrize(
    ("method", "c2"), [(bfgs, 0.9), (lbfgs, 0.9), (nonlinear_conjugate_gradient, 0.1)]
)
def test_every_accepted_step_of_a_minimization_satisfies_both_conditions(name, method, c2):
    landscape = LANDSCAPES[name]
    way = method(landscape, torch.tensor(landscape.start, dtype=torch.float64))
    assert way.steps > 1
    for here, there in zip(way.points[:-1], way.points[1:], strict=True):
        before, gradient = value_and_gradient(landscape, here)
        after, arrived = value_and_gradient(landscape, there)
        step = there - here
        slope = float(gradient @ step)
        assert slope < 0
        assert after <= before + 1e-4 * slope + 1e-15
        assert abs(float(arrived @ step)) <= c2 * abs(slope) * (1 + 1e-6)
