"""What a minimization leaves behind, and what it asks of a function."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Minimization", "value_and_gradient"]

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Minimization:
    """The way of a minimization, from its start (row 0) to where it ended.

    Attributes
    ----------
    points : Tensor, shape (steps + 1, n)
    values, gradient_norms : Tensor, shape (steps + 1,)
    rates : Tensor, shape (steps,)
        How many times its direction each step went.
    evaluations : int
        Of the function together with its gradient.
    restarts : int
        Where the direction did not descend and the negative gradient took its place.
    converged : bool
        Whether the gradient became as small as asked; else the steps ran out, or no step
        along the negative gradient could be told from rounding.
    """

    points: Tensor
    values: Tensor
    gradient_norms: Tensor
    rates: Tensor
    evaluations: int
    restarts: int
    converged: bool

    @property
    def point(self) -> Tensor:
        """Where it ended, shape (n,)."""
        return self.points[-1]

    @property
    def value(self) -> float:
        """The function there."""
        return float(self.values[-1])

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return len(self.rates)


def value_and_gradient(f: Function, x: Tensor) -> tuple[float, Tensor]:
    """A function's value and gradient at a point.

    Raises
    ------
    ValueError
        If it returns more than one number.
    """
    point = x.detach().requires_grad_()
    with torch.enable_grad():
        value = f(point)
        if value.numel() != 1:
            raise ValueError(
                f"expected a function that returns one number, got shape {tuple(value.shape)}"
            )
        (gradient,) = torch.autograd.grad(value.reshape(()), point)
    return float(value.detach()), gradient


def check_start(start: Tensor) -> None:
    """Raise unless this is a vector of floating-point numbers."""
    if start.ndim != 1 or not start.is_floating_point():
        raise ValueError(
            "expected a vector of floating-point numbers, "
            f"got shape {tuple(start.shape)} and {start.dtype}"
        )
