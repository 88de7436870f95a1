"""What a transition matrix does in the long run, and whether it is balanced."""

import torch
from torch import Tensor

__all__ = [
    "detailed_balance_error",
    "second_eigenvalue",
    "stationarity_error",
    "stationary_distribution",
]


def stationary_distribution(matrix: Tensor) -> Tensor:
    """The distribution that ``matrix`` leaves as it is: ``p T = p``.

    Parameters
    ----------
    matrix : Tensor, shape (n, n)
        Rows add up to one; the chain reaches every state from every other.

    Returns
    -------
    Tensor, shape (n,)
    """
    _check_stochastic(matrix)
    # p (T - 1) = 0 has one equation too many; sum p = 1 takes the place of the last
    system = matrix.T - torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    system[-1] = 1
    right = torch.zeros_like(system[0])
    right[-1] = 1
    return torch.linalg.solve(system, right)


def second_eigenvalue(matrix: Tensor) -> Tensor:
    """The second largest modulus of an eigenvalue: what a step leaves of the start, in the end.

    After k steps the distance to the stationary distribution falls like its k-th power
    (section 17.3).

    Parameters
    ----------
    matrix : Tensor, shape (n, n)
        Rows add up to one.

    Returns
    -------
    Tensor, shape ()
    """
    _check_stochastic(matrix)
    if len(matrix) < 2:
        raise ValueError("expected at least 2 states, got 1")
    return torch.linalg.eigvals(matrix).abs().sort(descending=True).values[1]


def detailed_balance_error(matrix: Tensor, distribution: Tensor) -> Tensor:
    """``max |p_i T_ij - p_j T_ji|``: zero where the flow between any two states is balanced.

    Parameters
    ----------
    matrix : Tensor, shape (n, n)
    distribution : Tensor, shape (n,)

    Returns
    -------
    Tensor, shape ()
    """
    _check_stochastic(matrix, distribution)
    flow = distribution[:, None] * matrix
    return (flow - flow.T).abs().max()


def stationarity_error(matrix: Tensor, distribution: Tensor) -> Tensor:
    """``max |p T - p|``: zero where a step leaves the distribution as it is.

    Parameters
    ----------
    matrix : Tensor, shape (n, n)
    distribution : Tensor, shape (n,)

    Returns
    -------
    Tensor, shape ()
    """
    _check_stochastic(matrix, distribution)
    return (distribution @ matrix - distribution).abs().max()


def _check_stochastic(matrix: Tensor, distribution: Tensor | None = None) -> None:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"expected a square matrix, got shape {tuple(matrix.shape)}")
    if not torch.allclose(matrix.sum(1), matrix.new_ones(()), atol=1e-4):
        raise ValueError("expected a transition matrix, each row of which adds up to one")
    if distribution is not None and distribution.shape != matrix.shape[:1]:
        raise ValueError(
            f"expected a distribution of shape {tuple(matrix.shape[:1])}, "
            f"got {tuple(distribution.shape)}"
        )
