"""A network that the book carries, since no page has the time to train it."""

import base64
import json
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepbook.carried import read_carried
from deepbook.sequence.encoder_decoder import EncoderDecoder
from deepbook.sequence.vocabulary import Vocabulary

__all__ = ["pretrained_pronouncer"]


def pretrained_pronouncer() -> tuple[EncoderDecoder, Vocabulary, Vocabulary]:
    """The network with attention that ``benchmarks/pronunciation.py`` trained, for evaluation.

    Its weights are carried as int8 with a scale for each index of the last dimension, which
    changes its errors by less than a tenth of a point.

    Returns
    -------
    EncoderDecoder
    Vocabulary
        Of letters.
    Vocabulary
        Of phonemes.
    """
    told = json.loads(read_carried("deepbook.sequence", "weights/pronouncer.json"))
    letters, phonemes = Vocabulary(told["letters"]), Vocabulary(told["phonemes"])
    weights = {name: _unpacked(array) for name, array in told["weights"].items()}
    embedding, hidden = weights["read.weight"].shape[1], weights["first_state.bias"].shape[0]
    model = EncoderDecoder(len(letters), len(phonemes), embedding, hidden)
    model.load_state_dict(weights)
    return model.eval(), letters, phonemes


def _unpacked(told: dict[str, Any]) -> Tensor:
    """What ``deepbook.live.pack`` packed, turned back where it was turned."""

    def numbers(text: str, dtype: str) -> Any:
        return np.frombuffer(base64.b64decode(text), np.dtype(dtype).newbyteorder("<"))

    shape = told["shape"]
    values = numbers(told["base64"], told["array"]).reshape(shape).astype(np.float32)
    if "scale" in told:
        values = values * numbers(told["scale"], "float32")
    # matrices are stored inputs first, one scale for each output
    return torch.tensor(values.T if told["turned"] else values)
