"""Tangent distance: how near two examples come when each may move along its tangents."""

import torch
from torch import Tensor

from deepbook.training.counts import check_count

__all__ = ["tangent_distance", "tangent_neighbours"]


def tangent_distance(
    x: Tensor, y: Tensor, x_tangents: Tensor | None = None, y_tangents: Tensor | None = None
) -> Tensor:
    """``min |x + a T_x - y - b T_y|`` over all ``a`` and ``b`` (Simard et al. 1993).

    Goodfellow et al. (2016), section 7.14. Least squares: the part of ``x - y`` that lies outside
    of the span of all tangents.

    Parameters
    ----------
    x, y : Tensor, shape (..., D)
        Leading axes broadcast.
    x_tangents, y_tangents : Tensor, shape (..., k, D), optional
        Need not be independent. With one of them it is the one-sided distance; with none the
        Euclidean.

    Returns
    -------
    Tensor, shape (...)
        At most the Euclidean distance.
    """
    bases = [
        _basis(_check_tangents(point, tangents))
        for point, tangents in ((x, x_tangents), (y, y_tangents))
        if tangents is not None
    ]
    if x.shape[-1] != y.shape[-1]:
        raise ValueError(f"expected points of one size, got {x.shape[-1]} and {y.shape[-1]}")
    return _outside(x - y, bases)


@torch.no_grad()
def tangent_neighbours(
    queries: Tensor,
    query_tangents: Tensor,
    references: Tensor,
    reference_tangents: Tensor,
    *,
    candidates: int = 50,
    chunk: int = 32,
) -> Tensor:
    """The reference nearest to each query by two-sided tangent distance.

    Looked for among those that are nearest in pixels, which costs little and loses little.

    Parameters
    ----------
    queries, references : Tensor, shapes (N, D) and (M, D)
    query_tangents, reference_tangents : Tensor, shapes (N, k, D) and (M, k, D)
    candidates : int
        How many of the nearest in pixels are looked at; at most M.
    chunk : int
        How many queries at a time.

    Returns
    -------
    Tensor of int64, shape (N,)
        Rows of ``references``.
    """
    _check_tangents(queries, query_tangents)
    _check_tangents(references, reference_tangents)
    if not 1 <= candidates <= len(references):
        raise ValueError(f"expected 1 to {len(references)} candidates, got {candidates}")
    query_basis, reference_basis = _basis(query_tangents), _basis(reference_tangents)
    found = []
    for rows in torch.arange(len(queries), device=queries.device).split(
        check_count("query in a chunk", chunk)
    ):
        x = queries[rows]
        near = torch.cdist(x, references).topk(candidates, largest=False).indices
        bases = [query_basis[rows][:, None], reference_basis[near]]
        distances = _outside(x[:, None] - references[near], bases)
        found.append(near.gather(1, distances.argmin(1, keepdim=True))[:, 0])
    return torch.cat(found)


def _basis(tangents: Tensor) -> Tensor:
    """Orthonormal rows with the same span, and rows of zeros where tangents depend on others."""
    _, sizes, directions = torch.linalg.svd(tangents, full_matrices=False)
    least = sizes[..., :1] * max(tangents.shape[-2:]) * torch.finfo(tangents.dtype).eps
    return directions * (sizes > least)[..., None]


def _outside(difference: Tensor, bases: list[Tensor]) -> Tensor:
    """Length of what of the difference, shape (..., D), no basis reaches, shape (...)."""
    if not bases:
        return torch.linalg.vector_norm(difference, dim=-1)
    leading = torch.broadcast_shapes(difference.shape[:-1], *(b.shape[:-2] for b in bases))
    rows = torch.cat([basis.expand(*leading, *basis.shape[-2:]) for basis in bases], -2)
    along = rows @ difference.expand(*leading, -1)[..., None]
    # normal equations of two orthonormal bases: singular only where these meet
    gram = rows @ rows.mT
    amounts = torch.linalg.pinv(gram, hermitian=True, rtol=_tolerance(gram)) @ along
    return torch.linalg.vector_norm(difference - (rows.mT @ amounts)[..., 0], dim=-1)


def _tolerance(gram: Tensor) -> float:
    return 10 * gram.shape[-1] * torch.finfo(gram.dtype).eps


def _check_tangents(points: Tensor, tangents: Tensor) -> Tensor:
    if tangents.ndim < 2 or points.shape[-1:] != tangents.shape[-1:]:
        raise ValueError(
            f"expected tangents of shape (..., k, {points.shape[-1]}), got {tuple(tangents.shape)}"
        )
    return tangents
