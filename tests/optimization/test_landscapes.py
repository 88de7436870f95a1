import dataclasses

import pytest
import scipy.optimize
import torch

from deepbook.optimization import LANDSCAPES, Landscape, hessian

NAMES = list(LANDSCAPES)


def points_of(places):
    return torch.tensor(places, dtype=torch.float64).reshape(-1, 2)


def gradient(landscape, point):
    return torch.func.grad(landscape)(point)


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_vanishes_at_every_minimum_and_saddle(name):
    known = LANDSCAPES[name]
    assert isinstance(known, Landscape)
    for point in points_of(known.minima + known.saddles):
        assert gradient(known, point).abs().max() < 1e-11


@pytest.mark.parametrize("name", NAMES)
def test_hessians_and_values_at_the_minima_are_those_told(name):
    known = LANDSCAPES[name]
    assert len(known.hessians) == len(known.minima)
    for point, told in zip(points_of(known.minima), known.hessians, strict=True):
        found = hessian(known, point)
        torch.testing.assert_close(found, points_of(told), rtol=1e-10, atol=1e-10)
        assert torch.linalg.eigvalsh(found)[0] > 0
        assert known(point).item() == pytest.approx(known.value, abs=1e-20)


@pytest.mark.parametrize("name", NAMES)
def test_saddles_have_a_direction_up_and_one_down(name):
    for point in points_of(LANDSCAPES[name].saddles):
        low, high = torch.linalg.eigvalsh(hessian(LANDSCAPES[name], point))
        assert low < 0 < high


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_the_domain_lies_lower_and_all_that_is_told_lies_inside(name):
    known = LANDSCAPES[name]
    x, y, values = known.grid(81, 61)
    assert values.shape == (61, 81)
    assert values.min() >= known.value - 1e-12
    assert values[7, 30] == known(torch.stack([x[30], y[7]]))
    for a, b in (*known.minima, *known.saddles, known.start):
        assert known.domain[0][0] <= a <= known.domain[0][1]
        assert known.domain[1][0] <= b <= known.domain[1][1]


@pytest.mark.parametrize("name", ["beale", "himmelblau", "saddle"])
def test_no_minimum_is_missing(name):
    known = LANDSCAPES[name]
    generator = torch.Generator().manual_seed(0)
    found = set()
    for start in 5 * torch.rand(60, 2, generator=generator, dtype=torch.float64) - 2.5:
        ended = scipy.optimize.minimize(
            lambda p: known(torch.from_numpy(p)).item(), start.numpy(), method="BFGS"
        )
        if ended.fun < known.value + 1e-6:
            gaps = (points_of(known.minima) - torch.from_numpy(ended.x)).norm(dim=1)
            assert gaps.min() < 1e-2
            found.add(int(gaps.argmin()))
    assert found == set(range(len(known.minima)))


def test_rosenbrock_is_scipys_and_the_others_have_the_values_of_the_literature():
    for point in points_of([(-1.2, 1.0), (0.3, -0.7), (2.0, 2.0)]):
        expected = scipy.optimize.rosen(point.numpy())
        assert LANDSCAPES["rosenbrock"](point).item() == pytest.approx(expected)
    value = lambda name, x, y: LANDSCAPES[name](torch.tensor([x, y]).double()).item()
    assert value("beale", 0, 0) == pytest.approx(1.5**2 + 2.25**2 + 2.625**2)
    assert value("himmelblau", 0, 0) == 11**2 + 7**2
    assert value("rastrigin", 1, 2) == pytest.approx(5)
    assert value("rastrigin", 0.5, 0) == pytest.approx(20.25)
    assert value("saddle", 2, 0) == 2
    assert value("ravine", 1, 1) == 50.5
    assert value("plateau", 5, 5) == pytest.approx(1)


def test_the_cliff_is_steep_in_its_wall_and_gentle_beside_it():
    cliff = LANDSCAPES["cliff"]
    slope = lambda x: gradient(cliff, torch.tensor([x, 0.0]).double())[0].item()
    assert slope(0.99) == pytest.approx(0.099)
    assert slope(1.05) > 70
    assert slope(1.11) == pytest.approx(0.111)
    jump = cliff(torch.tensor([1.1, 0.0]).double()) - cliff(torch.tensor([1.0, 0.0]).double())
    assert jump.item() == pytest.approx(4 + 0.05 * 0.21)


def test_values_come_for_any_number_of_points_at_once():
    points = torch.rand(3, 4, 2)
    for known in LANDSCAPES.values():
        values = known(points)
        assert values.shape == (3, 4)
        torch.testing.assert_close(values[1, 2], known(points[1, 2]))


def test_points_that_are_not_of_the_plane_are_refused_and_nothing_can_be_changed():
    with pytest.raises(ValueError, match=r"shape \(..., 2\), got \(3,\)"):
        LANDSCAPES["beale"](torch.ones(3))
    with pytest.raises(dataclasses.FrozenInstanceError):
        LANDSCAPES["beale"].value = 1.0
