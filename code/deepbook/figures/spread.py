"""Curves with their spread over seeds."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from deepbook.figures.style import COLORS, LINE_STYLES

__all__ = ["curves"]


def curves(
    x: ArrayLike,
    lines: Mapping[str, ArrayLike],
    *,
    xlabel: str,
    ylabel: str,
    ax: Axes | None = None,
    label_at_end: bool = False,
) -> Axes:
    """Curves with their spread: the mean over seeds, and a band from lowest to highest.

    Parameters
    ----------
    x : array, shape (N,)
    lines : mapping from label to array, shape (N,) or (seeds, N)
        At most as many as there are line styles.
    xlabel, ylabel : str
    ax : Axes, optional
        A new figure's if not given.
    label_at_end : bool
        Labels stand at the right ends of the curves in place of a legend.

    Returns
    -------
    Axes
    """
    if len(lines) > len(COLORS):
        raise ValueError(f"expected at most {len(COLORS)} curves in one figure, got {len(lines)}")
    if ax is None:
        _, ax = plt.subplots()
    steps = np.asarray(x, dtype=float)
    for (label, values), color, style in zip(lines.items(), COLORS, LINE_STYLES, strict=False):
        runs = np.atleast_2d(np.asarray(values, dtype=float))
        if runs.ndim != 2 or runs.shape[1] != len(steps):
            raise ValueError(
                f"expected {label!r} of shape ({len(steps)},) or (seeds, {len(steps)}), "
                f"got {np.shape(values)}"
            )
        mean = runs.mean(axis=0)
        ax.plot(steps, mean, color=color, linestyle=style, label=label)
        if len(runs) > 1:
            ax.fill_between(
                steps, runs.min(axis=0), runs.max(axis=0), color=color, alpha=0.15, linewidth=0
            )
        if label_at_end:
            ax.annotate(
                label,
                (steps[-1], mean[-1]),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                color=color,
                fontsize=10,
            )
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    if not label_at_end and len(lines) > 1:
        ax.legend()
    return ax
