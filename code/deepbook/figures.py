"""One look for every figure of the book, and the few drawings that several pages need.

Importing this module applies the look (:func:`use_style`): a light, opaque card that reads
on light and dark pages alike; five colours that stay apart for colour-blind readers and
keep the contrast of WCAG 2.1 AA (3:1) on the card, each with its own line style, because
colour is never the only difference; text kept out of the way; and the same bytes at every
build.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

__all__ = [
    "BLUES",
    "CARD",
    "COLORS",
    "DIVERGING",
    "INK",
    "LINE_STYLES",
    "confusion_matrix",
    "curves",
    "decision_regions",
    "image_grid",
    "network",
    "use_style",
]

CARD = "#fcfbf8"
INK = "#1a1a1a"
# chosen by search: in CIELAB at least 20 apart for full, protan, deutan and tritan vision
COLORS = ("#0a5fa8", "#d1480a", "#1a1a1a", "#bc6488", "#664426")
LINE_STYLES = ("-", "--", ":", "-.", (0, (6, 1.5, 1, 1.5, 1, 1.5)))
BLUES = LinearSegmentedColormap.from_list("deepbook_blues", [CARD, COLORS[0], "#062f55"])
# for signed values: zero is the card
DIVERGING = LinearSegmentedColormap.from_list(
    "deepbook_diverging", ["#062f55", COLORS[0], CARD, COLORS[1], "#6d2403"]
)


def use_style() -> None:
    """Apply the book's look to matplotlib, and to the inline figures of a notebook.

    It begins from matplotlib's defaults: what a ``matplotlibrc`` of the reader's says would
    show in every figure.
    """
    mpl.rcdefaults()
    mpl.rcParams.update(
        {
            "figure.figsize": (6.4, 3.4),
            "figure.facecolor": CARD,
            "figure.constrained_layout.use": True,
            "savefig.facecolor": CARD,
            "savefig.pad_inches": 0.12,
            "axes.facecolor": CARD,
            "axes.edgecolor": INK,
            "axes.labelcolor": INK,
            "axes.linewidth": 0.8,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 11,
            "axes.titlelocation": "left",
            "axes.labelsize": 11,
            "axes.grid": False,
            "axes.prop_cycle": cycler(color=COLORS) + cycler(linestyle=LINE_STYLES),
            "font.family": "DejaVu Sans",
            "font.size": 11,
            "mathtext.fontset": "cm",
            "text.color": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "xtick.labelsize": 10,
            "ytick.labelsize": 10,
            "legend.frameon": False,
            "legend.fontsize": 10,
            "lines.linewidth": 1.8,
            "image.cmap": "gray_r",
            # pictures as they are, one number a pixel: in SVG the reader's browser enlarges them
            "image.interpolation": "none",
            "image.composite_image": False,
            "svg.hashsalt": "deepbook",
            "svg.fonttype": "path",
        }
    )
    _use_svg_inline()


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


def network(
    sizes: Sequence[int],
    *,
    labels: Sequence[str] | None = None,
    ax: Axes | None = None,
    most: int = 6,
) -> Axes:
    """A schematic of a layered network: circles for units, lines for weights.

    Parameters
    ----------
    sizes : sequence of int
        Units in each layer, inputs first.
    labels : sequence of str, optional
        One below each layer.
    ax : Axes, optional
    most : int
        Layers with more units are drawn with an ellipsis in the middle.

    Returns
    -------
    Axes
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"expected two or more layers of at least 1 unit, got {list(sizes)}")
    if labels is not None and len(labels) != len(sizes):
        raise ValueError(f"expected {len(sizes)} labels, got {len(labels)}")
    if most < 1:
        raise ValueError(f"expected to draw at least 1 unit of a layer, got {most}")
    if ax is None:
        _, ax = plt.subplots(figsize=(1.5 * len(sizes) + 0.4, 2.8))
    layers = []
    for column, size in enumerate(sizes):
        shown = min(size, most)
        slots = shown + (size > most)
        heights = [(slots - 1) / 2 - k for k in range(slots)]
        if size > most:
            middle = heights.pop(slots // 2)
            ax.text(column, middle, "⋮", ha="center", va="center")
        layers.append([(column, y) for y in heights])
    for left, right in pairwise(layers):
        for start in left:
            for end in right:
                ax.plot(
                    *zip(start, end, strict=True),
                    color="#8a8a8a",
                    linewidth=0.6,
                    linestyle="-",
                    zorder=1,
                )
    for column, layer in enumerate(layers):
        color = COLORS[1] if column == len(layers) - 1 else COLORS[0] if column else CARD
        xs, ys = zip(*layer, strict=True)
        ax.scatter(xs, ys, s=150, color=color, edgecolor=INK, linewidth=0.9, zorder=2)
    bottom = min(y for layer in layers for _, y in layer) - 0.8
    for column, size in enumerate(sizes):
        text = labels[column] if labels is not None else f"{size}"
        ax.text(column, bottom, text, ha="center", va="top", fontsize=9)
    ax.set_ylim(bottom - 0.7, None)
    ax.margins(x=0.15)
    ax.set_axis_off()
    return ax


def _use_svg_inline() -> None:
    """Make a notebook's figures SVG without a date; elsewhere there is nothing to do."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    set_matplotlib_formats("svg", metadata={"Date": None})


use_style()
