import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepbook.sequence import TuneCheck, check_tunes, longest_copy

HEAD = "M:2/4\nL:1/8\nK:D\n"


def test_texts_bars_and_whole_tunes_are_counted():
    texts = [HEAD + "d2A2|F2D2|", HEAD + "d2|d2A2|F2D|d4|", HEAD + "###", "", HEAD]
    # an upbeat is full, the bar of three quavers is not
    assert check_tunes(texts) == TuneCheck(5, 2, 1, 6, 5)
    assert check_tunes([]) == TuneCheck(0, 0, 0, 0, 0)


@given(st.text("ab", max_size=8), st.text("ab", max_size=12))
def test_the_longest_copy_is_the_longest_of_all_pieces(text, source):
    pieces = [text[i:j] for i in range(len(text)) for j in range(i, len(text) + 1)]
    expected = max((len(piece) for piece in pieces if piece in source), default=0)
    assert longest_copy(text, source) == expected


@pytest.mark.parametrize(("text", "copied"), [("abcd", 4), ("xabcdx", 4), ("xyz", 0), ("", 0)])
def test_a_whole_copy_is_found(text, copied):
    assert longest_copy(text, "__abcd__") == copied
