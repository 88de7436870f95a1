"""Elastic net by coordinate descent: one soft threshold after another."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from deepbook.regularization.checks import (
    check_not_negative,
    check_positive,
    check_probability,
)
from deepbook.regularization.linear_solutions import LinearFit, centres
from deepbook.regularization.norm_penalties import elastic_net_penalty

__all__ = ["elastic_net", "elastic_net_loss", "elastic_net_path", "largest_alpha"]


def elastic_net_loss(fit: LinearFit, x: Tensor, y: Tensor, alpha: float, l1_ratio: float) -> Tensor:
    """``|y - X w - b|^2 / (2 N) + alpha (l1_ratio |w|_1 + (1 - l1_ratio) |w|^2 / 2)``, shape ().

    scikit-learn's scaling for ``ElasticNet`` and ``Lasso`` (``l1_ratio=1``).
    """
    centres(x, y, bias=False)
    error = (y - fit.predict(x)).square().sum() / (2 * len(x))
    return error + elastic_net_penalty(fit.weight, alpha, l1_ratio)


def largest_alpha(x: Tensor, y: Tensor, l1_ratio: float = 1.0, *, bias: bool = True) -> float:
    """The strength from which on every weight is zero: ``max |X^T y| / (N l1_ratio)``.

    Parameters
    ----------
    x : Tensor, shape (N, D)
    y : Tensor, shape (N,)
    l1_ratio : float
        Above 0: L2 alone makes no weight zero.
    bias : bool
        Whether there is one: then x and y are centred.
    """
    check_positive("a ratio l1_ratio", check_probability("a ratio l1_ratio", l1_ratio))
    x_mean, y_mean = centres(x, y, bias)
    return float(((x - x_mean).T @ (y - y_mean)).abs().max()) / (len(x) * l1_ratio)


def elastic_net(
    x: Tensor,
    y: Tensor,
    alpha: float,
    l1_ratio: float = 0.5,
    *,
    bias: bool = True,
    start: Tensor | None = None,
    sweeps: int = 10_000,
    tolerance: float = 1e-10,
) -> LinearFit:
    """Minimise ``elastic_net_loss`` over weights and bias, one weight after another.

    With the others held, each weight has a closed form (Friedman et al. 2010): a soft threshold,
    shortened by the L2 part.

    Parameters
    ----------
    x : Tensor, shape (N, D)
    y : Tensor, shape (N,)
    alpha : float
        Strength of both penalties together.
    l1_ratio : float
        1 for L1 alone (lasso), 0 for L2 alone (ridge).
    bias : bool
        Whether there is a bias, which is not penalised.
    start : Tensor, shape (D,), optional
        Weights to start from; zeros if not given.
    sweeps : int
        How often each weight is visited, at most.
    tolerance : float
        It ends with a sweep that changes no prediction's share of ``y``, in standard deviations,
        by more than this.

    Returns
    -------
    LinearFit
        With exact zeros among the weights.

    Raises
    ------
    ValueError
        If shapes do not fit, or a number is out of its range.
    RuntimeError
        If the sweeps do not suffice.
    """
    check_not_negative("a strength alpha", alpha)
    check_probability("a ratio l1_ratio", l1_ratio)
    check_positive("a tolerance", tolerance)
    if y.ndim != 1:
        raise ValueError(f"expected outputs of shape (N,), got {tuple(y.shape)}")
    x_mean, y_mean = centres(x, y, bias)
    x, y = x - x_mean, y - y_mean
    gram, moment = x.T @ x / len(x), x.T @ y / len(x)
    weight = torch.zeros_like(moment) if start is None else start.clone()
    if weight.shape != moment.shape:
        raise ValueError(
            f"expected a start of shape {tuple(moment.shape)}, got {tuple(weight.shape)}"
        )
    small = tolerance * float(y.square().mean().sqrt())
    moving = gram.diagonal().nonzero().flatten().tolist()  # a constant input moves nothing
    # NumPy: a step is a handful of numbers, and torch would take ten times as long for it
    w, G, b = weight.numpy(force=True).copy(), gram.numpy(force=True), moment.numpy(force=True)
    curvatures = G.diagonal()
    for _ in range(sweeps):
        before = w.copy()
        for j in moving:
            # the gradient of the error if this weight were zero
            pull = b[j] - G[j] @ w + curvatures[j] * w[j]
            shrunk = math.copysign(max(abs(pull) - alpha * l1_ratio, 0.0), pull)
            w[j] = shrunk / (curvatures[j] + alpha * (1 - l1_ratio))
        moved = abs(w - before)
        if (moved * curvatures**0.5).max() <= small:
            settled = torch.from_numpy(w).to(x.device)
            return LinearFit(settled, y_mean - x_mean @ settled)
    raise RuntimeError(
        f"expected the weights to settle within {sweeps} sweeps, got a last one that moved a "
        f"weight by {moved.max():g}"
    )


def elastic_net_path(
    x: Tensor, y: Tensor, alphas: Sequence[float], l1_ratio: float = 1.0, *, bias: bool = True
) -> Tensor:
    """Weights for each strength: the path along which they leave zero.

    Parameters
    ----------
    x, y, l1_ratio, bias
        As for ``elastic_net``.
    alphas : sequence of float
        In falling order each starts from the one before, which saves most of the sweeps.

    Returns
    -------
    Tensor, shape (alphas, D)
    """
    path: list[Tensor] = []
    for alpha in alphas:
        start = path[-1] if path else None
        path.append(elastic_net(x, y, alpha, l1_ratio, bias=bias, start=start).weight)
    if not path:
        raise ValueError("expected at least 1 strength alpha, got none")
    return torch.stack(path)
