"""Two weights, a quadratic loss and a penalty: where does the minimum land?"""

from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from deepbook.live.live_figure import LiveFigure
from deepbook.live.packing import pack

__all__ = ["PenaltyContours"]

_KINDS = ("l1", "both", "l2")


class PenaltyContours(LiveFigure):
    """Contours of a squared error in two weights, and the penalty that moves its minimum.

    The loss is that of a linear model with two standardised inputs, so its Hessian has ones on the
    diagonal and the inputs' correlation beside it. The reader drags the minimum of the loss,
    chooses penalty, strength and correlation, and sees where the minimum of both lands
    (Goodfellow et al. 2016, section 7.1).

    Parameters
    ----------
    best : array or tensor, shape (2,)
        The weights where the loss alone is smallest, not both zero.
    correlation : float
        Of the two inputs, from -0.9 to 0.9.
    names : (str, str)
        What the two weights belong to.
    kind : str
        The penalty at first: ``"l1"``, ``"l2"`` or ``"both"``.
    strength : float
        Its strength at first, from 0 to 0.98. L1 would set both weights to zero at 1, and L2 leaves
        the share ``1 - strength`` where the curvature is 1.
    fallback, alt, label
        As :class:`LiveFigure` takes them.

    Raises
    ------
    ValueError
        If a shape or a number is not of this kind.
    """

    def __init__(
        self,
        best: ArrayLike,
        correlation: float,
        *,
        names: tuple[str, str],
        fallback: Figure,
        alt: str,
        label: str = "Where a penalty moves the minimum",
        kind: str = "l1",
        strength: float = 0.5,
    ) -> None:
        packed = pack(best)
        values = packed.unpack()
        if values.shape != (2,) or not values.any():
            raise ValueError(f"expected two weights that are not both zero, got {values}")
        if len(names) != 2 or not all(isinstance(name, str) and name for name in names):
            raise ValueError(f"expected a name for each of two weights, got {names!r}")
        if not -0.9 <= float(correlation) <= 0.9:
            raise ValueError(f"expected a correlation from -0.9 to 0.9, got {correlation}")
        if kind not in _KINDS:
            raise ValueError(f"expected a penalty among {', '.join(_KINDS)}, got {kind!r}")
        if not 0 <= float(strength) <= 0.98:
            raise ValueError(f"expected a strength from 0 to 0.98, got {strength}")
        told = {
            "best": packed,
            "correlation": float(correlation),
            "names": list(names),
            "kind": kind,
            "strength": float(strength),
        }
        super().__init__("penalty_contours.js", told, fallback=fallback, alt=alt, label=label)
