"""A word that the reader types, pronounced by a network, and where its attention lies."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from deepbook.live.live_figure import LiveFigure
from deepbook.live.packing import pack

__all__ = ["Pronouncer"]

_DIRECTIONS = {"forwards": "encoder.{}_l0", "backwards": "encoder.{}_l0_reverse"}


class Pronouncer(LiveFigure):
    """What an encoder-decoder network with attention says to a word, and the letters it looks at.

    The figure computes what ``deepbook.sequence.EncoderDecoder`` with ``context="dot"`` computes,
    greedily. ``decoded`` tells with which numbers.

    Parameters
    ----------
    weights : mapping from str to array or tensor
        The network's ``state_dict()``.
    letters : sequence of str
        One character each, in the order of their numbers.
    phonemes : sequence of str
        In the order of their numbers.
    word : str
        What stands there at first, of these letters.
    dtype : {"int8", "float16", "float32"}
        How matrices are stored; int8 has a scale for each output.
    fallback, alt, label
        As :class:`LiveFigure` takes them.

    Raises
    ------
    ValueError
        If weights are missing or do not fit together, or the word has other letters.
    """

    def __init__(
        self,
        weights: Mapping[str, ArrayLike],
        letters: Sequence[str],
        phonemes: Sequence[str],
        *,
        fallback: Figure,
        alt: str,
        label: str = "Type a word and see how a network pronounces it",
        word: str = "photograph",
        dtype: str = "int8",
    ) -> None:
        if not word or not set(word) <= set(letters):
            raise ValueError(f"expected a word of the letters {''.join(letters)}, got {word!r}")

        def matrix(name: str, *, turned: bool = True) -> Any:
            if name not in weights:
                raise ValueError(f"expected the weights of a network with attention, not {name}")
            codes = pack(weights[name]).codes
            # inputs first: one scale for each output
            return pack(codes.T if turned else codes, dtype)

        def layer(weight: str, bias: str = "") -> dict[str, Any]:
            told: dict[str, Any] = {"weight": matrix(weight)}
            exact = "float32" if dtype == "float32" else "float16"
            return told | ({"bias": pack(weights[bias], exact)} if bias else {})

        def cell(pattern: str) -> dict[str, Any]:
            return {
                part: layer(pattern.format(f"weight_{short}"), pattern.format(f"bias_{short}"))
                for part, short in (("input", "ih"), ("state", "hh"))
            }

        net: dict[str, Any] = {
            "letters": "".join(letters),
            "phonemes": list(phonemes),
            "read": matrix("read.weight", turned=False),
            "written": matrix("written.weight", turned=False),
            **{name: cell(pattern) for name, pattern in _DIRECTIONS.items()},
            "decoder": cell("decoder.{}_l0"),
            "query": layer("context.query.weight"),
        }
        for name, layer_name in (("first", "first_state"), ("mix", "mix"), ("logits", "logits")):
            net[name] = layer(f"{layer_name}.weight", f"{layer_name}.bias")
        net["embedding"] = int(net["read"].codes.shape[1])
        net["hidden"] = int(net["query"]["weight"].codes.shape[0])
        # padding, beginning and end stand before the symbols; nobody writes the first two
        sizes = {
            "letters": (net["read"].codes.shape[0], len(letters) + 3),
            "phonemes": (net["written"].codes.shape[0], len(phonemes) + 3),
            "outputs": (net["logits"]["weight"].codes.shape[1], len(phonemes) + 1),
        }
        for what, (got, expected) in sizes.items():
            if got != expected:
                raise ValueError(f"expected weights for {expected} {what}, got {got}")
        data = {"net": net, "word": word}
        super().__init__("pronouncer.js", data, fallback=fallback, alt=alt, label=label)
