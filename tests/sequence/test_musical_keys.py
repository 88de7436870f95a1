from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepbook.sequence import SEMITONES, ABCError, key_accidentals, spell

WHOLE_AND_HALF = [2, 2, 1, 2, 2, 2, 1]
MODES = {"": 0, "dor": 1, "phr": 2, "lyd": 3, "mix": 4, "m": 5, "loc": 6}
NATURAL = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))


@given(st.sampled_from("CDEFGAB"), st.sampled_from(["", "b"]), st.sampled_from(sorted(MODES)))
def test_the_letters_of_a_key_make_the_steps_of_its_mode(letter, sign, mode):
    try:
        accidentals = key_accidentals(letter + sign + mode)
    except ABCError as error:
        assert "at most seven" in str(error)  # noqa: PT017
        return
    first = "CDEFGAB".index(letter)
    letters = ("CDEFGAB" * 2)[first : first + 8]
    pitches = [NATURAL[each] + accidentals.get(each, 0) for each in letters]
    steps = [(after - before) % 12 for before, after in pairwise(pitches)]
    turn = MODES[mode]
    assert steps == WHOLE_AND_HALF[turn:] + WHOLE_AND_HALF[:turn]


@pytest.mark.parametrize(
    ("key", "as_plain"),
    [
        *[("G major", "G"), ("GM", "G"), ("Gmaj", "G"), ("Gionian", "G")],
        *[("A Minor", "Am"), ("AMin", "Am"), ("Aaeo", "Am"), ("EDorian", "Edor")],
        *[("Glydian", "Glyd"), (" D ", "D")],
    ],
)
def test_a_mode_is_known_by_its_first_letters(key, as_plain):
    assert key_accidentals(key) == key_accidentals(as_plain)


def test_sharps_and_flats_come_in_their_order():
    assert key_accidentals("C") == {}
    assert key_accidentals("A") == {"F": 1, "C": 1, "G": 1}
    assert key_accidentals("Bb") == {"B": -1, "E": -1}
    assert key_accidentals("F#") == dict.fromkeys("FCGDAE", 1)


@pytest.mark.parametrize("key", ["", "H", "none", "Dxyz", "Hm"])
def test_what_is_no_key_is_refused(key):
    with pytest.raises(ABCError, match="expected a key such as"):
        key_accidentals(key)


def test_a_key_of_eight_flats_is_refused():
    with pytest.raises(ABCError, match="at most seven sharps or flats, got 'Fbmix'"):
        key_accidentals("Fbmix")


@given(
    st.integers(0, 127),
    st.sampled_from(["C", "D", "Bb", "F#", "Ebm", "Edor"]),
    st.dictionaries(st.sampled_from([("F", 0), ("B", 0), ("C", 1)]), st.sampled_from([-1, 0, 1])),
)
def test_a_spelling_is_the_pitch_that_it_is_of(pitch, key, raised):
    signature, before = key_accidentals(key), dict(raised)
    letter, octave, accidental = spell(pitch, raised, signature)
    if accidental is None:
        assert raised == before
        shift = raised.get((letter, octave), signature.get(letter, 0))
    else:
        shift = accidental
        assert raised == before | {(letter, octave): accidental}
    assert 60 + 12 * octave + SEMITONES[letter] + shift == pitch
    # what was said once need not be said again
    assert spell(pitch, raised, signature) == (letter, octave, None)


def test_black_keys_are_flats_in_keys_with_flats():
    assert spell(70, {}, {}) == ("A", 0, 1)
    assert spell(66, {}, key_accidentals("F")) == ("G", 0, -1)
    assert spell(65, {}, key_accidentals("D")) == ("F", 0, 0)
