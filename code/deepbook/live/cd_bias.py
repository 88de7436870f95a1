"""The bias of contrastive divergence against its number of steps, exactly."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from deepbook.live.live_figure import LiveFigure
from deepbook.live.packing import pack

__all__ = ["CDBias"]

_STEPS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000)
_MOST_UNITS = 8


class CDBias(LiveFigure):
    """Expected CD-k gradient beside the gradient of the log-likelihood, for each ``k``.

    The figure enumerates all states (Goodfellow et al. 2016, section 18.2). The reader chooses
    ``k``, and makes all weights larger or smaller.

    Parameters
    ----------
    weight : array or tensor, shape (visible, hidden)
        Up to 8 units in each layer. All numbers are stored as float32.
    visible_bias : array or tensor, shape (visible,)
    hidden_bias : array or tensor, shape (hidden,)
    data : array or tensor, shape (2 ** visible,)
        Probability of each visible state in the data, in the order of
        :func:`deepbook.boltzmann.all_states`.
    steps : sequence of int
        The values of ``k`` to choose from, rising.
    chosen : int
        The one that is chosen at first.
    fallback, alt, label
        As :class:`LiveFigure` takes them.

    Raises
    ------
    ValueError
        If the shapes do not belong together, or ``data`` is no distribution.
    """

    def __init__(
        self,
        weight: ArrayLike,
        visible_bias: ArrayLike,
        hidden_bias: ArrayLike,
        data: ArrayLike,
        *,
        fallback: Figure,
        alt: str,
        label: str = "The bias of contrastive divergence",
        steps: Sequence[int] = _STEPS,
        chosen: int = 1,
    ) -> None:
        machine = {
            "weight": pack(weight),
            "visible_bias": pack(visible_bias),
            "hidden_bias": pack(hidden_bias),
        }
        got = [part.codes.shape for part in machine.values()]
        if len(got[0]) != 2 or not 1 <= min(got[0]) <= max(got[0]) <= _MOST_UNITS:
            raise ValueError(
                f"expected weight of 1 to {_MOST_UNITS} visible and hidden units, got {got[0]}"
            )
        if got[1:] != [(got[0][0],), (got[0][1],)]:
            raise ValueError(f"expected one bias for each unit of {got[0]}, got {got[1:]}")
        probability = pack(data)
        values = probability.unpack()
        if values.shape != (2 ** got[0][0],):
            raise ValueError(
                f"expected data of shape ({2 ** got[0][0]},): a probability for each visible "
                f"state, got {values.shape}"
            )
        if values.min() < 0 or abs(values.sum() - 1) > 1e-5:
            raise ValueError(
                f"expected probabilities that add up to 1, got a sum of {values.sum():g} "
                f"and at least {values.min():g}"
            )
        ladder = [int(k) for k in steps]
        if not ladder or ladder[0] < 1 or not (np.diff(ladder) > 0).all() or chosen not in ladder:
            raise ValueError(
                f"expected rising steps of at least 1, one of them chosen, got {ladder}, {chosen}"
            )
        told = {"machine": machine, "data": probability, "steps": ladder, "chosen": chosen}
        super().__init__("cd_bias.js", told, fallback=fallback, alt=alt, label=label)
