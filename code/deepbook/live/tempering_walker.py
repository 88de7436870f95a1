"""A sampler that is caught in one valley, beside one that trades places with hotter ones."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from deepbook.live.live_figure import LiveFigure
from deepbook.live.packing import pack

__all__ = ["TemperingWalker"]

_PACES = [2**power for power in range(10)]


class TemperingWalker(LiveFigure):
    """Metropolis sampling on a landscape of energies, with and without parallel tempering.

    Two walkers start at the same place at the coldest temperature. One walks alone; the other
    trades places with walkers at higher temperatures (Goodfellow et al. 2016, section 17.5.1).

    Parameters
    ----------
    energy : array or tensor, shape (N,)
        Energy in nats at N places in a row, 3 or more.
    betas : sequence of float
        Inverse temperatures, falling; the first is that of the distribution wanted.
    width : int
        A step proposes a place at most so many places away.
    start : int
        Where all walkers start.
    axis : (float, float), optional
        Coordinates of the first and the last place; 0 and N - 1 if not given.
    name : str
        Of the coordinate.
    steps_per_second : int
        A power of two from 1 to 512; the reader can change it.
    seed : int
        Of the random numbers.
    fallback, alt, label
        As :class:`LiveFigure` takes them.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    def __init__(
        self,
        energy: ArrayLike,
        betas: Sequence[float],
        *,
        fallback: Figure,
        alt: str,
        label: str = "Walkers with and without tempering",
        width: int = 1,
        start: int = 0,
        axis: tuple[float, float] | None = None,
        name: str = "x",
        steps_per_second: int = 128,
        seed: int = 0,
    ) -> None:
        packed = pack(energy)
        shape = packed.codes.shape
        if len(shape) != 1 or shape[0] < 3:
            raise ValueError(f"expected energies of 3 or more places in a row, got shape {shape}")
        places = shape[0]
        ladder = [float(beta) for beta in betas]
        if len(ladder) < 2 or not (np.diff(ladder) < 0).all() or ladder[-1] < 0:
            raise ValueError(
                f"expected 2 or more falling inverse temperatures of at least 0, got {ladder}"
            )
        if not 1 <= width < places or not 0 <= start < places:
            raise ValueError(
                f"expected a width from 1 to {places - 1} and a start from 0 to {places - 1}, "
                f"got {width} and {start}"
            )
        if steps_per_second not in _PACES:
            raise ValueError(
                f"expected steps a second among {', '.join(map(str, _PACES))}, "
                f"got {steps_per_second}"
            )
        low, high = axis if axis is not None else (0, places - 1)
        data = {
            "energy": packed,
            "betas": ladder,
            "width": width,
            "start": start,
            "low": f"{low:g}",
            "high": f"{high:g}",
            "name": name,
            "seed": seed,
            "perSecond": steps_per_second,
        }
        super().__init__("tempering_walker.js", data, fallback=fallback, alt=alt, label=label)
