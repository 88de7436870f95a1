"""Winograd's minimal filtering: fewer products for small kernels."""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

__all__ = ["FilterTransforms", "cook_toom", "winograd_conv2d", "winograd_filter"]

Matrix = tuple[tuple[Fraction, ...], ...]
_POINTS = tuple(Fraction(p) for p in ("0", "1", "-1", "2", "-2", "1/2", "-1/2", "4", "-4"))


class FilterTransforms(NamedTuple):
    """The matrices of ``F(m, r)``: ``y = A' ((G g) * (B' d))``, exact.

    Attributes
    ----------
    output : matrix, m rows and n = m + r - 1 columns
        ``A'``, from products to outputs.
    kernel : matrix, n rows and r columns
        ``G``, for the kernel.
    inputs : matrix, n rows and n columns
        ``B'``, for the inputs.
    """

    output: Matrix
    kernel: Matrix
    inputs: Matrix

    def tensors(self, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The three as tensors of the dtype and device of ``like``."""
        first, second, third = (
            torch.tensor([[float(v) for v in row] for row in matrix], dtype=torch.float64)
            for matrix in self
        )
        return first.to(like), second.to(like), third.to(like)


def _times(left: Sequence[Fraction], right: Sequence[Fraction]) -> list[Fraction]:
    product = [Fraction(0)] * (len(left) + len(right) - 1)
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            product[i + j] += a * b
    return product


@cache
def cook_toom(m: int, r: int) -> FilterTransforms:
    """The transforms of ``F(m, r)``: m outputs of a kernel of r with ``m + r - 1`` products.

    To multiply two polynomials of m and r coefficients, evaluate both at ``n = m + r - 1`` points,
    one of them infinity, multiply there, and interpolate. Filtering is the transpose of this map.
    As in Lavin and Gray (2016), the fractions stand in ``G``. The points are
    0, 1, -1, 2, -2, 1/2, -1/2, 4, -4.

    Parameters
    ----------
    m, r : int
        Outputs of a tile and taps of the kernel, ``m + r`` at most 11.

    Returns
    -------
    FilterTransforms
    """
    n = m + r - 1
    if m < 1 or r < 1 or n - 1 > len(_POINTS):
        raise ValueError(f"expected positive m and r with m + r at most 11, got {m} and {r}")
    points = _POINTS[: n - 1]
    output, kernel, inputs = [], [], []
    for point in points:
        others = [other for other in points if other != point]
        basis, scale = [Fraction(1)], Fraction(1)
        for other in others:  # 1 at this point, 0 at the others
            basis = _times(basis, [-other, Fraction(1)])
            scale *= point - other
        # divide the basis by the scale: its size goes to G, its sign stays
        sign = 1 if scale > 0 else -1
        inputs.append((*[sign * c for c in basis], Fraction(0)))
        kernel.append(tuple(point**j / abs(scale) for j in range(r)))
        output.append(tuple(point**i for i in range(m)))
    vanishing = [Fraction(1)]
    for point in points:
        vanishing = _times(vanishing, [-point, Fraction(1)])
    # infinity: the leading coefficient
    inputs.append(tuple(vanishing))
    kernel.append(tuple(Fraction(int(j == r - 1)) for j in range(r)))
    output.append(tuple(Fraction(int(i == m - 1)) for i in range(m)))
    return FilterTransforms(tuple(zip(*output, strict=True)), tuple(kernel), tuple(inputs))


def _apply(matrix: Matrix, vector: Sequence[Any]) -> list[Any]:
    return [
        sum((v * c for c, v in zip(row, vector, strict=True) if c), 0 * row[0]) for row in matrix
    ]


def winograd_filter(d: Sequence[Any], g: Sequence[Any]) -> list[Any]:
    """One tile of outputs ``y_i = sum_j d_(i+j) g_j``, exact if the numbers are.

    Parameters
    ----------
    d : sequence of m + r - 1 numbers
    g : sequence of r numbers

    Returns
    -------
    list of m numbers

    Examples
    --------
    >>> from fractions import Fraction
    >>> from deepbook.convolution import winograd_filter
    >>> d, g = [Fraction(v) for v in (1, 2, 3, 4)], [Fraction(1)] * 3
    >>> [int(y) for y in winograd_filter(d, g)]
    [6, 9]
    """
    m = len(d) - len(g) + 1
    if m < 1:
        raise ValueError(f"expected at least {len(g)} inputs, got {len(d)}")
    transforms = cook_toom(m, len(g))
    kernel, inputs = _apply(transforms.kernel, g), _apply(transforms.inputs, d)
    # Lavin and Gray 2016, eq. 6: the only products of inputs with weights
    products = [a * b for a, b in zip(kernel, inputs, strict=True)]
    return _apply(transforms.output, products)


def winograd_conv2d(x: Tensor, weight: Tensor, m: int = 2, padding: int = 0) -> Tensor:
    """Cross-correlation, as torch's ``conv2d``, by tiles of ``F(m x m, r x r)``.

    Lavin and Gray (2016), eq. 8, with the sum over channels taken between the transforms.

    Parameters
    ----------
    x : Tensor, shape (N, C, H, W)
    weight : Tensor, shape (O, C, r, r)
    m : int
        Outputs of a tile in each direction.
    padding : int
        Zeros on each side.

    Returns
    -------
    Tensor, shape (N, O, H + 2 padding - r + 1, W + 2 padding - r + 1)
    """
    r = weight.shape[-1]
    if x.ndim != 4 or weight.ndim != 4 or weight.shape[2] != r:
        raise ValueError(
            "expected inputs (N, C, H, W) and square kernels (O, C, r, r), "
            f"got {tuple(x.shape)} and {tuple(weight.shape)}"
        )
    if x.shape[1] != weight.shape[1]:
        raise ValueError(f"expected {weight.shape[1]} input channels, got {x.shape[1]}")
    height, width = (side + 2 * padding - r + 1 for side in x.shape[2:])
    if padding < 0 or min(height, width) < 1:
        raise ValueError(f"expected inputs of at least {r}, got {tuple(x.shape[2:])}")
    A, G, B = cook_toom(m, r).tensors(x)
    n = m + r - 1
    # whole tiles: what they have too much is cut off at the end
    down, right = -height % m, -width % m
    padded = pad(x, (padding, padding + right, padding, padding + down))
    tiles = padded.unfold(2, n, m).unfold(3, n, m)
    kernels = G @ weight @ G.mT
    products = torch.einsum("ocab,nchwab->nohwab", kernels, B @ tiles @ B.mT)
    outputs = (A @ products @ A.mT).transpose(3, 4)
    return outputs.flatten(4, 5).flatten(2, 3)[..., :height, :width]
