"""Whitening: data with mean zero, equal variances and no correlations."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from deepbook.data.summaries import Summarised


@dataclass(frozen=True, eq=False, repr=False)
class Whitening(Summarised):
    """A linear map that makes its training data white, and its way back.

    It is ZCA whitening (Bell and Sejnowski 1997; Krizhevsky 2009): of all whitening maps the one
    that changes the data least, so a white patch still looks like a patch.

    Attributes
    ----------
    mean : Tensor, shape (D,)
    matrix, inverse_matrix : Tensor, shape (D, D)
        Symmetric.
    """

    mean: Tensor
    matrix: Tensor
    inverse_matrix: Tensor

    @classmethod
    def fit(cls, data: Tensor, *, epsilon: float = 0.0) -> Self:
        """The map for the mean and covariance of ``data``.

        Parameters
        ----------
        data : Tensor, shape (N, D)
        epsilon : float
            Added to the variance in every direction, so that directions in which there is hardly
            anything but noise are not blown up.

        Raises
        ------
        ValueError
            If ``data`` has not two dimensions or fewer than two rows, ``epsilon`` is negative, or
            the covariance has no inverse and ``epsilon`` does not help it.
        """
        if data.ndim != 2 or len(data) < 2:
            raise ValueError(
                f"expected at least 2 rows of data, shape (N, D), got {tuple(data.shape)}"
            )
        if not epsilon >= 0:
            raise ValueError(f"expected an epsilon of at least 0, got {epsilon}")
        # patches have very unequal variances: float32 would be too coarse for the inverse
        variances, directions = torch.linalg.eigh(torch.atleast_2d(torch.cov(data.double().T)))
        variances = variances + epsilon
        if not bool(variances[0] > 1e-12 * variances[-1]):
            raise ValueError("expected data that varies in every direction, or a larger epsilon")

        def power(exponent: float) -> Tensor:
            return (directions * variances**exponent @ directions.T).to(data.dtype)

        return cls(data.mean(0), power(-0.5), power(0.5))

    def __call__(self, data: Tensor) -> Tensor:
        """White data, shape (..., D)."""
        return (data - self.mean) @ self.matrix

    def inverse(self, white: Tensor) -> Tensor:
        """Data as they were before, shape (..., D)."""
        return white @ self.inverse_matrix + self.mean
