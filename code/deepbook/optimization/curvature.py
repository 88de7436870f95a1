"""Curvature: Hessian-vector products, and the Hessian of what is small."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import grad, jvp

__all__ = ["directional_curvature", "hessian", "hessian_vector_product"]

Function = Callable[[Tensor], Tensor]
MODES = ("reverse", "forward")


def hessian_vector_product(f: Function, x: Tensor, v: Tensor, *, mode: str = "reverse") -> Tensor:
    """``H(x) v``, for the cost of a few gradients and without the Hessian (Pearlmutter 1994).

    Goodfellow et al. (2016), sections 4.3.1 and 8.2.1: curvature without the matrix.

    Parameters
    ----------
    f : callable
        Of a tensor like ``x``, returns one number.
    x, v : Tensor, any one shape
    mode : str
        ``reverse``: the gradient of ``grad f . v``, back-propagation through back-propagation;
        ``forward``: the derivative of the gradient along ``v``, forward through it (torch
        compiles for this a second or two when it is first used).

    Returns
    -------
    Tensor, shape of ``x``

    Raises
    ------
    ValueError
        If the shapes differ, ``f`` returns more than one number or there is no such mode.
    """
    if v.shape != x.shape:
        raise ValueError(f"expected v of shape {tuple(x.shape)}, got {tuple(v.shape)}")
    if mode not in MODES:
        raise ValueError(f"expected a mode among {', '.join(MODES)}, got {mode!r}")
    if mode == "forward":
        forward: Tensor = jvp(grad(_one_number(f)), (x.detach(),), (v,))[1]
        return forward.detach()
    point = x.detach().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(_one_number(f)(point), point, create_graph=True)
        if not gradient.requires_grad:  # a linear function
            return torch.zeros_like(point).detach()
        (product,) = torch.autograd.grad(gradient, point, v, materialize_grads=True)
    return product.detach()


def hessian(f: Function, x: Tensor) -> Tensor:
    """The Hessian of a function of a vector, all its products with unit vectors in one batch.

    Parameters
    ----------
    f : callable
        Of a vector, returns one number.
    x : Tensor, shape (n,)

    Returns
    -------
    Tensor, shape (n, n)
        Symmetric to the last bit.

    Raises
    ------
    ValueError
        If ``x`` is no vector, or ``f`` returns more than one number.
    """
    if x.ndim != 1:
        raise ValueError(f"expected a vector, got shape {tuple(x.shape)}")
    point = x.detach().requires_grad_()
    unit_vectors = torch.eye(len(x), dtype=x.dtype, device=x.device)
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(_one_number(f)(point), point, create_graph=True)
        if not gradient.requires_grad:  # a linear function
            return torch.zeros_like(unit_vectors)
        (rows,) = torch.autograd.grad(
            gradient, point, unit_vectors, is_grads_batched=True, materialize_grads=True
        )
    return (rows + rows.T).detach() / 2


def directional_curvature(f: Function, x: Tensor, v: Tensor) -> float:
    """``v' H v / v' v``: between the smallest and the largest eigenvalue.

    Parameters, errors
        As for ``hessian_vector_product``; ValueError too for a direction of length 0.
    """
    if not bool(v.any()):
        raise ValueError("expected a direction other than 0")
    product = hessian_vector_product(f, x, v)
    return float((v * product).sum() / (v * v).sum())


def _one_number(f: Function) -> Function:
    def checked(x: Tensor) -> Tensor:
        value = f(x)
        if value.numel() != 1:
            raise ValueError(
                f"expected a function that returns one number, got shape {tuple(value.shape)}"
            )
        return value.reshape(())

    return checked
