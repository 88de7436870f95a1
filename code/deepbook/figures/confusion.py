"""The confusion matrix of a classifier."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from deepbook.figures.style import BLUES

__all__ = ["confusion_matrix"]


def confusion_matrix(
    counts: ArrayLike, labels: Sequence[str] | None = None, *, ax: Axes | None = None
) -> Axes:
    """Counts of (true class, predicted class), shaded by their share of the row.

    Parameters
    ----------
    counts : array of int, shape (K, K)
        Rows are true classes.
    labels : sequence of K str, optional
        0 to K - 1 if not given.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    table = np.asarray(counts)
    if table.ndim != 2 or table.shape[0] != table.shape[1]:
        raise ValueError(f"expected counts of shape (K, K), got {table.shape}")
    if not np.issubdtype(table.dtype, np.integer):
        raise TypeError(f"expected counts that are integers, got {table.dtype}")
    names = list(labels) if labels is not None else [str(k) for k in range(len(table))]
    if len(names) != len(table):
        raise ValueError(f"expected {len(table)} labels, got {len(names)}")
    if ax is None:
        _, ax = plt.subplots(figsize=(4.8, 4.6))
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    # the square root makes single errors visible beside the diagonal
    ax.imshow(np.sqrt(share), cmap=BLUES, vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(table):
        if count:
            # whichever has more contrast: at least 4.5:1 everywhere
            color = "white" if share[row, column] > 0.17 else "black"
            ax.text(column, row, f"{count:d}", ha="center", va="center", color=color, fontsize=9)
    ax.set_xticks(range(len(table)), names)
    ax.set_yticks(range(len(table)), names)
    ax.set_xlabel("predicted")
    ax.set_ylabel("true")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax
