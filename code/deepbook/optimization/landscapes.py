"""Classical landscapes in the plane, with their minima, saddles and curvatures."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["LANDSCAPES", "Landscape"]

Point = tuple[float, float]


@dataclass(frozen=True)
class Landscape:
    """A function of two numbers, and what is known of it.

    Attributes
    ----------
    name : str
    function : callable
        Of points, shape (..., 2), gives values, shape (...).
    minima : tuple of (x, y)
        Every global minimum; of ``rastrigin`` the many local ones are not listed.
    hessians : tuple of ((xx, xy), (yx, yy))
        At each of the minima.
    domain : ((x low, x high), (y low, y high))
        What is worth showing.
    start : (x, y)
        From where descent is usually shown.
    value : float
        The function at the minima.
    saddles : tuple of (x, y)
    """

    name: str
    function: Callable[[Tensor], Tensor]
    minima: tuple[Point, ...]
    hessians: tuple[tuple[Point, Point], ...]
    domain: tuple[Point, Point]
    start: Point
    value: float = 0.0
    saddles: tuple[Point, ...] = ()

    def __call__(self, points: Tensor) -> Tensor:
        """Values, shape (...), at points of shape (..., 2).

        Raises
        ------
        ValueError
            If the last dimension is not 2.
        """
        if points.ndim < 1 or points.shape[-1] != 2:
            raise ValueError(f"expected points of shape (..., 2), got {tuple(points.shape)}")
        return self.function(points)

    def grid(self, columns: int = 100, rows: int = 100) -> tuple[Tensor, Tensor, Tensor]:
        """X of shape (columns,), y of shape (rows,), and values of shape (rows, columns)."""
        (left, right), (low, high) = self.domain
        x = torch.linspace(left, right, columns, dtype=torch.float64)
        y = torch.linspace(low, high, rows, dtype=torch.float64)
        return x, y, self(torch.stack(torch.meshgrid(x, y, indexing="xy"), -1))


def _rosenbrock(p: Tensor) -> Tensor:
    x, y = p.unbind(-1)
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def _beale(p: Tensor) -> Tensor:
    x, y = p.unbind(-1)
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def _himmelblau(p: Tensor) -> Tensor:
    x, y = p.unbind(-1)
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def _himmelblau_hessian(x: float, y: float) -> tuple[Point, Point]:
    mixed = 4 * (x + y)
    return (12 * x**2 + 4 * y - 42, mixed), (mixed, 12 * y**2 + 4 * x - 26)


def _rastrigin(p: Tensor) -> Tensor:
    return 20 + (p**2 - 10 * torch.cos(2 * math.pi * p)).sum(-1)


def _saddle(p: Tensor) -> Tensor:
    x, y = p.unbind(-1)
    return (x**2 - y**2) / 2 + y**4 / 4


def _ravine(p: Tensor) -> Tensor:
    x, y = p.unbind(-1)
    return (x**2 + 100 * y**2) / 2


def _cliff(p: Tensor) -> Tensor:
    # a bowl, and between x = 1 and 1.1 a wall of height 4 with two continuous derivatives
    step = ((p[..., 0] - 1) / 0.1).clamp(0, 1)
    return 0.05 * (p**2).sum(-1) + 4 * step**3 * (10 - 15 * step + 6 * step**2)


def _plateau(p: Tensor) -> Tensor:
    return 1 - torch.exp(-(p**2).sum(-1) / 2)


_HIMMELBLAU_MINIMA = (
    (3.0, 2.0),
    (-2.805118086952745, 3.131312518250573),
    (-3.779310253377747, -3.283185991286170),
    (3.584428340330492, -1.848126526964404),
)


LANDSCAPES: dict[str, Landscape] = {
    found.name: found
    for found in (
        Landscape(
            "rosenbrock",  # Rosenbrock 1960: a bent valley
            _rosenbrock,
            minima=((1.0, 1.0),),
            hessians=(((802.0, -400.0), (-400.0, 200.0)),),
            domain=((-2.0, 2.0), (-1.0, 3.0)),
            start=(-1.2, 1.0),
        ),
        Landscape(
            "beale",  # Beale 1958: steep corners around a flat middle
            _beale,
            minima=((3.0, 0.5),),
            hessians=(((3.15625, -11.4375), (-11.4375, 46.125)),),
            saddles=((0.0, 1.0),),
            domain=((-4.5, 4.5), (-4.5, 4.5)),
            start=(1.0, 1.5),
        ),
        Landscape(
            "himmelblau",  # Himmelblau 1972: four minima, all of one height
            _himmelblau,
            minima=_HIMMELBLAU_MINIMA,
            hessians=tuple(_himmelblau_hessian(x, y) for x, y in _HIMMELBLAU_MINIMA),
            saddles=(
                (-3.073025750764390, -0.081353044287968),
                (0.086677504555396, 2.884254701174776),
                (-0.127961346730680, -1.953714980244575),
                (3.385154183607021, 0.073851879837749),
            ),
            domain=((-5.0, 5.0), (-5.0, 5.0)),
            start=(-0.5, -1.0),
        ),
        Landscape(
            "rastrigin",  # Rastrigin 1974: a bowl full of hollows
            _rastrigin,
            minima=((0.0, 0.0),),
            hessians=(((2 + 40 * math.pi**2, 0.0), (0.0, 2 + 40 * math.pi**2)),),
            domain=((-5.12, 5.12), (-5.12, 5.12)),
            start=(3.4, -2.7),
        ),
        Landscape(
            "saddle",
            _saddle,
            minima=((0.0, 1.0), (0.0, -1.0)),
            value=-0.25,
            hessians=(((1.0, 0.0), (0.0, 2.0)), ((1.0, 0.0), (0.0, 2.0))),
            saddles=((0.0, 0.0),),
            domain=((-2.0, 2.0), (-2.0, 2.0)),
            start=(1.5, 0.01),
        ),
        Landscape(
            "ravine",  # condition number 100
            _ravine,
            minima=((0.0, 0.0),),
            hessians=(((1.0, 0.0), (0.0, 100.0)),),
            domain=((-2.0, 2.0), (-1.0, 1.0)),
            start=(-1.8, 0.6),
        ),
        Landscape(
            "cliff",
            _cliff,
            minima=((0.0, 0.0),),
            hessians=(((0.1, 0.0), (0.0, 0.1)),),
            domain=((-3.0, 3.0), (-3.0, 3.0)),
            start=(2.0, 1.0),
        ),
        Landscape(
            "plateau",
            _plateau,
            minima=((0.0, 0.0),),
            hessians=(((1.0, 0.0), (0.0, 1.0)),),
            domain=((-5.0, 5.0), (-5.0, 5.0)),
            start=(3.0, 2.0),
        ),
    )
}
