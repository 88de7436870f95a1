"""What penalties and an early stop do to the minimum of a quadratic, in closed form.

The loss is ``(w - w*)^T H (w - w*) / 2``: every smooth loss close to its minimum ``w*``
(Goodfellow et al. 2016, eq. 7.6).
"""

import torch
from torch import Tensor

from deepbook.regularization.checks import check_not_negative, check_positive
from deepbook.regularization.proximal_steps import soft_threshold

__all__ = [
    "early_stopping_shrinkage",
    "equivalent_decay",
    "equivalent_steps",
    "l1_minimum",
    "l2_minimum",
    "l2_shrinkage",
]


def l2_minimum(hessian: Tensor, optimum: Tensor, alpha: float) -> Tensor:
    """``(H + alpha I)^-1 H w*``, the minimum with ``alpha |w|^2 / 2`` added (eq. 7.10).

    Parameters
    ----------
    hessian : Tensor, shape (D, D)
        Symmetric, without negative eigenvalues.
    optimum : Tensor, shape (D,)
    alpha : float
        Positive where the Hessian is singular.

    Returns
    -------
    Tensor, shape (D,)
    """
    _check_hessian(hessian, optimum)
    check_not_negative("a strength alpha", alpha)
    identity = torch.eye(len(optimum), dtype=hessian.dtype, device=hessian.device)
    return torch.linalg.solve(hessian + alpha * identity, hessian @ optimum)


def l2_shrinkage(eigenvalues: Tensor, alpha: float) -> Tensor:
    """``lambda / (lambda + alpha)``: what L2 leaves of ``w*`` along each eigenvector (eq. 7.13).

    Close to 1 where the loss is steep, to 0 where it is flat: there ``w*`` costs more penalty than
    it saves.
    """
    _check_eigenvalues(eigenvalues)
    check_positive("a strength alpha", alpha)
    return eigenvalues / (eigenvalues + alpha)


def l1_minimum(curvatures: Tensor, optimum: Tensor, alpha: float) -> Tensor:
    """``sign(w*) max(|w*| - alpha / H_ii, 0)``, the minimum with ``alpha |w|_1`` added (eq. 7.23).

    Parameters
    ----------
    curvatures : Tensor, shape (D,)
        The diagonal of a diagonal Hessian. With others there is no closed form.
    optimum : Tensor, shape (D,)
    alpha : float

    Raises
    ------
    ValueError
        If a curvature is not positive, the shapes differ or ``alpha`` is negative.
    """
    if curvatures.shape != optimum.shape:
        raise ValueError(
            f"expected a curvature for each weight, got shapes {tuple(curvatures.shape)} and "
            f"{tuple(optimum.shape)}: the Hessian must be diagonal, given by its diagonal"
        )
    if not bool((curvatures > 0).all()):
        raise ValueError(f"expected positive curvatures, got {curvatures.min().item():g}")
    check_not_negative("a strength alpha", alpha)
    return soft_threshold(optimum, alpha / curvatures)


def early_stopping_shrinkage(eigenvalues: Tensor, learning_rate: float, steps: int) -> Tensor:
    """``1 - (1 - epsilon lambda)^tau``: what gradient descent from 0 has reached (eq. 7.40).

    Parameters
    ----------
    eigenvalues : Tensor
        Of the Hessian.
    learning_rate : float
        ``epsilon``. Below ``2 / lambda``, or it diverges.
    steps : int
        ``tau``.

    Returns
    -------
    Tensor, shape of ``eigenvalues``
        The share of ``w*`` along each eigenvector.
    """
    _check_eigenvalues(eigenvalues)
    check_positive("a learning rate", learning_rate)
    check_not_negative("a number of steps", steps)
    return 1 - (1 - learning_rate * eigenvalues) ** steps


def equivalent_decay(learning_rate: float, steps: float) -> float:
    """``alpha = 1 / (epsilon tau)``: the L2 strength that so many steps come close to (eq. 7.45).

    Exact in the limit of flat directions, ``epsilon lambda tau`` much less than 1; by the
    shrinkages one sees how far it holds beyond.
    """
    return 1 / (check_positive("a learning rate", learning_rate) * check_positive("steps", steps))


def equivalent_steps(learning_rate: float, alpha: float) -> float:
    """``tau = 1 / (epsilon alpha)``, the other way round (eq. 7.44); seldom a whole number."""
    return equivalent_decay(learning_rate, check_positive("a strength alpha", alpha))


def _check_eigenvalues(eigenvalues: Tensor) -> None:
    if not bool((eigenvalues >= 0).all()):
        raise ValueError(
            f"expected eigenvalues of at least 0, got {eigenvalues.min().item():g}: "
            "this is no minimum"
        )


def _check_hessian(hessian: Tensor, optimum: Tensor) -> None:
    size = optimum.shape[0] if optimum.ndim == 1 else -1
    if hessian.shape != (size, size):
        raise ValueError(
            "expected a Hessian (D, D) and an optimum (D,), got shapes "
            f"{tuple(hessian.shape)} and {tuple(optimum.shape)}"
        )
