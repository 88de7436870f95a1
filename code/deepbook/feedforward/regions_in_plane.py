"""A ReLU network is linear in pieces: find all of them in a plane."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from deepbook.feedforward.regions_on_line import CLOSE, first_linear, through


@dataclass(frozen=True)
class Cell:
    """A convex polygon on which a network with two inputs is linear.

    Attributes
    ----------
    vertices : Tensor, shape (corners, 2), float64
        In order round the polygon.
    slope : Tensor, shape (outputs, 2), float64
    intercept : Tensor, shape (outputs,), float64
        For ``x`` in the cell, the network's output is ``slope @ x + intercept``.
    """

    vertices: Tensor
    slope: Tensor
    intercept: Tensor


@torch.no_grad()
def linear_cells(network: nn.Sequential, low: float = -1.0, high: float = 1.0) -> list[Cell]:
    """Cells of a ReLU network with two inputs on the square ``[low, high]**2``, exactly.

    In each cell every hidden unit is either on or off throughout. The square is cut layer by
    layer: within a cell each unit's input is a linear function, which cuts the polygon along a
    straight line or not at all. Neighbouring cells may carry the same linear map (behind a
    dead unit), so a network has at most as many linear regions as cells.

    Parameters
    ----------
    network
        ``nn.Linear`` and ``nn.ReLU`` only, with two inputs.
    low, high
        Corners of the square.

    Raises
    ------
    TypeError
        If the network holds another kind of module.
    ValueError
        If it does not have two inputs, or the square is empty.
    """
    device = _check_plane(network, low, high).device
    corners = [[low, low], [high, low], [high, high], [low, high]]
    plane = torch.tensor(corners, dtype=torch.float64, device=device)
    cells = [Cell(plane, torch.eye(2).to(plane), torch.zeros(2).to(plane))]
    for module in network:
        if isinstance(module, nn.Linear):
            for i, cell in enumerate(cells):
                slope, intercept = through(module, cell.slope.T, cell.intercept[None])
                cells[i] = Cell(cell.vertices, slope.T, intercept[0])
        else:
            cells = [part for cell in cells for part in _cut_by_relu(cell, CLOSE * (high - low))]
    return cells


@torch.no_grad()
def patterns_on_grid(
    network: nn.Sequential, low: float = -1.0, high: float = 1.0, resolution: int = 200
) -> Tensor:
    """Number the activation patterns that the points of a grid meet.

    Cells that fall between the points are missed: the count, ``len(result.unique())``, is a
    lower bound on `linear_cells`.

    Parameters
    ----------
    network, low, high
        As for `linear_cells`.
    resolution
        Points on a side.

    Returns
    -------
    Tensor, shape (resolution, resolution), int64
        ``result[i, j]`` belongs to the point (x of column j, y of row i).
    """
    weight = _check_plane(network, low, high)
    side = torch.linspace(low, high, resolution, dtype=weight.dtype, device=weight.device)
    x = torch.cartesian_prod(side, side).flip(1)
    signs = []
    for module in network:
        if isinstance(module, nn.ReLU):
            signs.append(x > 0)
        x = module(x)
    _, number = torch.cat(signs, dim=1).unique(dim=0, return_inverse=True)
    return number.reshape(resolution, resolution)


def _cut_by_relu(cell: Cell, close: float) -> list[Cell]:
    """Cut along the zero of each unit, then switch off the units that are off."""
    heights = cell.vertices @ cell.slope.T + cell.intercept
    close_units = close * cell.slope.norm(dim=1)
    cutting = (heights.amin(0) < -close_units) & (heights.amax(0) > close_units)
    polygons = [cell.vertices]
    for unit in cutting.nonzero()[:, 0]:
        direction, offset = cell.slope[unit], cell.intercept[unit]
        polygons = [
            part
            for polygon in polygons
            for part in _halves(polygon, polygon @ direction + offset, close_units[unit])
        ]
    parts = []
    for polygon in polygons:
        active = cell.slope @ polygon.mean(0) + cell.intercept > 0
        parts.append(Cell(polygon, cell.slope * active[:, None], cell.intercept * active))
    return parts


def _halves(polygon: Tensor, height: Tensor, close: Tensor) -> list[Tensor]:
    """Cut a convex polygon where ``height``, linear and given at the corners, is zero."""
    if height.min() >= -close or height.max() <= close:
        return [polygon]
    after, height_after = polygon.roll(-1, 0), height.roll(-1)
    parts = []
    for sign in (1, -1):
        corners = []
        for p, q, a, b in zip(polygon, after, sign * height, sign * height_after, strict=True):
            if a >= 0:
                corners.append(p)
            if a * b < 0:
                corners.append(p + (q - p) * (a / (a - b)))
        parts.append(torch.stack(corners))
    return parts


def _check_plane(network: nn.Sequential, low: float, high: float) -> Tensor:
    weight = first_linear(network).weight
    if weight.shape[1] != 2:
        raise ValueError(f"expected a network with 2 inputs, got {weight.shape[1]}")
    if not low < high:
        raise ValueError(f"expected low < high, got {low} and {high}")
    return weight
