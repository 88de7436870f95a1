"""The look of the book's figures: a light, opaque card that reads on light and dark pages alike.

Five colours that stay apart for colour-blind readers and keep the contrast of WCAG 2.1 AA (3:1)
on the card, each with its own line style, because colour is never the only difference; text kept
out of the way; and the same bytes at every build.
"""

import matplotlib as mpl
from cycler import cycler
from matplotlib.colors import LinearSegmentedColormap

__all__ = ["BLUES", "CARD", "COLORS", "DIVERGING", "INK", "LINE_STYLES", "use_style"]

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


def _use_svg_inline() -> None:
    """Make a notebook's figures SVG without a date; elsewhere there is nothing to do."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    set_matplotlib_formats("svg", metadata={"Date": None})
