"""A network's hidden units to switch on and off, beside all that dropout trains, exactly."""

from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from deepbook.live.live_figure import LiveFigure
from deepbook.live.packing import Packed, pack

__all__ = ["DropoutMasks"]

_MOST_UNITS = 14


class DropoutMasks(LiveFigure):
    """A thinned network beside weight scaling and the means over all ``2 ** hidden`` masks.

    The network has one hidden layer of ReLUs, whose units the reader switches, and a softmax
    (Goodfellow et al. 2016, section 7.12). Units that stay are divided by ``1 - p``.

    Parameters
    ----------
    hidden_weight : array or tensor, shape (hidden, inputs)
        As ``nn.Linear`` has it. Up to 14 hidden units. All numbers are stored as float32.
    hidden_bias : array or tensor, shape (hidden,)
    output_weight : array or tensor, shape (classes, hidden)
    output_bias : array or tensor, shape (classes,)
    examples : array or tensor, shape (N, height, width), values in [0, 1]
        Pictures to choose from; height times width is the number of inputs.
    targets : array or tensor of int, shape (N,)
        Their classes.
    p : float
        Of a unit's being left out, above 0 and below 1.
    fallback, alt, label
        As :class:`LiveFigure` takes them.

    Raises
    ------
    ValueError
        If the shapes do not belong together, or a number is out of its range.
    """

    def __init__(
        self,
        hidden_weight: ArrayLike,
        hidden_bias: ArrayLike,
        output_weight: ArrayLike,
        output_bias: ArrayLike,
        examples: ArrayLike,
        targets: ArrayLike,
        *,
        fallback: Figure,
        alt: str,
        label: str = "Dropout masks",
        p: float = 0.5,
    ) -> None:
        hidden = _layer("hidden", hidden_weight, hidden_bias)
        output = _layer("output", output_weight, output_bias)
        units, inputs = hidden["weight"].codes.shape
        if not 1 <= units <= _MOST_UNITS:
            raise ValueError(f"expected 1 to {_MOST_UNITS} hidden units, got {units}")
        classes, read = output["weight"].codes.shape
        if read != units:
            raise ValueError(f"expected an output weight for {units} hidden units, got {read}")
        pictures, numbers = pack(examples), pack(targets, "uint8")
        shape = pictures.codes.shape
        if len(shape) != 3 or shape[0] == 0 or shape[1] * shape[2] != inputs:
            raise ValueError(
                f"expected examples of shape (N, height, width) with {inputs} pixels each, "
                f"got {shape}"
            )
        if pictures.codes.min() < 0 or pictures.codes.max() > 1:
            raise ValueError("expected examples with values from 0 to 1")
        if numbers.codes.shape != shape[:1] or numbers.codes.max() >= classes:
            raise ValueError(
                f"expected a target below {classes} for each of {shape[0]} examples, "
                f"got {numbers.codes.tolist()}"
            )
        if not 0 < p < 1:
            raise ValueError(f"expected a dropout probability above 0 and below 1, got {p}")
        told = {
            "network": {"hidden": hidden, "output": output, "p": float(p)},
            "examples": pictures,
            "targets": numbers,
        }
        super().__init__("dropout_masks.js", told, fallback=fallback, alt=alt, label=label)


def _layer(name: str, weight: ArrayLike, bias: ArrayLike) -> dict[str, Packed]:
    layer = {"weight": pack(weight), "bias": pack(bias)}
    shape = layer["weight"].codes.shape
    if len(shape) != 2 or layer["bias"].codes.shape != shape[:1]:
        raise ValueError(
            f"expected a {name} weight of shape (outputs, inputs) and a bias for each output, "
            f"got {shape} and {layer['bias'].codes.shape}"
        )
    return layer
