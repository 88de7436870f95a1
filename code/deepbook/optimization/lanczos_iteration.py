"""Lanczos iteration: the ends of a spectrum from products with the matrix alone."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Eigenpairs", "extreme_eigenvalues", "lanczos"]

Product = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Eigenpairs:
    """Eigenvalues at both ends of a spectrum.

    Attributes
    ----------
    largest, smallest : Tensor, shape (count,)
        The largest first; the smallest first.
    largest_vectors, smallest_vectors : Tensor, shape (n, count)
        Of length 1, in columns.
    error : float
        A bound for how far each of these values is from an eigenvalue: the norm of ``A v - l v``.
    steps : int
        Products with the matrix.
    converged : bool
    """

    largest: Tensor
    smallest: Tensor
    largest_vectors: Tensor
    smallest_vectors: Tensor
    error: float
    steps: int
    converged: bool


def lanczos(
    product: Product, start: Tensor, steps: int, *, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Orthonormal basis of a Krylov space, and the symmetric matrix in it (Lanczos 1950).

    Each new vector is made orthogonal to all before, twice over: without that, rounding lets
    found eigenvectors return as copies. Where the space is exhausted, a random vector goes on.

    Parameters
    ----------
    product : callable
        ``product(v)`` is ``A v`` for a symmetric ``A``.
    start : Tensor, shape (n,)
    steps : int
        From 1 to n.
    generator : torch.Generator, optional
        For what goes on in an exhausted space; the global one if not given.

    Returns
    -------
    basis : Tensor, shape (n, steps)
    tridiagonal : Tensor, shape (steps + 1, steps)
        ``A basis = basis T + r e'``, where ``T`` are its first rows and the length of ``r``
        stands in the corner of the last.

    Raises
    ------
    ValueError
        If the start is no vector or 0, the steps are out of range, or a product is not finite.
    """
    size = start.numel()
    if start.ndim != 1 or not bool(start.any()):
        raise ValueError(f"expected a vector other than 0, got shape {tuple(start.shape)}")
    if not 1 <= steps <= size:
        raise ValueError(f"expected 1 to {size} steps, got {steps}")
    basis = start.new_zeros(size, steps)
    tridiagonal = start.new_zeros(steps + 1, steps)
    vector, scale = start / start.norm(), 0.0
    for k in range(steps):
        basis[:, k] = vector
        image = product(vector)
        if not bool(image.isfinite().all()):
            raise ValueError(f"expected finite products, got NaN or infinity in step {k + 1}")
        tridiagonal[k, k] = vector @ image  # alpha_k
        scale = max(scale, float(image.norm()))
        rest = _orthogonal(image, basis[:, : k + 1])
        length = rest.norm()
        tridiagonal[k + 1, k] = length  # beta_k
        if k + 1 < steps:
            if length <= 10 * torch.finfo(start.dtype).eps * scale:
                tridiagonal[k + 1, k] = 0
                draw = torch.randn(size, generator=generator, dtype=start.dtype).to(start.device)
                rest = _orthogonal(draw, basis[:, : k + 1])
                length = rest.norm()
            tridiagonal[k, k + 1] = tridiagonal[k + 1, k]
            vector = rest / length
    return basis, tridiagonal


def extreme_eigenvalues(
    product: Product,
    start: Tensor,
    *,
    count: int = 1,
    tolerance: float = 1e-8,
    max_steps: int | None = None,
    generator: torch.Generator | None = None,
) -> Eigenpairs:
    """Largest and smallest eigenvalues of a symmetric matrix known by its products.

    The spaces double until every wanted value is known. A random start is best
    (``torch.randn``): an eigenvector to which it is orthogonal is not found, and of several with
    one eigenvalue only one is, unless the space fills the whole.

    Parameters
    ----------
    product, start, generator
        As for ``lanczos``.
    count : int
        How many at each end.
    tolerance : float
        For the error, as a part of the largest eigenvalue in size.
    max_steps : int, optional
        The most products in one space; n if not given.

    Returns
    -------
    Eigenpairs

    Raises
    ------
    ValueError
        If there are not that many eigenvalues, or as ``lanczos``.
    """
    size = start.numel()
    most = size if max_steps is None else min(max_steps, size)
    if not 1 <= count <= most:
        raise ValueError(f"expected 1 to {most} eigenvalues, got {count}")
    steps, used = min(max(20, 4 * count), most), 0
    while True:
        basis, tridiagonal = lanczos(product, start, steps, generator=generator)
        used += steps
        values, vectors = torch.linalg.eigh(tridiagonal[:steps])
        # |A v - l v| = beta |last entry|
        errors = tridiagonal[steps, steps - 1] * vectors[-1].abs()
        ends = torch.cat([errors[:count], errors[-count:]])
        converged = bool(ends.max() <= tolerance * values.abs().max()) or steps == size
        if converged or steps == most:
            break
        steps = min(2 * steps, most)
    return Eigenpairs(
        largest=values[-count:].flip(0),
        smallest=values[:count],
        largest_vectors=(basis @ vectors[:, -count:]).flip(1),
        smallest_vectors=basis @ vectors[:, :count],
        error=float(ends.max()),
        steps=used,
        converged=converged,
    )


def _orthogonal(vector: Tensor, basis: Tensor) -> Tensor:
    for _ in range(2):
        vector = vector - basis @ (basis.T @ vector)
    return vector
