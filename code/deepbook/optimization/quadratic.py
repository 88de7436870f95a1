"""Quadratics: where the learning rates and the speed of descent are known exactly."""

import cmath
import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = [
    "Quadratic",
    "best_gradient_descent",
    "best_heavy_ball",
    "convergence_factor",
    "critical_rate",
    "random_quadratic",
]


@dataclass(frozen=True)
class Quadratic:
    """``f(x) = (x - m)' H (x - m) / 2``.

    Attributes
    ----------
    hessian : Tensor, shape (n, n), symmetric
    minimum : Tensor, shape (n,)
        ``m``, the one minimum if all eigenvalues are positive.
    """

    hessian: Tensor
    minimum: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Values, shape (...), at points of shape (..., n)."""
        away = x - self.minimum
        return (away @ self.hessian * away).sum(-1) / 2

    @property
    def eigenvalues(self) -> Tensor:
        """Of the Hessian, the smallest first, shape (n,)."""
        return torch.linalg.eigvalsh(self.hessian)

    @property
    def condition_number(self) -> float:
        """The largest eigenvalue over the smallest."""
        values = self.eigenvalues
        return float(values[-1] / values[0])


def random_quadratic(
    size: int, condition_number: float, generator: torch.Generator | None = None
) -> Quadratic:
    """A quadratic in float64 with axes in random directions and curvatures from 1 / kappa to 1.

    The curvatures lie evenly on a logarithmic scale; the minimum is normally distributed.

    Raises
    ------
    ValueError
        If the size is less than 2, or the condition number less than 1.
    """
    if size < 2 or not 1 <= condition_number < math.inf:
        raise ValueError(
            f"expected at least 2 dimensions and a condition number of at least 1, "
            f"got {size} and {condition_number}"
        )
    draw = torch.randn(size, size + 1, generator=generator, dtype=torch.float64)
    axes = torch.linalg.qr(draw[:, :size])[0]
    curvatures = condition_number ** torch.linspace(-1, 0, size, dtype=torch.float64)
    matrix = axes * curvatures @ axes.T
    return Quadratic((matrix + matrix.T) / 2, draw[:, size])


def critical_rate(largest: float, momentum: float = 0.0, *, nesterov: bool = False) -> float:
    """The learning rate from which descent on a quadratic diverges.

    ``2 / lambda`` for gradient descent, ``2 (1 + alpha) / lambda`` with a heavy ball and
    ``2 (1 + alpha) / ((1 + 2 alpha) lambda)`` with Nesterov momentum.

    Parameters
    ----------
    largest : float
        The largest eigenvalue, above 0.
    momentum : float
        In [0, 1).
    nesterov : bool

    Raises
    ------
    ValueError
        If a number is out of its range.
    """
    _check(largest, momentum)
    return 2 * (1 + momentum) / largest / ((1 + 2 * momentum) if nesterov else 1)


def convergence_factor(
    curvature: float, rate: float, momentum: float = 0.0, *, nesterov: bool = False
) -> float:
    """By what factor a step shrinks the distance along one axis of a quadratic, in the long run.

    The larger root, in size, of the recurrence that the distances obey. The slowest axis decides.

    Parameters
    ----------
    curvature : float
        The eigenvalue of the axis; not below 0.
    rate, momentum : float
    nesterov : bool

    Raises
    ------
    ValueError
        If a number is out of its range.
    """
    if not 0 <= curvature < math.inf or not 0 <= rate < math.inf:
        raise ValueError(f"expected numbers of at least 0, got {curvature} and {rate}")
    _check(1.0, momentum)
    kept = 1 - rate * curvature
    # heavy ball: d'' = (1 + alpha - eps lambda) d' - alpha d; Nesterov's brakes are at the jump
    trace, determinant = (
        ((1 + momentum) * kept, momentum * kept) if nesterov else (momentum + kept, momentum)
    )
    root = cmath.sqrt(trace * trace - 4 * determinant)
    return max(abs(trace + root), abs(trace - root)) / 2


def best_gradient_descent(smallest: float, largest: float) -> tuple[float, float]:
    """The best rate, ``2 / (l + L)``, and its factor, ``(kappa - 1) / (kappa + 1)``.

    Raises
    ------
    ValueError
        Unless ``0 < smallest <= largest``.
    """
    _check_spectrum(smallest, largest)
    return 2 / (smallest + largest), (largest - smallest) / (largest + smallest)


def best_heavy_ball(smallest: float, largest: float) -> tuple[float, float, float]:
    """The best rate and momentum (Polyak 1964), and their factor.

    ``4 / (sqrt(l) + sqrt(L))^2`` and the square of ``(sqrt(kappa) - 1) / (sqrt(kappa) + 1)``,
    which is the factor: as if the condition number were only its root.

    Raises
    ------
    ValueError
        Unless ``0 < smallest <= largest``.
    """
    _check_spectrum(smallest, largest)
    low, high = math.sqrt(smallest), math.sqrt(largest)
    factor = (high - low) / (high + low)
    return 4 / (low + high) ** 2, factor**2, factor


def _check(largest: float, momentum: float) -> None:
    if not 0 < largest < math.inf or not 0 <= momentum < 1:
        raise ValueError(
            f"expected a curvature above 0 and a momentum in [0, 1), got {largest} and {momentum}"
        )


def _check_spectrum(smallest: float, largest: float) -> None:
    if not 0 < smallest <= largest < math.inf:
        raise ValueError(f"expected 0 < smallest <= largest, got {smallest} and {largest}")
