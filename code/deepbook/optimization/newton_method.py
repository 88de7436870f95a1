"""Newton's method, and what keeps it from saddle points."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from deepbook.optimization.curvature import hessian
from deepbook.optimization.line_search import LineSearchError, Trial, backtracking
from deepbook.optimization.minimization import (
    Function,
    Minimization,
    check_start,
    value_and_gradient,
)

__all__ = ["newton", "newton_step", "saddle_free_step"]


def newton_step(gradient: Tensor, hessian: Tensor, damping: float = 0.0) -> Tensor:
    """``-(H + damping I)^-1 g`` (Goodfellow et al. 2016, equations 8.27 and 8.28).

    Without damping it leads to the nearest critical point of the quadratic model, and so along a
    negative eigenvalue *up*: to a saddle as well as to a minimum.

    Parameters
    ----------
    gradient : Tensor, shape (n,)
    hessian : Tensor, shape (n, n)
    damping : float
        Added to every eigenvalue; more than the most negative one makes the step descend.

    Raises
    ------
    ValueError
        If the damping is negative, or the matrix singular.
    """
    _check_damping(damping)
    identity = torch.eye(len(gradient), dtype=gradient.dtype, device=gradient.device)
    step, info = torch.linalg.solve_ex(hessian + damping * identity, -gradient)
    if int(info) != 0 or not bool(step.isfinite().all()):
        raise ValueError(f"the Hessian is singular with damping {damping:g}: give it more")
    return step


def saddle_free_step(gradient: Tensor, hessian: Tensor, damping: float = 0.0) -> Tensor:
    """``-(|H| + damping I)^-1 g``, where ``|H|`` has the eigenvalues' sizes (Dauphin et al. 2014).

    Each direction is scaled as Newton's, and always goes down: saddles repel.

    Parameters, errors
        As for ``newton_step``.
    """
    _check_damping(damping)
    values, vectors = torch.linalg.eigh(hessian)
    sizes = values.abs() + damping
    if bool(sizes.min() <= torch.finfo(sizes.dtype).tiny):
        raise ValueError(f"the Hessian is singular with damping {damping:g}: give it more")
    return -(vectors @ ((vectors.T @ gradient) / sizes))


def newton(
    f: Function,
    start: Tensor,
    *,
    curvature: Callable[[Tensor], Tensor] | None = None,
    damping: float = 0.0,
    saddle_free: bool = False,
    line_search: bool = True,
    max_steps: int = 100,
    tolerance: float = 1e-8,
) -> Minimization:
    """Newton's method (Goodfellow et al. 2016, algorithm 8.8).

    Parameters
    ----------
    f : callable
        Of a vector, returns one number, and can be differentiated twice.
    start : Tensor, shape (n,), floating point
    curvature : callable, optional
        ``curvature(x)``, the symmetric n by n matrix in place of the Hessian: Gauss and Newton's,
        or Fisher's, which makes it natural gradient descent.
    damping : float
        Added to every eigenvalue of the matrix in every step.
    saddle_free : bool
        Whether the eigenvalues' signs are dropped.
    line_search : bool
        Shrink a step until the function falls, and go along the negative gradient where Newton's
        step does not descend. Without it each step is taken as it is: the method of the book,
        which a saddle attracts.
    max_steps : int
    tolerance : float
        For the length of the gradient.

    Returns
    -------
    Minimization
        One of whose ``evaluations`` is a value with its gradient; Hessians are as many as steps.
        ``converged`` says that the gradient is small, at a minimum or at a saddle.

    Raises
    ------
    ValueError
        If the start is no vector of floating-point numbers, the damping negative, or the
        Hessian singular.
    """
    check_start(start)
    rule = saddle_free_step if saddle_free else newton_step
    x, evaluations, restarts = start.detach().clone(), 1, 0
    value, gradient = value_and_gradient(f, x)
    points, values, norms, rates = [x], [value], [float(gradient.norm())], list[float]()
    while norms[-1] > tolerance and len(rates) < max_steps and math.isfinite(value):
        matrix = hessian(f, x) if curvature is None else curvature(x)
        direction = rule(gradient, matrix, damping)
        rate = 1.0
        if line_search:
            slope = float(direction @ gradient)
            if not slope < 0:
                direction, slope, restarts = -gradient, -(norms[-1] ** 2), restarts + 1

            def trial(rate: float, point: Tensor = x, direction: Tensor = direction) -> Trial:
                nonlocal evaluations
                evaluations += 1
                value, gradient = value_and_gradient(f, point + rate * direction)
                return Trial(rate, value, float(gradient @ direction), gradient)

            try:
                found = backtracking(trial, Trial(0.0, value, slope, gradient))
            except LineSearchError:
                break
            rate, value, gradient = found.rate, found.value, found.gradient
            x = x + rate * direction
        else:
            x = x + direction
            value, gradient = value_and_gradient(f, x)
            evaluations += 1
        points.append(x)
        values.append(value)
        norms.append(float(gradient.norm()))
        rates.append(rate)
    return Minimization(
        points=torch.stack(points),
        values=torch.tensor(values, dtype=torch.float64),
        gradient_norms=torch.tensor(norms, dtype=torch.float64),
        rates=torch.tensor(rates, dtype=torch.float64),
        evaluations=evaluations,
        restarts=restarts,
        converged=norms[-1] <= tolerance,
    )


def _check_damping(damping: float) -> None:
    if not 0 <= damping < math.inf:
        raise ValueError(f"expected a damping of at least 0, got {damping}")
