"""Directions in which an example can move and stay what it is: tangents of its manifold."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.func import jacfwd, jacrev, jvp, vmap

from deepbook.regularization.checks import check_positive
from deepbook.regularization.image_warps import affine_warp, check_images

__all__ = [
    "AFFINE_MOVES",
    "ManifoldTangents",
    "decoder_tangents",
    "encoder_tangents",
    "image_tangents",
    "tangent_penalty",
]

Move = Callable[[Tensor, float], Tensor]


def _affine(name: str, images: Tensor, amount: float) -> Tensor:
    change = {
        "down": {"shift": (amount, 0.0)},
        "right": {"shift": (0.0, amount)},
        "rotation": {"rotation": amount},
        "shear": {"shear": amount},
        "scale": {"scale": 1 + amount / 100},
        "stretch": {"stretch": 1 + amount / 100},
    }
    return affine_warp(images, **change[name])  # type: ignore[arg-type]


AFFINE_MOVES: dict[str, Move] = {
    name: partial(_affine, name)
    for name in ("down", "right", "rotation", "shear", "scale", "stretch")
}
"""Moves of a picture by an amount: pixels, degrees, per cent; 0 leaves it as it is. They span all
affine maps, so that the point about which one turns does not matter."""


def image_tangents(
    images: Tensor, moves: Mapping[str, Move] = AFFINE_MOVES, *, delta: float = 1.0
) -> Tensor:
    """How pictures change with each move, by central differences (Simard et al. 1998).

    Parameters
    ----------
    images : Tensor, shape (N, ..., height, width), floating point
    moves : mapping of str to callable
        ``move(images, amount)``.
    delta : float
        The pictures moved by this and by minus this are compared.

    Returns
    -------
    Tensor, shape (N, moves, ..., height, width)
        Per unit of the amount.
    """
    check_images(images)
    check_positive("a step delta", delta)
    if not moves:
        raise ValueError("expected at least 1 move, got none")
    return torch.stack(
        [(move(images, delta) - move(images, -delta)) / (2 * delta) for move in moves.values()], 1
    )


def tangent_penalty(f: Callable[[Tensor], Tensor], x: Tensor, tangents: Tensor) -> Tensor:
    """``sum_i |J_f(x) v_i|^2``: how much ``f`` changes along the tangents, to first order.

    Tangent propagation (Simard et al. 1992; Goodfellow et al. 2016, eq. 7.67). One forward pass
    with derivatives for each tangent; it can be differentiated by the weights of ``f``.

    Parameters
    ----------
    f : callable
        From (N, ...) to (N, K), example by example: a network that gives logits.
    x : Tensor, shape (N, ...)
    tangents : Tensor, shape (N, k, ...)

    Returns
    -------
    Tensor, shape (N,)
    """
    if tangents.ndim != x.ndim + 1 or tangents[:, 0].shape != x.shape:
        raise ValueError(
            f"expected tangents of shape (N, k, ...) for inputs of shape {tuple(x.shape)}, got "
            f"{tuple(tangents.shape)}"
        )
    with _forward_mode():
        slopes = [jvp(f, (x,), (tangents[:, i],))[1] for i in range(tangents.shape[1])]
    return torch.stack([slope.flatten(1).square().sum(1) for slope in slopes]).sum(0)


class ManifoldTangents(NamedTuple):
    """Orthonormal directions (N, count, D), and by how much one moves along each (N, count)."""

    directions: Tensor
    sizes: Tensor


def encoder_tangents(encode: Callable[[Tensor], Tensor], x: Tensor, count: int) -> ManifoldTangents:
    """The directions to which an encoder is most sensitive at each example.

    The leading right singular vectors of its Jacobian: tangents of the manifold that an
    autoencoder has learned, for the manifold tangent classifier (Rifai et al. 2011; Goodfellow et
    al. 2016, section 7.14).

    Parameters
    ----------
    encode : callable
        From one input, shape (D,), to its code, shape (H,).
    x : Tensor, shape (N, D)
    count : int
        At most the smaller of D and H.

    Returns
    -------
    ManifoldTangents
        Greatest singular value first; the sign of a direction is left open. Without a gradient.
    """
    _check_rows("inputs", x)
    jacobian = vmap(jacrev(encode))(x)  # (N, H, D)
    return _leading(jacobian.mT, count)


def decoder_tangents(
    decode: Callable[[Tensor], Tensor], code: Tensor, count: int
) -> ManifoldTangents:
    """The directions in which a decoder moves its output most, at each code.

    The leading left singular vectors of its Jacobian: they touch the manifold of all that it can
    give out.

    Parameters
    ----------
    decode : callable
        From one code, shape (H,), to an output, shape (D,).
    code : Tensor, shape (N, H)
    count : int
        At most the smaller of D and H.

    Returns
    -------
    ManifoldTangents
    """
    _check_rows("codes", code)
    with _forward_mode():
        jacobian = vmap(jacfwd(decode))(code)  # (N, D, H)
    return _leading(jacobian, count)


@contextmanager
def _forward_mode() -> Iterator[None]:
    """Without a warning that torch's forward mode gives of itself when it is first used."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".torch.jit.script. is deprecated", DeprecationWarning)
        yield


def _leading(jacobian: Tensor, count: int) -> ManifoldTangents:
    most = min(jacobian.shape[-2:])
    if not 1 <= count <= most:
        raise ValueError(f"expected 1 to {most} tangents, got {count}")
    directions, sizes, _ = torch.linalg.svd(jacobian.detach(), full_matrices=False)
    return ManifoldTangents(directions.mT[:, :count], sizes[:, :count])


def _check_rows(what: str, x: Tensor) -> None:
    if x.ndim != 2:
        raise ValueError(f"expected {what} of shape (N, D), got {tuple(x.shape)}")
