import torch

from deepbook.data import Alphabet
from deepbook.sequence import bits_per_character, stored_language_model

SENTENCE = "The expression is evaluated in the order in which the arguments are given.\n"


def test_the_stored_network_knows_english_and_its_alphabet():
    model, characters = stored_language_model()
    alphabet = Alphabet(characters)
    assert len(alphabet) == model.symbols
    assert not model.training
    text = alphabet.encode(SENTENCE * 3)
    known = bits_per_character(model, text)
    shuffled = text[torch.randperm(len(text), generator=torch.Generator().manual_seed(0))]
    assert known < 2.2
    assert bits_per_character(model, shuffled) > 5
