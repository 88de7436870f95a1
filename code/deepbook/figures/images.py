"""Pictures in rows."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from deepbook.figures.style import DIVERGING

__all__ = ["image_grid"]


def image_grid(
    images: ArrayLike,
    *,
    columns: int = 10,
    titles: Sequence[str] | None = None,
    symmetric: bool = False,
    size: float = 0.75,
) -> Figure:
    """Pictures in rows: digits, filters, feature maps.

    Parameters
    ----------
    images : array, shape (N, height, width)
    columns : int
    titles : sequence of N str, optional
        One above each picture.
    symmetric : bool
        For weights: one scale for all, white at zero, blue below and orange above.
    size : float
        Width of one picture in inches.

    Returns
    -------
    Figure
    """
    pictures = np.asarray(images, dtype=float)
    if pictures.ndim != 3 or len(pictures) == 0:
        raise ValueError(f"expected images of shape (N, height, width), got {pictures.shape}")
    if titles is not None and len(titles) != len(pictures):
        raise ValueError(f"expected {len(pictures)} titles, got {len(titles)}")
    if columns < 1:
        raise ValueError(f"expected at least 1 column, got {columns}")
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    look: dict[str, Any] = {}
    if symmetric:
        limit = float(np.abs(pictures).max()) or 1.0
        look = {"cmap": DIVERGING, "vmin": -limit, "vmax": limit}
    height = size * pictures.shape[1] / pictures.shape[2] + (0.25 if titles else 0.0)
    figure, axes = plt.subplots(
        rows, columns, figsize=(size * columns, height * rows), squeeze=False
    )
    for i, axis in enumerate(axes.flat):
        axis.set_axis_off()
        if i < len(pictures):
            axis.imshow(pictures[i], **look)
            if titles is not None:
                axis.set_title(titles[i], fontsize=9, loc="center", pad=3)
    return figure
