import itertools

import pytest
import torch
from torch import nn

from deepbook.feedforward import linear_cells, patterns_on_grid

float64 = {"dtype": torch.float64}


def random_network(*sizes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    modules = []
    for inputs, outputs in itertools.pairwise(sizes):
        layer = nn.Linear(inputs, outputs, **float64)
        for p in layer.parameters():
            nn.init.normal_(p, std=(2 / inputs) ** 0.5, generator=generator)
        modules += [layer, nn.ReLU()]
    return nn.Sequential(*modules[:-1])


@pytest.mark.parametrize("sizes", [(2, 10, 1), (2, 6, 6, 6, 2)])
@pytest.mark.parametrize("seed", range(3))
def test_the_cells_tile_the_square_and_carry_the_network(sizes, seed):
    network = random_network(*sizes, seed=seed)
    cells = linear_cells(network, -2.0, 2.0)
    assert sum(area(cell.vertices) for cell in cells).item() == pytest.approx(16, abs=1e-9)
    assert min(area(cell.vertices) for cell in cells) > 0
    for cell in cells:
        torch.testing.assert_close(
            cell.vertices @ cell.slope.T + cell.intercept, network(cell.vertices), rtol=0, atol=1e-9
        )


def area(polygon):
    """Shoelace formula; positive when the corners go round once, against the clock."""
    after = polygon.roll(-1, 0)
    return (polygon[:, 0] * after[:, 1] - after[:, 0] * polygon[:, 1]).sum() / 2


def test_one_layer_of_lines_makes_one_cell_more_than_lines_and_crossings_inside():
    network = random_network(2, 12, 1)
    W, b = network[0].weight.detach(), network[0].bias.detach()
    pairs = torch.combinations(torch.arange(12))
    crossings = torch.linalg.solve(W[pairs], -b[pairs])
    inside = (crossings.abs() < 50).all(1).sum().item()
    cells = linear_cells(network, -50.0, 50.0)
    assert len(cells) == 1 + 12 + inside
    assert len(cells) <= 1 + 12 + 66  # Zaslavsky: no more than that in the whole plane


def test_a_cut_through_two_corners_leaves_two_triangles():
    network = nn.Sequential(nn.Linear(2, 1), nn.ReLU(), nn.Linear(1, 1))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[1.0, -1.0]]))
        network[0].bias.zero_()
    assert [(len(c.vertices), area(c.vertices).item()) for c in linear_cells(network)] == [
        (3, 2)
    ] * 2


def test_a_grid_finds_at_most_the_exact_number_and_more_when_finer():
    network = random_network(2, 10, 10, 1)
    exact = len(linear_cells(network, -2.0, 2.0))
    found = [len(patterns_on_grid(network, -2.0, 2.0, n).unique()) for n in (20, 100, 500)]
    assert found[0] < found[1] <= found[2] <= exact
    assert found[2] > 0.9 * exact


def test_the_grid_is_laid_out_with_x_along_columns_and_y_along_rows():
    network = nn.Sequential(nn.Linear(2, 1), nn.ReLU(), nn.Linear(1, 1))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[1.0, 0.0]]))  # only x matters
        network[0].bias.fill_(0.1)
    number = patterns_on_grid(network, resolution=4)
    assert number.tolist() == [[0, 0, 1, 1]] * 4


def test_a_network_or_a_square_that_does_not_fit_is_named():
    network = random_network(2, 3, 1)
    with pytest.raises(TypeError, match=r"begins with nn.Linear"):
        linear_cells(nn.Sequential(nn.ReLU()))
    for function in (linear_cells, patterns_on_grid):
        with pytest.raises(ValueError, match="2 inputs, got 3"):
            function(random_network(3, 3, 1))
        with pytest.raises(ValueError, match=r"low < high, got 1.0 and -1.0"):
            function(network, 1.0, -1.0)
