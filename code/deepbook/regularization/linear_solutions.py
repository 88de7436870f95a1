"""Linear regression with an L2 penalty, and where the data do not settle the weights."""

from typing import NamedTuple

import torch
from torch import Tensor

from deepbook.regularization.checks import check_not_negative

__all__ = ["LinearFit", "minimum_norm_solution", "pseudo_inverse", "ridge"]


class LinearFit(NamedTuple):
    """Weight, shape (D,) or (D, K), and bias, shape () or (K,), of a linear regression."""

    weight: Tensor
    bias: Tensor

    def predict(self, x: Tensor) -> Tensor:
        """``x w + b``, shape (N,) or (N, K), of inputs of shape (N, D)."""
        return x @ self.weight + self.bias


def ridge(x: Tensor, y: Tensor, alpha: float, *, bias: bool = True) -> LinearFit:
    """Minimise ``|y - X w - b|^2 / (2 N) + alpha |w|^2 / 2`` (Goodfellow et al. 2016, eq. 7.17).

    The error is a mean over examples, as everywhere in the book: so one ``alpha`` suits few data
    and many. scikit-learn's ``Ridge(alpha)`` takes the *sum* of squares and no halves: it is
    ``ridge(x, y, alpha / N)``.

    Parameters
    ----------
    x : Tensor, shape (N, D)
    y : Tensor, shape (N,) or (N, K)
    alpha : float
        0 for least squares, where ``X`` has full rank.
    bias : bool
        Whether there is a bias, which is not penalised.

    Returns
    -------
    LinearFit

    Raises
    ------
    ValueError
        If shapes do not fit or ``alpha`` is negative.
    """
    check_not_negative("a strength alpha", alpha)
    x_mean, y_mean = centres(x, y, bias)
    x, y = x - x_mean, y - y_mean
    identity = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    # the normal equations, both sides over N
    weight = torch.linalg.solve(x.T @ x / len(x) + alpha * identity, x.T @ y / len(x))
    return LinearFit(weight, y_mean - x_mean @ weight)


def pseudo_inverse(x: Tensor, *, tolerance: float | None = None) -> Tensor:
    """The Moore-Penrose pseudo-inverse, ``lim (X^T X + alpha I)^-1 X^T`` (eq. 7.29).

    By the singular value decomposition ``X = U S V^T``: ``V S^+ U^T``.

    Parameters
    ----------
    x : Tensor, shape (N, D)
    tolerance : float, optional
        Singular values of at most this share of the largest count as zero; if not given, the
        machine epsilon times the longer side.

    Returns
    -------
    Tensor, shape (D, N)
    """
    if x.ndim != 2:
        raise ValueError(f"expected a matrix of shape (N, D), got shape {tuple(x.shape)}")
    if tolerance is None:
        tolerance = torch.finfo(x.dtype).eps * max(x.shape)
    check_not_negative("a tolerance", tolerance)
    u, singular, v_transposed = torch.linalg.svd(x, full_matrices=False)
    kept = singular > tolerance * singular.max()
    inverse = torch.where(kept, 1 / singular.where(kept, torch.ones_like(singular)), 0)
    return v_transposed.T * inverse @ u.T


def minimum_norm_solution(x: Tensor, y: Tensor) -> Tensor:
    """The shortest of all weights with the least squared error (section 7.3).

    Where there are fewer examples than weights, many fit exactly; ridge regression without a bias
    tends to this one as its penalty goes to zero, and gradient descent from 0 ends in it.

    Parameters
    ----------
    x : Tensor, shape (N, D)
    y : Tensor, shape (N,) or (N, K)

    Returns
    -------
    Tensor, shape (D,) or (D, K)
    """
    centres(x, y, bias=False)
    return pseudo_inverse(x) @ y


def centres(x: Tensor, y: Tensor, bias: bool) -> tuple[Tensor, Tensor]:
    """Means of inputs and outputs, or zeros where there is no bias; and a check of the shapes."""
    if x.ndim != 2 or y.ndim not in (1, 2) or len(x) != len(y) or len(x) == 0:
        raise ValueError(
            "expected inputs (N, D) and outputs (N,) or (N, K) of at least one example, got shapes "
            f"{tuple(x.shape)} and {tuple(y.shape)}"
        )
    return (x.mean(0), y.mean(0)) if bias else (torch.zeros_like(x[0]), torch.zeros_like(y[0]))
