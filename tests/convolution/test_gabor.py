import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepbook.convolution import GaborFilters, gabor_function


def scalar(x, y, a, bx, by, f, phi, x0, y0, tau):
    """Goodfellow 9.15 to 9.17, as they stand."""
    along = (x - x0) * math.cos(tau) + (y - y0) * math.sin(tau)
    across = -(x - x0) * math.sin(tau) + (y - y0) * math.cos(tau)
    gauss = math.exp(-bx * along**2 - by * across**2)
    return a * gauss * math.cos(f * along + phi)


small = st.floats(-3, 3)
positive = st.floats(0.01, 1)


@settings(max_examples=40, deadline=None)
@given(small, small, small, positive, positive, positive, small, small, small, small)
def test_it_is_the_equation(x, y, a, bx, by, f, phi, x0, y0, tau):
    x, y = torch.tensor([x, y], dtype=torch.float64)
    found = gabor_function(
        x, y, amplitude=a, beta_x=bx, beta_y=by, frequency=f, phase=phi, x0=x0, y0=y0,
        angle=torch.tensor(tau, dtype=torch.float64),
    )  # fmt: skip
    assert float(found) == pytest.approx(scalar(x, y, a, bx, by, f, phi, x0, y0, tau), abs=1e-12)


def test_the_wave_runs_along_the_angle_counted_from_x_towards_y():
    tau, f = 0.3, 1.7
    angle = torch.tensor(tau, dtype=torch.float64)
    steps = torch.linspace(-3, 3, 7, dtype=torch.float64)
    flat = {"beta_x": 0.0, "beta_y": 0.0, "frequency": f, "angle": angle}
    along = gabor_function(steps * math.cos(tau), steps * math.sin(tau), **flat)
    torch.testing.assert_close(along, torch.cos(f * steps))
    across = gabor_function(-steps * math.sin(tau), steps * math.cos(tau), **flat)
    torch.testing.assert_close(across, torch.ones_like(steps))


def test_on_the_grid_columns_are_x_and_rows_are_y_from_the_middle():
    one = lambda value: torch.tensor([value], dtype=torch.float64)
    filters = GaborFilters(*map(one, (2.0, 0.2, 0.05, 0.9, 0.4, 0.5, -0.25, 0.7)))
    grid = filters.on_grid(4, 5)
    assert grid.shape == (1, 4, 5)
    for row in range(4):
        for column in range(5):
            expected = scalar(column - 2, row - 1.5, 2.0, 0.2, 0.05, 0.9, 0.4, 0.5, -0.25, 0.7)
            assert float(grid[0, row, column]) == pytest.approx(expected)
    assert len(filters) == 1
    assert "amplitude=<float64 (1,)>" in repr(filters)


def test_a_grid_without_pixels_is_refused():
    filters = GaborFilters(*[torch.ones(1)] * 8)
    with pytest.raises(ValueError, match="expected at least 1 row and column, got 0 x 3"):
        filters.on_grid(0, 3)
