"""Schematics of networks."""

from collections.abc import Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from deepbook.figures.style import CARD, COLORS, INK

__all__ = ["network"]


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
