"""A trained machine dreams pictures; the reader draws and holds a part of them."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from deepbook.live.live_figure import LiveFigure
from deepbook.live.packing import pack

__all__ = ["GibbsDream"]


class GibbsDream(LiveFigure):
    """Block Gibbs sampling in a restricted Boltzmann machine whose visible units are pixels.

    The reader draws pixels, holds what is drawn or one half, and watches the machine dream the
    rest: a draw from the distribution of the free pixels given those that are held.

    Parameters
    ----------
    weight : array or tensor, shape (visible, hidden)
        Stored as int8 with one scale for each hidden unit, biases as float16. ``decoded``
        tells with which numbers the figure computes.
    visible_bias : array or tensor, shape (visible,)
    hidden_bias : array or tensor, shape (hidden,)
    shape : (rows, columns)
        Of the picture, ``rows * columns`` visible units.
    examples : array or tensor of 0 and 1, shape (N, visible) or (N, rows, columns), optional
        Pictures to start from, the upper half held.
    steps_per_second : int
        From 1 to 30; the reader can change it.
    seed : int
        Of the random numbers.
    fallback, alt, label
        As :class:`LiveFigure` takes them.

    Raises
    ------
    ValueError
        If the shapes do not belong together, or a number is out of its range.
    """

    def __init__(
        self,
        weight: ArrayLike,
        visible_bias: ArrayLike,
        hidden_bias: ArrayLike,
        *,
        fallback: Figure,
        alt: str,
        label: str = "A machine that dreams pictures",
        shape: tuple[int, int] = (28, 28),
        examples: ArrayLike | None = None,
        steps_per_second: int = 8,
        seed: int = 0,
    ) -> None:
        machine = {
            "weight": pack(weight, "int8"),
            "visible_bias": pack(visible_bias, "float16"),
            "hidden_bias": pack(hidden_bias, "float16"),
        }
        pixels = int(np.prod(shape))
        got = machine["weight"].codes.shape
        biases = (machine["visible_bias"].codes.shape, machine["hidden_bias"].codes.shape)
        if len(got) != 2 or got[0] != pixels or biases != ((got[0],), (got[1],)):
            raise ValueError(
                f"expected weight of shape ({pixels}, hidden) for pictures of {tuple(shape)} "
                f"and one bias for each unit, got {got}, {biases[0]} and {biases[1]}"
            )
        if not 1 <= steps_per_second <= 30:
            raise ValueError(f"expected from 1 to 30 steps a second, got {steps_per_second}")
        data: dict[str, Any] = {
            "machine": machine,
            "shape": list(shape),
            "seed": seed,
            "perSecond": steps_per_second,
            "examples": None,
        }
        if examples is not None:
            packed = pack(examples, "uint8").codes
            if packed.size == 0 or packed[0].size != pixels or packed.max() > 1:
                raise ValueError(
                    f"expected examples of 0 and 1 with {pixels} pixels each, "
                    f"got shape {packed.shape}"
                )
            data["examples"] = pack(packed.reshape(len(packed), pixels), "uint8")
        super().__init__("gibbs_dream.js", data, fallback=fallback, alt=alt, label=label)
