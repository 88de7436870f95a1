"""Coordinate descent: one variable at a time, each to its best value."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Sweeps", "coordinate_descent", "quadratic_coordinate"]

Best = Callable[[Tensor, "int | Tensor"], "float | Tensor"]


@dataclass(frozen=True)
class Sweeps:
    """The way of a coordinate descent.

    Attributes
    ----------
    points : Tensor, shape (sweeps + 1, n)
        The start, and after each sweep over all coordinates.
    converged : bool
        Whether the last sweep changed no coordinate by more than the tolerance.
    """

    points: Tensor
    converged: bool

    @property
    def point(self) -> Tensor:
        """Where it ended, shape (n,)."""
        return self.points[-1]


@torch.no_grad()
def coordinate_descent(
    best: Best,
    start: Tensor,
    *,
    blocks: Sequence[Tensor] | None = None,
    max_sweeps: int = 1000,
    tolerance: float = 1e-10,
) -> Sweeps:
    """Set each coordinate in turn to the best value given the others.

    Goodfellow et al. (2016), section 8.7.2. Good where the best value is known and one
    coordinate does not ask much of another; in ``(x - y)^2 + alpha (x^2 + y^2)`` with a small
    alpha neither can move without the other.

    Parameters
    ----------
    best : callable
        ``best(x, i)``: the value of coordinate ``i`` that minimizes the function when all others
        stay as they are in ``x``. With blocks, ``i`` are the indices of a block and the value a
        vector.
    start : Tensor, shape (n,)
    blocks : sequence of Tensor, optional
        Indices of variables that are set together: block coordinate descent.
    max_sweeps : int
    tolerance : float
        For the largest change of a coordinate in a sweep.

    Returns
    -------
    Sweeps

    Raises
    ------
    ValueError
        If the start is no vector, or a best value is not finite.
    """
    if start.ndim != 1:
        raise ValueError(f"expected a vector to start from, got shape {tuple(start.shape)}")
    x, points, converged = start.clone(), [start.clone()], False
    places: Sequence[int | Tensor] = range(len(start)) if blocks is None else blocks
    for _ in range(max_sweeps):
        for i in places:
            value = torch.as_tensor(best(x, i), dtype=x.dtype, device=x.device)
            if not bool(value.isfinite().all()):
                raise ValueError(f"expected a finite best value of coordinate {i}, got {value}")
            x[i] = value
        points.append(x.clone())
        if float((points[-1] - points[-2]).abs().max()) <= tolerance:
            converged = True
            break
    return Sweeps(torch.stack(points), converged)


def quadratic_coordinate(hessian: Tensor, linear: Tensor) -> Best:
    """The best value of a coordinate of ``x'Hx/2 - b'x``: a sweep is one of Gauss and Seidel.

    Parameters
    ----------
    hessian : Tensor, shape (n, n)
        Symmetric, with a positive diagonal.
    linear : Tensor, shape (n,)
        ``b``.

    Raises
    ------
    ValueError
        If the shapes do not fit, or the diagonal is not positive.
    """
    if hessian.shape != (len(linear), len(linear)):
        raise ValueError(
            f"expected a matrix for {len(linear)} coordinates, got shape {tuple(hessian.shape)}"
        )
    if not bool((hessian.diagonal() > 0).all()):
        raise ValueError("expected a positive diagonal: else a coordinate has no best value")

    def best(x: Tensor, i: int | Tensor) -> Tensor:
        if isinstance(i, Tensor):  # a block: the others' part goes to the right-hand side
            own = hessian[i][:, i]
            return torch.linalg.solve(own, linear[i] - hessian[i] @ x + own @ x[i])
        return x[i] + (linear[i] - hessian[i] @ x) / hessian[i, i]

    return best
