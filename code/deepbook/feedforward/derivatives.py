"""The derivative as a computer sees it: differences of nearby values.

Truncation makes a large ``delta`` wrong and rounding makes a small one wrong.
The one-sided difference is best near the square root of the machine epsilon, the
central one near its cube root.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

# a plain number or a tensor: the functions below only add, subtract and divide
Value = TypeVar("Value", float, Tensor)


def deriv(f: Callable[[Value], Value], a: Value, delta: float = 0.001) -> Value:
    """One-sided difference ``(f(a + delta) - f(a)) / delta``.

    Parameters
    ----------
    f : function of a number or, elementwise, of a tensor
    a : float or Tensor
        Where the derivative is taken, at every entry of a tensor at once.
    delta : float
        The step; a negative one looks to the left.

    Returns
    -------
    Like ``f(a)``; off by about ``delta / 2`` times the second derivative.

    Raises
    ------
    ValueError
        If ``delta`` is zero or not finite.

    Examples
    --------
    >>> from deepbook.feedforward import central_deriv, deriv
    >>> round(deriv(lambda x: x**2, 3.0), 4), round(central_deriv(lambda x: x**2, 3.0), 4)
    (6.001, 6.0)
    """
    _check_delta(delta)
    return (f(a + delta) - f(a)) / delta


def central_deriv(f: Callable[[Value], Value], a: Value, delta: float = 0.001) -> Value:
    """Central difference ``(f(a + delta) - f(a - delta)) / (2 delta)``.

    Parameters, result and errors as in :func:`deriv`; off by about ``delta**2 / 6``
    times the third derivative.
    """
    _check_delta(delta)
    return (f(a + delta) - f(a - delta)) / (2 * delta)


def chain_deriv(chain: Sequence[Callable[[Value], Value]], a: Value, delta: float = 0.001) -> Value:
    """Derivative of nested functions by the chain rule (Goodfellow et al. 2016, eq. 6.44).

    Parameters
    ----------
    chain : functions, the innermost first
        ``[f, g]`` stands for ``g(f(a))``.
    a : float or Tensor
    delta : float
        The step of the central difference taken at each link.

    Returns
    -------
    Like ``a``: the product of the links' derivatives, each at its own input.

    Raises
    ------
    ValueError
        If the chain is empty, or ``delta`` is zero or not finite.
    """
    if len(chain) == 0:
        raise ValueError("expected a chain of at least one function, got none")
    derivative = central_deriv(chain[0], a, delta)
    value = chain[0](a)
    for f in chain[1:]:
        derivative = derivative * central_deriv(f, value, delta)  # dz/dx = dz/dy dy/dx
        value = f(value)
    return derivative


def numerical_gradient(
    f: Callable[[Tensor], Tensor], x: Tensor, delta: float | None = None
) -> Tensor:
    """Gradient of a scalar function by central differences, one entry at a time.

    Parameters
    ----------
    f : function of a tensor like ``x`` that returns one number
    x : Tensor, any shape, floating point
    delta : float, optional
        The step; without one, the cube root of the machine epsilon of ``x``.

    Returns
    -------
    Tensor, shape of ``x``

    Raises
    ------
    TypeError
        If ``x`` is not floating point.
    ValueError
        If ``f`` returns more than one number, or ``delta`` is zero or not finite.

    Examples
    --------
    >>> import torch
    >>> from deepbook.feedforward import numerical_gradient
    >>> x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    >>> numerical_gradient(lambda x: (x**2).sum(), x)
    tensor([2.0000, 4.0000, 6.0000], dtype=torch.float64)
    """
    if not x.is_floating_point():
        raise TypeError(f"expected a floating-point tensor, got {x.dtype}")
    step = torch.finfo(x.dtype).eps ** (1 / 3) if delta is None else delta
    _check_delta(step)
    point = x.detach().clone()
    gradient = torch.empty_like(point)
    with torch.no_grad():
        for entry in itertools.product(*map(range, x.shape)):
            here = point[entry].clone()
            point[entry] = here + step
            above = _one_number(f(point))
            point[entry] = here - step
            below = _one_number(f(point))
            point[entry] = here
            gradient[entry] = (above - below) / (2 * step)
    return gradient


def gradient_error(f: Callable[[Tensor], Tensor], x: Tensor, delta: float | None = None) -> float:
    """Gradient check: how far autograd's gradient is from the numerical one.

    Parameters and errors as in :func:`numerical_gradient`.

    Returns
    -------
    float
        The largest ``|numerical - autograd| / max(1, |autograd|)`` over the entries
        of ``x``: about 1e-9 in float64 and 1e-3 in float32 where all is well.
    """
    numerical = numerical_gradient(f, x, delta)
    point = x.detach().clone().requires_grad_()
    (exact,) = torch.autograd.grad(_one_number(f(point)), point)
    return float(((numerical - exact).abs() / exact.abs().clamp(min=1)).max())


def _check_delta(delta: float) -> None:
    if delta == 0 or not math.isfinite(delta):
        raise ValueError(f"expected a finite step delta other than 0, got {delta}")


def _one_number(value: Tensor) -> Tensor:
    if value.numel() != 1:
        raise ValueError(
            f"expected a function that returns one number, got shape {tuple(value.shape)}"
        )
    return value.reshape(())
