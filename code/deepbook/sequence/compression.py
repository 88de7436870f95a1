"""Bits per symbol that general compressors take for a text which follows another one."""

import bz2
import lzma
from collections.abc import Callable

from torch import Tensor

__all__ = ["compressed_bits"]

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    # raw streams without checksums; the presets with the largest memory
    "xz": lambda data: lzma.compress(
        data,
        lzma.FORMAT_RAW,
        filters=[{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}],
    ),
    "bz2": lambda data: bz2.compress(data, 9),
}


def compressed_bits(text: Tensor, method: str = "xz", *, after: Tensor | None = None) -> float:
    """Bits per symbol: how much longer the file gets when the text is appended.

    One byte stands for a symbol. A compressor has no training apart from reading: it adapts to
    the text before and, as much, to the text that it compresses. So it is to be compared with
    models that are updated on what they have read. xz (LZMA2) looks back over all of both texts;
    bz2 sorts blocks of 900,000 bytes, so that ``after`` should not be longer than that.

    Parameters
    ----------
    text : Tensor of integers from 0 to 255, shape (T,), T at least 1
    method : {"xz", "bz2"}
    after : Tensor of integers from 0 to 255, shape (S,), optional
        The text before, of which the compressor knows.

    Raises
    ------
    ValueError
        If the method is another, there is no text, or a symbol is no byte.
    """
    if method not in COMPRESSORS:
        raise ValueError(f"expected a method among {', '.join(COMPRESSORS)}, got {method!r}")
    if not len(text):
        raise ValueError("expected a text of at least 1 symbol, got none")
    before = b"" if after is None else _bytes(after)
    compress = COMPRESSORS[method]
    longer = len(compress(before + _bytes(text))) - len(compress(before))
    return 8 * longer / len(text)


def _bytes(symbols: Tensor) -> bytes:
    values = symbols.tolist()
    if values and not 0 <= min(values) <= max(values) <= 255:
        raise ValueError(f"expected symbols from 0 to 255, got from {min(values)} to {max(values)}")
    return bytes(values)
