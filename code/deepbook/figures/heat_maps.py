"""Tables of numbers as colours."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from numpy.typing import ArrayLike

from deepbook.figures.style import BLUES, DIVERGING, INK

__all__ = ["heatmap"]

# labels of columns that have more letters together would touch each other
LETTERS_IN_A_ROW = 44


def heatmap(
    values: ArrayLike,
    *,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    xlabel: str = "",
    ylabel: str = "",
    numbers: str | None = None,
    limits: tuple[float, float] | None = None,
    bar: str | None = "",
    ax: Axes | None = None,
) -> Axes:
    """A table of numbers as colours, with a bar that tells which colour is which number.

    Where there are numbers below and above zero, zero has the card's colour, what is below is
    blue and what is above orange, on one scale. Else larger is darker blue. Where a number is
    missing (NaN), a cross stands on the card.

    Parameters
    ----------
    values : array, shape (R, C)
    rows, columns : sequence of R or C str, optional
        Labels; without them there are none.
    xlabel, ylabel : str
    numbers : str, optional
        How numbers are written into the cells, ``".2f"`` for instance. White or black, whichever
        has more contrast to the cell.
    limits : (low, high), optional
        Numbers at the ends of the scale; of values on both sides of zero, the larger in size
        counts for both. From the values if not given.
    bar : str, optional
        What the colour bar says. None leaves the bar out.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If shapes do not fit, ``limits`` do not ascend, or there is no finite number or an
        infinite one.
    """
    table = np.asarray(values, dtype=float)
    if table.ndim != 2 or table.size == 0:
        raise ValueError(f"expected values of shape (R, C), got {table.shape}")
    for what, labels, expected in zip(("row", "column"), (rows, columns), table.shape, strict=True):
        if labels is not None and len(labels) != expected:
            raise ValueError(f"expected {expected} {what} labels, got {len(labels)}")
    known = table[~np.isnan(table)]
    if known.size == 0 or not np.isfinite(known).all():
        raise ValueError("expected finite numbers, or NaN where one is missing; got others or none")
    low, high = limits or (float(known.min()), float(known.max()))
    if limits is not None and not low < high:
        raise ValueError(f"expected limits that ascend, got {limits}")
    signed = low < 0 < high
    if signed:
        high = max(-low, high)
        low = -high
    if ax is None:
        height, width = table.shape
        size = (min(7.2, 1.8 + 0.55 * width), min(5.6, 1.0 + 0.4 * height))
        _, ax = plt.subplots(figsize=size)
    image = ax.imshow(
        table, cmap=DIVERGING if signed else BLUES, vmin=low, vmax=high, aspect="auto"
    )
    _label(ax, rows, columns)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    for row, column in np.argwhere(np.isnan(table)):
        ax.text(column, row, "×", ha="center", va="center", color=INK, fontsize=9)
    if numbers is not None:
        _write(ax, image, table, numbers)
    if bar is not None:
        drawn = ax.figure.colorbar(image, ax=ax, label=bar)
        drawn.outline.set_visible(False)
    return ax


def _label(ax: Axes, rows: Sequence[str] | None, columns: Sequence[str] | None) -> None:
    ax.set_yticks(range(len(rows or ())), rows or [])
    ax.set_xticks(range(len(columns or ())), columns or [])
    if sum(map(len, columns or ())) > LETTERS_IN_A_ROW:
        plt.setp(ax.get_xticklabels(), rotation=40, ha="right", rotation_mode="anchor")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _write(ax: Axes, image: AxesImage, table: np.ndarray, form: str) -> None:
    colors = image.to_rgba(table)[..., :3]
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    for (row, column), value in np.ndenumerate(table):
        if np.isnan(value):
            continue
        # WCAG's contrast to white is 1.05 / (luminance + 0.05), to black the inverse of the rest:
        # they are equal, 4.58, where the luminance is 0.179
        color = "white" if luminance[row, column] < 0.179 else "black"
        text = f"{value:{form}}".replace("-", "\N{MINUS SIGN}")
        ax.text(column, row, text, ha="center", va="center", color=color, fontsize=9)
