"""A recurrent network that writes a text letter by letter, with a dial for the temperature."""

from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from deepbook.live.live_figure import LiveFigure
from deepbook.live.packing import Packed, pack

__all__ = ["TextSampler"]


class TextSampler(LiveFigure):
    """Text from a network with gated recurrent units (GRU), and what may come next.

    The weights are those of ``nn.Embedding``, ``nn.GRU`` of one layer and ``nn.Linear``, as torch
    has them. The script runs the network: the state after each letter, the logits, the
    probabilities at the temperature that the reader has set, and the draw.

    Parameters
    ----------
    embedding : array or tensor, shape (symbols, embedding)
    input_weight : array or tensor, shape (3 * hidden, embedding)
    hidden_weight : array or tensor, shape (3 * hidden, hidden)
    input_bias, hidden_bias : array or tensor, shape (3 * hidden,)
    output_weight : array or tensor, shape (symbols, hidden)
    output_bias : array or tensor, shape (symbols,)
    alphabet : str
        The character of each symbol.
    start : str
        What the text begins with, at least one character, all of the alphabet.
    dtype : {"float16", "float32", "int8"}
        How matrices are stored; the biases are float32.
    temperature : float
        At the beginning, from 0 to 2.
    seed : int
    letters_per_second : int
        From 1 to 30.
    fallback, alt, label
        As :class:`LiveFigure` takes them.

    Raises
    ------
    ValueError
        If the shapes do not belong together, or a number is out of its range.
    """

    def __init__(
        self,
        embedding: ArrayLike,
        input_weight: ArrayLike,
        hidden_weight: ArrayLike,
        input_bias: ArrayLike,
        hidden_bias: ArrayLike,
        output_weight: ArrayLike,
        output_bias: ArrayLike,
        alphabet: str,
        *,
        fallback: Figure,
        alt: str,
        label: str = "A text letter by letter",
        start: str = "The ",
        dtype: str = "float16",
        temperature: float = 0.7,
        seed: int = 1,
        letters_per_second: int = 12,
    ) -> None:
        network = {
            "embedding": pack(embedding, dtype),
            "inputWeight": pack(input_weight, dtype),
            "hiddenWeight": pack(hidden_weight, dtype),
            "inputBias": pack(input_bias),
            "hiddenBias": pack(hidden_bias),
            "outputWeight": pack(output_weight, dtype),
            "outputBias": pack(output_bias),
        }
        _check_shapes(network, len(alphabet))
        if not start or not set(start) <= set(alphabet):
            raise ValueError(f"expected a start out of the alphabet's characters, got {start!r}")
        if not 0 <= temperature <= 2:
            raise ValueError(f"expected a temperature from 0 to 2, got {temperature}")
        if not 1 <= letters_per_second <= 30:
            raise ValueError(f"expected 1 to 30 letters a second, got {letters_per_second}")
        told = {
            "network": network,
            "alphabet": alphabet,
            "start": start,
            "temperature": float(temperature),
            "seed": int(seed),
            "perSecond": int(letters_per_second),
        }
        super().__init__("text_sampler.js", told, fallback=fallback, alt=alt, label=label)


def _check_shapes(network: dict[str, Packed], symbols: int) -> None:
    got = {name: packed.codes.shape for name, packed in network.items()}
    width = got["embedding"][-1] if len(got["embedding"]) == 2 else 0
    hidden = got["hiddenWeight"][-1] if len(got["hiddenWeight"]) == 2 else 0
    expected = {
        "embedding": (symbols, width),
        "inputWeight": (3 * hidden, width),
        "hiddenWeight": (3 * hidden, hidden),
        "inputBias": (3 * hidden,),
        "hiddenBias": (3 * hidden,),
        "outputWeight": (symbols, hidden),
        "outputBias": (symbols,),
    }
    wrong = [name for name in got if got[name] != expected[name] or 0 in got[name]]
    if wrong:
        name = wrong[0]
        raise ValueError(
            f"expected a network for an alphabet of {symbols} with {name} of shape "
            f"{expected[name]}, got {got[name]}"
        )
