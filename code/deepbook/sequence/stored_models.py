"""A language model that was trained for longer than a page may, stored with the package."""

import base64
import json
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deepbook.carried import read_carried
from deepbook.sequence.character_models import CharacterModel

__all__ = ["stored_language_model"]


def stored_language_model() -> tuple[CharacterModel, str]:
    """The recurrent network that ``benchmarks/language_models.py`` trained and stored.

    128 gated units (GRU), trained for eight epochs on the training topics of
    ``deepbook.data.language_reference``. Its numbers are stored in two bytes each.

    Returns
    -------
    model : CharacterModel
        In evaluation mode, float32.
    alphabet : str
        The character of each of its symbols.
    """
    told = json.loads(read_carried("deepbook.sequence", "weights/language_model.json"))
    weights = {name: _tensor(packed) for name, packed in told["weights"].items()}
    symbols, width = weights["embedding.weight"].shape
    hidden = weights["output.weight"].shape[1]
    model = CharacterModel(symbols, hidden, embedding_size=width)
    model.load_state_dict(weights)
    return model.eval(), told["alphabet"]


def _tensor(packed: dict[str, Any]) -> Tensor:
    codes = np.frombuffer(base64.b64decode(packed["base64"]), dtype="<f2")
    return torch.from_numpy(codes.astype(np.float32)).reshape(packed["shape"])
