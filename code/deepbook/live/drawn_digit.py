"""A digit that the reader draws, read by a convolutional network while it is drawn."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from deepbook.live.live_figure import LiveFigure
from deepbook.live.packing import Packed, pack

__all__ = ["DrawnDigit"]

_MOST_DIGITS = 12
Stage = tuple[ArrayLike, ArrayLike, ArrayLike]


class DrawnDigit(LiveFigure):
    """Feature maps and class probabilities of a digit that the reader draws, or chooses and shifts.

    What is drawn is made like MNIST: its longer side gets 20 pixels, and its centre of mass goes
    to the pixel (14, 14) of 28 x 28. The network is computed in the browser: each stage is
    ``relu(scale * max_pool(kernel * x) + shift)``, with a border of zeros that keeps the size and
    pooling over 2 x 2 pixels, as ``deepbook.convolution.folded_stages`` gives it; behind the last
    there are a linear layer and a softmax.

    Parameters
    ----------
    images : array or tensor, shape (digits, height, width), values in [0, 1]
        Up to 12 to choose from. They are stored in 256 steps.
    targets : sequence of int
        The class of each.
    stages : sequence of (kernel, scale, shift)
        Of shape (maps, maps before, size, size), (maps,) and (maps,), the size odd.
    linear : (weight, bias)
        Of shape (classes, maps * height * width of the last stage) and (classes,).
    dtype : {"float16", "float32"}
        How weights are stored; ``decoded`` tells with which numbers the figure computes.
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
        stages: Sequence[Stage],
        linear: tuple[ArrayLike, ArrayLike],
        *,
        fallback: Figure,
        alt: str,
        label: str = "Draw a digit and see what the network makes of it",
        dtype: str = "float16",
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
        if dtype not in ("float16", "float32"):
            raise ValueError(f"expected dtype float16 or float32, got {dtype!r}")
        told, inputs = _stages(stages, pictures.shape[1:], dtype)
        weight, bias = (pack(array, dtype) for array in linear)
        classes = bias.codes.size
        if weight.codes.shape != (classes, inputs) or bias.codes.ndim != 1:
            raise ValueError(
                f"expected a linear layer of shape (classes, {inputs}) and a bias for each class, "
                f"got {weight.codes.shape} and {bias.codes.shape}"
            )
        labels = [int(target) for target in targets]
        if len(labels) != len(pictures) or any(not 0 <= label < classes for label in labels):
            raise ValueError(
                f"expected a target below {classes} for each of {len(pictures)} pictures, "
                f"got {labels}"
            )
        if not 0 <= chosen < len(labels):
            raise ValueError(f"expected one of {len(labels)} pictures chosen, got {chosen}")
        data = {
            "images": pack(np.rint(255 * pictures.reshape(len(pictures), -1)), "uint8"),
            "shape": list(pictures.shape[1:]),
            "targets": labels,
            "network": {"stages": told, "linear": {"weight": weight, "bias": bias}},
            "chosen": int(chosen),
        }
        super().__init__("drawn_digit.js", data, fallback=fallback, alt=alt, label=label)


def _stages(
    stages: Sequence[Stage], size: Sequence[int], dtype: str
) -> tuple[list[dict[str, Packed]], int]:
    """Each stage packed, and how many numbers the last one gives out."""
    told: list[dict[str, Packed]] = []
    maps, (height, width) = 1, size
    for kernel, scale, shift in stages:
        packed = {
            "kernel": pack(kernel, dtype),
            "scale": pack(scale, dtype),
            "shift": pack(shift, dtype),
        }
        shapes = [part.codes.shape for part in packed.values()]
        first = shapes[0]
        if len(first) != 4 or first[1] != maps or first[2] != first[3] or first[2] % 2 == 0:
            raise ValueError(
                f"expected a kernel of shape (maps, {maps}, size, size), the size odd, got {first}"
            )
        if shapes[1:] != [first[:1], first[:1]]:
            raise ValueError(
                f"expected a scale and a shift for each of {first[0]} maps, got {shapes[1:]}"
            )
        told.append(packed)
        maps, height, width = first[0], height // 2, width // 2
    if not told or not height * width:
        raise ValueError(
            f"expected one stage or more, and pixels left after each, got {len(told)} stages "
            f"for pictures of {size[0]} x {size[1]} pixels"
        )
    return told, maps * height * width
