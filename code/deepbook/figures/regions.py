"""Where in the plane a classifier decides for which class."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from deepbook.figures.style import COLORS

__all__ = ["decision_regions"]


def decision_regions(
    score: Callable[[np.ndarray], ArrayLike],
    *,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    ax: Axes | None = None,
    resolution: int = 200,
) -> Axes:
    """Where in the plane a score is above zero (shaded) and where it is not.

    Parameters
    ----------
    score : callable
        From points, shape (N, 2), to scores, shape (N,); zero is the boundary.
    xlim, ylim : (low, high)
    ax : Axes, optional
    resolution : int
        Points on a side.

    Returns
    -------
    Axes
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(3.8, 3.6))
    horizontal, vertical = np.meshgrid(
        np.linspace(*xlim, resolution), np.linspace(*ylim, resolution)
    )
    points = np.stack([horizontal.ravel(), vertical.ravel()], axis=1)
    values = np.asarray(score(points), dtype=float)
    if values.shape != (len(points),):
        raise ValueError(f"expected scores of shape ({len(points)},), got {values.shape}")
    values = values.reshape(horizontal.shape)
    ax.contourf(horizontal, vertical, values > 0, levels=[0.5, 1.5], colors=[COLORS[0]], alpha=0.15)
    if values.min() <= 0 < values.max():
        ax.contour(horizontal, vertical, values, levels=[0], colors=[COLORS[0]], linewidths=1.5)
    ax.set_xlim(*xlim)
    ax.set_ylim(*ylim)
    return ax
