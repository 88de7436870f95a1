"""Arrays as text for a page: base64 of float32, float16 or whole numbers with a scale."""

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Packed", "pack"]

_DTYPES = ("float32", "float16", "int8", "uint8")


@dataclass(frozen=True, eq=False)
class Packed:
    """An array as it goes into a page.

    Attributes
    ----------
    codes : ndarray
        What is stored: float32, float16, int8 or uint8.
    scale : ndarray of float32, shape (last dimension of codes,), or None
        For int8: the array is ``codes * scale``.
    """

    codes: np.ndarray
    scale: np.ndarray | None = None

    def unpack(self) -> np.ndarray:
        """The array that the page's script works with, exactly: float32."""
        values = self.codes.astype(np.float32)
        return values if self.scale is None else values * self.scale

    def to_json(self) -> dict[str, Any]:
        """What ``packing.js`` reads."""
        told = {
            "array": self.codes.dtype.name,
            "shape": list(self.codes.shape),
            "base64": _base64(self.codes),
        }
        return told if self.scale is None else told | {"scale": _base64(self.scale)}


def pack(array: ArrayLike, dtype: str = "float32") -> Packed:
    """Make an array small enough for a page.

    Parameters
    ----------
    array : array or tensor, any shape
    dtype : {"float32", "float16", "int8", "uint8"}
        4, 2, 1 and 1 bytes a number. ``"int8"`` keeps one scale for each index of the last
        dimension, the largest magnitude there being 127: for a weight matrix of shape
        (visible, hidden) one for each hidden unit, and the error is at most half a scale.
        ``"uint8"`` takes whole numbers from 0 to 255 alone.

    Raises
    ------
    ValueError
        If the dtype is another, the array holds NaN or infinity, or does not fit the dtype.
    """
    if dtype not in _DTYPES:
        raise ValueError(f"expected a dtype among {', '.join(_DTYPES)}, got {dtype!r}")
    if hasattr(array, "detach"):  # a tensor that requires gradients, or on a GPU
        array = array.detach().cpu()
    values = np.asarray(array, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("expected finite numbers, got NaN or infinity")
    if dtype == "int8":
        if values.ndim == 0:
            raise ValueError("expected an array of at least 1 dimension for int8, got a number")
        largest = np.abs(values).max(axis=tuple(range(values.ndim - 1)), initial=0.0)
        scale = (np.where(largest > 0, largest, 1.0) / 127).astype(np.float32)
        # numbers so small that 1 / 127 of them vanishes are as good as zero
        scale = np.maximum(scale, np.finfo(np.float32).tiny)
        return Packed(np.rint(values / scale).clip(-127, 127).astype(np.int8), scale)
    if dtype == "uint8" and not (values == np.clip(np.rint(values), 0, 255)).all():
        raise ValueError("expected whole numbers from 0 to 255 for uint8")
    with np.errstate(over="ignore"):
        codes = values.astype(dtype)
    if not np.isfinite(codes).all():
        raise ValueError(f"expected numbers that {dtype} can hold, got up to {abs(values).max():g}")
    return Packed(codes)


def _base64(array: np.ndarray) -> str:
    # the same bytes on every machine
    little = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<")))
    return base64.b64encode(little.tobytes()).decode()
