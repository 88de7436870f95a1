"""A race of optimizers on surfaces over the plane."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from deepbook.live.live_figure import LiveFigure
from deepbook.live.packing import pack

__all__ = ["BallRace", "RaceSurface"]

_FORMULAS = ("ravine", "rosenbrock", "beale", "himmelblau", "saddle", "cliff", "plateau")
_OPTIMIZERS = ("descent", "momentum", "nesterov", "adagrad", "rmsprop", "adam")
_Range = tuple[float, float]


@dataclass(frozen=True)
class RaceSurface:
    """One of the surfaces that a :class:`BallRace` offers.

    Attributes
    ----------
    name : str
        As the reader chooses it.
    domain : ((x low, x high), (y low, y high))
        What the map shows; a ball that leaves it is out.
    start : (x, y)
        Where the balls start at first.
    rates : mapping from optimizer to float
        The learning rates at first, for the optimizers that may race: ``descent``, ``momentum``,
        ``nesterov``, ``adagrad``, ``rmsprop``, ``adam``. The sliders have twenty places for each
        power of ten, from 10^-4.5 to 10; a rate is moved to the nearest.
    formula : str, optional
        A landscape of :data:`deepbook.optimization.LANDSCAPES` that the script knows.
    values : array or tensor, shape (rows of y, columns of x), optional
        Heights on an even grid over the domain, in place of a formula. Between them the surface
        is cubic, with central differences as slopes.
    lowest : float
        The height from which heights are measured on the chart.
    """

    name: str
    domain: tuple[_Range, _Range]
    start: tuple[float, float]
    rates: Mapping[str, float]
    formula: str | None = None
    values: ArrayLike | None = None
    lowest: float = 0.0


class BallRace(LiveFigure):
    """Several optimizers at once, on a surface of the reader's choice.

    The reader chooses the surface, the start and each optimizer's learning rate, and sees the
    ways of all on a map and their heights over the steps. The optimizers are those of
    ``torch.optim`` with their usual settings, momentum 0.9.

    Parameters
    ----------
    surfaces : sequence of RaceSurface
        The first is shown at first. All have rates for the same optimizers.
    running : sequence of str
        The optimizers that race at first.
    fallback, alt, label
        As :class:`LiveFigure` takes them.

    Raises
    ------
    ValueError
        If there is no surface, or something in one is not of its kind.
    """

    def __init__(
        self,
        surfaces: Sequence[RaceSurface],
        *,
        fallback: Figure,
        alt: str,
        label: str = "A race of optimizers",
        running: Sequence[str] = ("descent", "momentum", "adam"),
    ) -> None:
        if not surfaces:
            raise ValueError("expected at least one surface, got none")
        names = list(surfaces[0].rates)
        if not set(running) <= set(names):
            raise ValueError(f"expected optimizers among {names} to run, got {list(running)}")
        told = {"surfaces": [_told(one, names) for one in surfaces], "running": list(running)}
        super().__init__("ball_race.js", told, fallback=fallback, alt=alt, label=label)


def _told(surface: RaceSurface, names: list[str]) -> dict[str, object]:
    name, rates = surface.name, {key: float(rate) for key, rate in surface.rates.items()}
    if not names or not set(names) <= set(_OPTIMIZERS) or list(rates) != names:
        raise ValueError(
            f"expected {name!r} to have rates for the same of {', '.join(_OPTIMIZERS)} as the "
            f"first surface, got {list(rates)}"
        )
    if min(rates.values()) <= 0:
        raise ValueError(f"expected positive learning rates for {name!r}, got {rates}")
    domain = np.array(surface.domain, dtype=float)
    start = np.array(surface.start, dtype=float)
    if domain.shape != (2, 2) or (domain[:, 0] >= domain[:, 1]).any():
        raise ValueError(f"expected two rising ranges as domain of {name!r}, got {surface.domain}")
    if start.shape != (2,) or (start < domain[:, 0]).any() or (start > domain[:, 1]).any():
        raise ValueError(f"expected a start of {name!r} within its domain, got {surface.start}")
    told: dict[str, object] = {
        "name": name,
        "domain": domain.tolist(),
        "start": start.tolist(),
        "rates": rates,
        "lowest": float(surface.lowest),
    }
    if (surface.formula is None) == (surface.values is None):
        raise ValueError(f"expected {name!r} to have either a formula or values")
    if surface.values is None:
        if surface.formula not in _FORMULAS:
            raise ValueError(
                f"expected a formula among {', '.join(_FORMULAS)}, got {surface.formula!r}"
            )
        return told | {"formula": surface.formula}
    values = pack(surface.values)
    if len(values.codes.shape) != 2 or min(values.codes.shape) < 2:
        raise ValueError(
            f"expected values of {name!r} of two or more rows and columns, got {values.codes.shape}"
        )
    return told | {"values": values}
