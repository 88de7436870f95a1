"""A ReLU network is linear in pieces: find all of them along a line, and in a plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

# what is closer than this (the segment or the square has size 1) is one point up to rounding
CLOSE = 1e-12


@dataclass(frozen=True)
class Pieces:
    """A network along a segment, ``start + t (end - start)`` with ``t`` from 0 to 1.

    Attributes
    ----------
    breakpoints : Tensor, shape (pieces + 1,), float64
        Where the network bends, and the two ends 0 and 1; increasing.
    slopes, intercepts : Tensor, shape (pieces, outputs), float64
        On piece ``i``, the network's output is ``intercepts[i] + slopes[i] * t``.
    """

    breakpoints: Tensor
    slopes: Tensor
    intercepts: Tensor

    def __len__(self) -> int:
        return len(self.slopes)


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
def linear_pieces(
    network: nn.Sequential,
    start: Tensor | Sequence[float] | float,
    end: Tensor | Sequence[float] | float,
) -> Pieces:
    """Pieces of a ReLU network along the segment from ``start`` to ``end``, exactly.

    No sampling: the segment is carried through the network layer by layer, as linear pieces;
    each ReLU cuts a piece where its input changes sign. At the end, pieces on which the output
    is the same linear map are joined again. Exact up to float64 rounding: breakpoints closer
    than 1e-12 of the segment count as one.

    Parameters
    ----------
    network
        ``nn.Linear`` and ``nn.ReLU`` only.
    start, end
        Two points of the input space, shape (inputs,); plain numbers for a single input.

    Raises
    ------
    TypeError
        If the network holds another kind of module.
    ValueError
        If a point does not have the network's number of inputs.
    """
    weight = _first_linear(network).weight
    ends = [torch.as_tensor(p, dtype=torch.float64, device=weight.device) for p in (start, end)]
    ends = [p.reshape(1) if p.ndim == 0 else p for p in ends]
    for point in ends:
        if point.shape != weight.shape[1:]:
            raise ValueError(
                f"expected points of shape {tuple(weight.shape[1:])}, got {tuple(point.shape)}"
            )
    t = ends[0].new_tensor([0.0, 1.0])
    slopes, intercepts = (ends[1] - ends[0])[None], ends[0][None]

    for module in network:
        if isinstance(module, nn.Linear):
            slopes, intercepts = _through(module, slopes, intercepts)
            continue
        left, right = (slopes * edge[:, None] + intercepts for edge in (t[:-1], t[1:]))
        crossing = left * right < 0
        new = -intercepts[crossing] / slopes[crossing]
        old, t = t, _merged(torch.cat([t, new]))
        middle = (t[:-1] + t[1:]) / 2
        piece = torch.searchsorted(old, middle) - 1  # the old piece that holds the new one
        slopes, intercepts = slopes[piece], intercepts[piece]
        active = slopes * middle[:, None] + intercepts > 0
        slopes, intercepts = slopes * active, intercepts * active

    bend = slopes.diff(dim=0).abs().amax(1) > CLOSE * slopes.abs().max()
    first = torch.cat([bend.new_ones(1), bend])
    return Pieces(torch.cat([t[:-1][first], t[-1:]]), slopes[first], intercepts[first])


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
                slope, intercept = _through(module, cell.slope.T, cell.intercept[None])
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


def _through(linear: nn.Linear, slopes: Tensor, intercepts: Tensor) -> tuple[Tensor, Tensor]:
    weight = linear.weight.to(slopes)
    after = intercepts @ weight.T
    return slopes @ weight.T, after if linear.bias is None else after + linear.bias.to(slopes)


def _merged(points: Tensor) -> Tensor:
    """Sort points of [0, 1], both ends among them, and keep one of those that are too close."""
    points = points.sort().values
    points = points[torch.cat([points.new_ones(1, dtype=torch.bool), points.diff() > CLOSE])]
    inner = points[(points > CLOSE) & (points < 1 - CLOSE)]
    return torch.cat([points.new_zeros(1), inner, points.new_ones(1)])


def _first_linear(network: nn.Sequential) -> nn.Linear:
    for module in network:
        if not isinstance(module, nn.Linear | nn.ReLU):
            raise TypeError(f"expected nn.Linear and nn.ReLU only, got {type(module).__name__}")
    if len(network) == 0 or not isinstance(network[0], nn.Linear):
        raise TypeError("expected a network that begins with nn.Linear")
    return network[0]


def _check_plane(network: nn.Sequential, low: float, high: float) -> Tensor:
    weight = _first_linear(network).weight
    if weight.shape[1] != 2:
        raise ValueError(f"expected a network with 2 inputs, got {weight.shape[1]}")
    if not low < high:
        raise ValueError(f"expected low < high, got {low} and {high}")
    return weight
