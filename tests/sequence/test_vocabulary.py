import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.sequence import Vocabulary


@given(st.lists(st.sampled_from("abcde"), max_size=8))
def test_what_is_encoded_is_decoded(symbols):
    letters = Vocabulary("edcba")
    for end in (False, True):
        numbers = letters.encode(symbols, end=end)
        assert letters.decode(numbers) == tuple(symbols)
        assert len(numbers) == len(symbols) + end


def test_numbers_begin_behind_those_of_padding_beginning_and_end():
    letters = Vocabulary("xyz")
    assert len(letters) == 6
    assert letters.encode("xyz", end=True).tolist() == [3, 4, 5, 2]
    assert (Vocabulary.PAD, Vocabulary.BEGIN, Vocabulary.END) == (0, 1, 2)


def test_decoding_passes_over_padding_and_stops_at_the_end():
    assert Vocabulary("xyz").decode([1, 4, 0, 3, 2, 5, 99]) == ("y", "x")


def test_the_vocabulary_of_sequences_is_sorted():
    assert Vocabulary.of([("B", "IY"), ("AH",)]).symbols == ("AH", "B", "IY")


def test_several_are_padded_with_zero():
    padded = Vocabulary("ab").encode_all(["a", "bab"], end=True)
    assert padded.values.tolist() == [[3, 2, 0, 0], [4, 3, 4, 2]]
    assert torch.equal(padded.lengths, torch.tensor([2, 4]))


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="each symbol once"):
        Vocabulary("aba")
    with pytest.raises(ValueError, match="expected symbols of the vocabulary, got 'q'"):
        Vocabulary("ab").encode("aq")
    for number in (-1, 5):
        with pytest.raises(ValueError, match=f"expected numbers from 0 to 4, got {number}"):
            Vocabulary("ab").decode([number])
