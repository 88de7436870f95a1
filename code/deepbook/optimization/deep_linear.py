"""Deep linear networks: a loss that is not convex and whose saddles are all known."""

import math
from collections.abc import Collection, Sequence

import torch
from torch import Tensor

__all__ = ["DeepLinearLoss"]


class DeepLinearLoss:
    """``||W_L ... W_1 - A||^2 / 2`` as a function of all weights in one vector.

    What a linear network with squared error sees when its inputs are white, and ``A`` is the
    covariance of targets and inputs (Goodfellow et al. 2016, section 8.2.3; Baldi and Hornik 1989;
    Saxe et al. 2014). Each set of singular values of ``A`` that the network has learned, no more
    than its narrowest layer holds, is a critical point; the largest ones are the global minimum,
    every other set a saddle.

    Parameters
    ----------
    target : Tensor, shape (outputs, inputs)
        ``A``.
    hidden : sequence of int
        Units of the hidden layers.

    Attributes
    ----------
    shapes : list of (int, int)
        Of ``W_1`` to ``W_L``.
    size : int
        Number of weights.
    singular_values : Tensor, shape (min(outputs, inputs),)

    Raises
    ------
    ValueError
        If the target is no matrix, or there is no hidden layer or an empty one.
    """

    def __init__(self, target: Tensor, hidden: Sequence[int]) -> None:
        if target.ndim != 2 or not hidden or min(hidden) < 1:
            raise ValueError(
                "expected a matrix and hidden layers of at least 1 unit, "
                f"got shape {tuple(target.shape)} and {list(hidden)}"
            )
        self.target, self.hidden = target, tuple(hidden)
        sizes = [target.shape[1], *hidden, target.shape[0]]
        self.shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
        self.size = sum(rows * columns for rows, columns in self.shapes)
        self._left, self.singular_values, self._right = torch.linalg.svd(
            target, full_matrices=False
        )

    def matrices(self, vector: Tensor) -> list[Tensor]:
        """``W_1`` to ``W_L``, views of the vector of shape (size,)."""
        parts = vector.split([rows * columns for rows, columns in self.shapes])
        return [part.view(shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def __call__(self, vector: Tensor) -> Tensor:
        """The loss, shape (), of weights of shape (size,)."""
        first, *others = self.matrices(vector)
        product = first
        for matrix in others:
            product = matrix @ product
        return (product - self.target).square().sum() / 2

    def critical_point(self, modes: Collection[int]) -> Tensor:
        """Balanced weights, shape (size,), that have learned these singular values and no other.

        Raises
        ------
        ValueError
            If there is no such singular value, or there are more than the narrowest layer holds.
        """
        modes = self._checked(modes)
        roots = self.singular_values[modes] ** (1 / len(self.shapes))
        weights = [self.target.new_zeros(shape) for shape in self.shapes]
        units = torch.arange(len(modes))
        weights[0][units] = roots[:, None] * self._right[modes]
        for matrix in weights[1:-1]:
            matrix[units, units] = roots
        weights[-1][:, units] = self._left[:, modes] * roots
        return torch.cat([matrix.reshape(-1) for matrix in weights])

    def critical_value(self, modes: Collection[int]) -> float:
        """The loss there: half the sum of squares of the singular values that are missing."""
        missing = self._missing(self._checked(modes))
        return float(self.singular_values[missing].square().sum() / 2)

    def index(self, modes: Collection[int]) -> int:
        """How many negative eigenvalues the Hessian has there, with one hidden layer.

        One for each missing value and each unit that is still free, and one for each pair of a
        missing value and a smaller one that was learned in its place. With more layers and free
        units the Hessian is flat in those directions: the saddle at 0 has no negative eigenvalue.

        Raises
        ------
        ValueError
            If there are more hidden layers, or as ``critical_point``.
        """
        if len(self.hidden) != 1:
            raise ValueError(f"expected one hidden layer, got {len(self.hidden)}")
        modes = self._checked(modes)
        s = self.singular_values
        rounding = float(s.max()) * len(s) * torch.finfo(s.dtype).eps
        missing = [float(s[j]) for j in self._missing(modes) if s[j] > rounding]
        swaps = sum(value > s[i] + rounding for value in missing for i in modes)
        return (self.hidden[0] - len(modes)) * len(missing) + int(swaps)

    def global_minimum(self) -> float:
        """The loss when the network has learned as much as it can."""
        return self.critical_value(range(min(*self.hidden, len(self.singular_values))))

    def _checked(self, modes: Collection[int]) -> list[int]:
        chosen = sorted(set(modes))
        count = len(self.singular_values)
        if len(chosen) > min(self.hidden) or any(not 0 <= mode < count for mode in chosen):
            raise ValueError(
                f"expected at most {min(self.hidden)} singular values from 0 to {count - 1}, "
                f"got {chosen}"
            )
        return chosen

    def _missing(self, modes: Collection[int]) -> list[int]:
        return [j for j in range(len(self.singular_values)) if j not in modes]

    def random_start(self, scale: float, generator: torch.Generator | None = None) -> Tensor:
        """Normal weights, shape (size,), with deviation ``scale / sqrt(fan_in)``."""
        parts = [
            torch.randn(shape, generator=generator, dtype=self.target.dtype)
            * (scale / math.sqrt(shape[1]))
            for shape in self.shapes
        ]
        return torch.cat([part.reshape(-1) for part in parts]).to(self.target.device)
