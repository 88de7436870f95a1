"""A digit that the reader turns, slants, resizes and shifts, read by two networks at once."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from deepbook.live.live_figure import LiveFigure
from deepbook.live.packing import pack

__all__ = ["WarpedDigit"]

_MOST_DIGITS = 12


class WarpedDigit(LiveFigure):
    """What two networks answer while a digit is turned, slanted, resized and shifted.

    The figure moves the picture as ``deepbook.regularization.affine_warp`` does, by bilinear
    sampling, and shows the probabilities of both networks for each class. Weights are stored as
    int8, with one scale for each unit; ``decoded`` tells with which numbers the figure computes.

    Parameters
    ----------
    images : array or tensor, shape (digits, height, width), values in [0, 1]
        Up to 12 to choose from. They are stored in 256 steps.
    targets : sequence of int
        The class of each.
    networks : mapping from name to a sequence of (weight, bias)
        Two networks with ReLU between their layers and a softmax behind the last one; ``weight``
        of shape (outputs, inputs) as in ``nn.Linear``. The names stand in a sentence: ``"with
        augmentation"``.
    centre : pair of float, optional
        Row and column that turn, slant and size leave where they are; the middle of the grid if
        not given. (14, 14) for MNIST.
    chosen : int
        Which digit is shown at first.
    fallback, alt, label
        As :class:`LiveFigure` takes them.

    Raises
    ------
    ValueError
        If shapes or numbers do not belong together.
    """

    def __init__(
        self,
        images: ArrayLike,
        targets: Sequence[int],
        networks: Mapping[str, Sequence[tuple[ArrayLike, ArrayLike]]],
        *,
        fallback: Figure,
        alt: str,
        label: str = "Move a digit and see what two networks read",
        centre: tuple[float, float] | None = None,
        chosen: int = 0,
    ) -> None:
        pictures = pack(images).unpack()
        if pictures.ndim != 3 or not 1 <= len(pictures) <= _MOST_DIGITS:
            raise ValueError(
                f"expected 1 to {_MOST_DIGITS} pictures of shape (height, width), "
                f"got shape {pictures.shape}"
            )
        if pictures.min() < 0 or pictures.max() > 1:
            raise ValueError(
                f"expected pixels from 0 to 1, got {pictures.min():g} to {pictures.max():g}"
            )
        height, width = pictures.shape[1:]
        if len(networks) != 2:
            raise ValueError(f"expected two networks, got {len(networks)}")
        told: list[dict[str, Any]] = [
            {"name": str(name), "layers": _layers(layers, height * width)}
            for name, layers in networks.items()
        ]
        classes = {one["layers"][-1]["bias"].codes.size for one in told}
        labels = [int(target) for target in targets]
        if len(classes) != 1 or any(not 0 <= label < min(classes) for label in labels):
            raise ValueError(
                f"expected networks with the same classes, and targets among them, "
                f"got {sorted(classes)} classes and targets {labels}"
            )
        if len(labels) != len(pictures) or not 0 <= chosen < len(labels):
            raise ValueError(
                f"expected a target for each of {len(pictures)} pictures, one of them chosen, "
                f"got {len(labels)} and {chosen}"
            )
        middle = centre or ((height - 1) / 2, (width - 1) / 2)
        data = {
            "images": pack(np.rint(255 * pictures.reshape(len(pictures), -1)), "uint8"),
            "shape": [height, width],
            "targets": labels,
            "networks": told,
            "centre": [float(number) for number in middle],
            "chosen": int(chosen),
        }
        super().__init__("warped_digit.js", data, fallback=fallback, alt=alt, label=label)


def _layers(layers: Sequence[tuple[ArrayLike, ArrayLike]], size: int) -> list[dict[str, object]]:
    told: list[dict[str, object]] = []
    for weight, bias in layers:
        matrix, column = pack(weight), pack(bias, "float16")
        got = matrix.codes.shape
        if len(got) != 2 or got[1] != size or column.codes.shape != got[:1]:
            raise ValueError(
                f"expected a weight of shape (outputs, {size}) and a bias for each output, "
                f"got {got} and {column.codes.shape}"
            )
        # inputs first: one scale for each output, and paper can be skipped row by row
        told.append({"weight": pack(matrix.codes.T, "int8"), "bias": column})
        size = got[0]
    if not told:
        raise ValueError("expected networks of at least one layer, got none")
    return told
