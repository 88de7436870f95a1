import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from deepbook.optimization import (
    FlatLoss,
    Plane,
    filter_normalized_direction,
    loss_along_line,
    plane_through,
)


def network_loss():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4))
    x, y = torch.randn(5, 2, 4, 4), torch.randint(4, (5,))
    return FlatLoss(model.double(), cross_entropy, x.double(), y)


def test_a_direction_is_as_long_as_the_weights_in_every_filter_and_zero_in_the_biases():
    loss = network_loss()
    direction = filter_normalized_direction(loss, torch.Generator().manual_seed(0))
    weights = loss.split(loss.vector)
    for name, part in loss.split(direction).items():
        if part.ndim == 1:
            assert not part.any()
        else:
            for row, own in zip(part, weights[name], strict=True):
                assert row.norm().item() == pytest.approx(own.norm().item())
                assert abs(float((row * own).sum())) < 0.99 * float(own.norm() ** 2)
    again = filter_normalized_direction(loss, torch.Generator().manual_seed(0))
    assert torch.equal(direction, again)


def test_a_plane_through_three_points_holds_them_at_their_distances():
    a, b, c = torch.randn(3, 20, generator=torch.Generator().manual_seed(0)).double()
    plane = plane_through(a, b, c)
    axes = torch.stack([plane.first, plane.second])
    torch.testing.assert_close(axes @ axes.T, torch.eye(2).double())
    for point in (a, b, c):
        torch.testing.assert_close(plane.point(*plane.coordinates(point)), point)
    assert plane.coordinates(a) == pytest.approx((0, 0), abs=1e-12)
    assert plane.coordinates(b) == pytest.approx(((b - a).norm().item(), 0), abs=1e-12)
    assert plane.coordinates(c)[1] > 0


def test_coordinates_of_a_point_beside_the_plane_are_those_of_its_shadow():
    plane = Plane(torch.zeros(3), torch.tensor([2.0, 0, 0]), torch.tensor([1.0, 1.0, 0]))
    assert plane.coordinates(torch.tensor([5.0, 3.0, 7.0])) == pytest.approx((1, 3), abs=1e-5)


def test_values_on_a_grid_are_the_losses_of_the_weights_there():
    loss = network_loss()
    generator = torch.Generator().manual_seed(1)
    directions = [filter_normalized_direction(loss, generator) for _ in range(2)]
    plane = Plane(loss.vector, *directions)
    x, y = torch.linspace(-1, 1, 3), torch.linspace(0, 2, 4)
    values = plane.values(loss, x, y)
    assert values.shape == (4, 3)
    assert not values.requires_grad
    here = loss.vector + 1.0 * directions[0] + float(y[1]) * directions[1]
    torch.testing.assert_close(values[1, 2], loss(here).detach())
    torch.testing.assert_close(values[0, 1], loss(loss.vector).detach())


def test_a_line_begins_at_its_start_and_passes_its_end():
    loss = network_loss()
    end = loss.vector + filter_normalized_direction(loss)
    found = loss_along_line(loss, loss.vector, end, torch.tensor([0.0, 1.0, 1.5]))
    expected = [loss(v).item() for v in (loss.vector, end, 1.5 * end - 0.5 * loss.vector)]
    assert found.tolist() == pytest.approx(expected)


def test_three_points_on_one_line_have_no_plane():
    a, b = torch.zeros(4), torch.ones(4)
    for second, third in ((b, 2 * b), (b, a), (a, b)):
        with pytest.raises(ValueError, match="do not lie on one line"):
            plane_through(a, second, third)
