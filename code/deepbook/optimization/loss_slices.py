"""Slices through the loss of a network: lines and planes in the space of its weights."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from deepbook.optimization.flat_loss import FlatLoss

__all__ = ["Plane", "filter_normalized_direction", "loss_along_line", "plane_through"]

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Plane:
    """A plane in the space of the weights.

    Attributes
    ----------
    origin, first, second : Tensor, shape (size,)
        The point with coordinates (x, y) is ``origin + x * first + y * second``.
    """

    origin: Tensor
    first: Tensor
    second: Tensor

    def point(self, x: float, y: float) -> Tensor:
        """The weights at these coordinates, shape (size,)."""
        return self.origin + x * self.first + y * self.second

    def coordinates(self, vector: Tensor) -> tuple[float, float]:
        """Coordinates of the point of the plane that is nearest to a vector."""
        axes = torch.stack([self.first, self.second], 1)
        found = torch.linalg.lstsq(axes, (vector - self.origin)[:, None]).solution
        return float(found[0]), float(found[1])

    @torch.no_grad()
    def values(self, f: Function, x: Tensor, y: Tensor) -> Tensor:
        """The function on a grid, shape (len(y), len(x)); without gradients."""
        rows = [[f(self.point(float(a), float(b))) for a in x] for b in y]
        return torch.stack([torch.stack(row) for row in rows])


def filter_normalized_direction(loss: FlatLoss, generator: torch.Generator | None = None) -> Tensor:
    """A random direction whose length in each unit is that of the unit's weights (Li et al. 2018).

    The scale of a layer's weights often does not matter to the network; a direction scaled with
    them makes slices of different networks comparable. Biases, and all else of one dimension,
    are left out.

    Parameters
    ----------
    loss : FlatLoss
    generator : torch.Generator, optional
        A CPU generator; the global one if not given.

    Returns
    -------
    Tensor, shape (size,)
    """
    vector = loss.vector
    draw = torch.randn(vector.shape, generator=generator, dtype=vector.dtype).to(vector.device)
    weights = loss.split(vector)
    parts = []
    for name, part in loss.split(draw).items():
        if part.ndim < 2:
            parts.append(torch.zeros_like(part).reshape(-1))
            continue
        rows = part.reshape(len(part), -1)
        lengths = weights[name].reshape(len(part), -1).norm(dim=1, keepdim=True)
        parts.append((rows / rows.norm(dim=1, keepdim=True) * lengths).reshape(-1))
    return torch.cat(parts)


def plane_through(origin: Tensor, second: Tensor, third: Tensor) -> Plane:
    """The plane through three points; its axes are orthogonal and of length 1.

    The second point has coordinates (its distance, 0), the third a positive second coordinate.

    Raises
    ------
    ValueError
        If the points lie on one line.
    """
    first = second - origin
    rest = third - origin
    length = first.norm()
    if length > 0:
        first = first / length
        rest = rest - (first @ rest) * first
    size = (third - origin).norm()
    if not length > 0 or not rest.norm() > 1e-6 * size:
        raise ValueError("expected three points that do not lie on one line")
    return Plane(origin, first, rest / rest.norm())


@torch.no_grad()
def loss_along_line(f: Function, start: Tensor, end: Tensor, positions: Tensor) -> Tensor:
    """The function at ``start + t * (end - start)``, shape (positions,) (Goodfellow et al. 2015).

    Parameters
    ----------
    f : callable
        Of a vector; a ``FlatLoss``.
    start, end : Tensor, shape (size,)
    positions : Tensor, shape (positions,)
        0 is the start and 1 the end.
    """
    return torch.stack([f(start + float(t) * (end - start)) for t in positions])
