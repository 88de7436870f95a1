from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepbook.sequence import Bar, Note, Tune, parse_abc, write_abc

lengths = st.sampled_from([Fraction(n, 16) for n in (1, 2, 3, 4, 6, 8)])
notes = st.builds(Note, st.integers(48, 90), lengths, st.booleans())
notes |= st.builds(Note, st.none(), lengths)
thirds = st.integers(60, 80).map(lambda p: (Note(p, Fraction(1, 12)),) * 3)
groups = st.lists(notes.map(lambda note: (note,)) | thirds, min_size=1, max_size=6)
bars = st.builds(
    lambda groups, begins, ends: Bar(sum(groups, ()), begins, ends),
    groups,
    st.booleans(),
    st.booleans(),
)
tunes = st.builds(
    Tune,
    key=st.sampled_from(["C", "D", "Bb", "Am", "Edor", "F#", "Gb"]),
    meter=st.sampled_from([(2, 4), (6, 8), (2, 2)]),
    unit=st.sampled_from([Fraction(1, 8), Fraction(1, 16)]),
    bars=st.lists(bars, min_size=1, max_size=6).map(tuple),
)


@given(tunes)
def test_what_is_written_is_read_as_the_same_tune(tune):
    assert parse_abc(write_abc(tune)) == Tune(tune.key, tune.meter, tune.unit, tune.bars)


@given(tunes)
def test_each_thing_is_written_in_one_way(tune):
    text = write_abc(tune)
    assert write_abc(parse_abc(text)) == text


def test_accidentals_stand_where_they_are_needed():
    body = lambda text: write_abc(parse_abc(text)).split("\n", 3)[3]
    assert body("L:1/8\nK:D\n^f^c=cc^c|c") == "fc=cc^c|c|"
    # flats in keys with flats
    assert body("L:1/8\nK:F\n^d|") == "_e|"
    assert body("L:1/8\nK:G\n_e|") == "^d|"


def test_pairs_triplets_and_endings_are_written_short():
    text = "M:2/4\nL:1/8\nK:C\n|:C3/2D/2 (3EFG|1A2B2:|2 A4|]"
    assert write_abc(parse_abc(text)) == "M:2/4\nL:1/8\nK:C\n|:C>D(3EFG|1A2B2:|2A4|"
    assert write_abc(parse_abc("M:2/4\nL:1/8\nK:C\nC/2D3/2 z4")).endswith("C<Dz4|")


def test_a_line_has_four_bars():
    text = write_abc(parse_abc("L:1/8\nK:C\n" + "C|" * 9))
    assert text.split("\n")[3:] == ["C|C|C|C|", "C|C|C|C|", "C|"]


@pytest.mark.parametrize("ending", [1, 2])
def test_a_tune_may_begin_with_an_ending(ending):
    bars = (Bar((Note(60, Fraction(1, 8)),), ending=ending),)
    tune = Tune("C", (2, 4), Fraction(1, 8), bars)
    assert parse_abc(write_abc(tune)) == tune
