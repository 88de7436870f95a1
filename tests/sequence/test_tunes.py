from fractions import Fraction

import pytest

from deepbook.sequence import ABCError, Bar, Note, Tune, parse_abc


def quarters(*pitches):
    return tuple(Note(pitch, Fraction(1, 4)) for pitch in pitches)


def tune(*bars, meter=(2, 4)):
    return Tune("C", meter, Fraction(1, 4), bars)


def heard(tune):
    return [note.pitch for note in tune.heard()]


A, B, C, D = (Bar(quarters(pitch, pitch)) for pitch in (60, 62, 64, 65))


def part(bar, begins=False, ends=False, ending=0):
    return Bar(bar.notes, begins, ends, ending)


def test_a_tune_without_repeats_is_heard_as_written():
    assert heard(tune(A, B)) == [60, 60, 62, 62]


def test_a_repeat_goes_back_to_where_it_began_or_to_the_beginning():
    once = [60, 60, 62, 62]
    assert heard(tune(A, part(B, ends=True))) == once + once
    assert heard(tune(A, part(B, begins=True, ends=True), C)) == [60, 60, 62, 62, 62, 62, 64, 64]
    # a second repeat goes back to the end of the first
    both = tune(part(A, ends=True), part(B, ends=True))
    assert heard(both) == [60] * 4 + [62] * 4


def test_endings_are_heard_each_in_its_turn():
    bars = [part(A, begins=True), part(B, ends=True, ending=1), part(C, ending=2), D]
    assert heard(tune(*bars)) == [60, 60, 62, 62, 60, 60, 64, 64, 65, 65]


def test_a_tie_makes_one_note_of_two_and_of_two_pitches_none():
    tied = Note(60, Fraction(1, 4), tied=True)
    bars = tune(Bar((tied, tied)), Bar((Note(60, Fraction(1, 2)),)))
    assert bars.heard() == (Note(60, Fraction(1)),)
    assert heard(tune(Bar((tied, Note(62, Fraction(1, 4)))))) == [60, 62]


def test_a_bar_is_full_when_its_notes_are_as_long_as_the_meter_says():
    long, short = Bar(quarters(60, 60, 60)), Bar(quarters(60))
    assert tune(A, long, short, B).full_bars() == (True, False, False, True)
    assert tune(A, B, meter=(3, 4)).full_bars() == (True, False)
    assert A.length == Fraction(1, 2) == tune(A).bar_length
    assert tune(A, B).notes == A.notes + B.notes


def test_upbeats_count_as_full_with_what_completes_them():
    upbeat, rest = Bar(quarters(60)), Bar(quarters(60))
    assert tune(upbeat, A, part(rest, ends=True), part(upbeat), B).full_bars() == (True,) * 5
    # a short bar in the middle of a part does not
    assert tune(A, upbeat, rest, B).full_bars() == (True, False, False, True)


@pytest.mark.parametrize("length", [Fraction(0), Fraction(-1, 4)])
def test_a_note_without_length_is_refused(length):
    with pytest.raises(ABCError, match=f"a length above 0, got {length}"):
        Note(60, length)


@pytest.mark.parametrize("pitch", [-1, 128])
def test_a_pitch_that_midi_does_not_have_is_refused(pitch):
    with pytest.raises(ABCError, match=f"a pitch of 0 to 127, got {pitch}"):
        Note(pitch, Fraction(1))


def test_a_rest_cannot_be_tied():
    with pytest.raises(ABCError, match="a tie behind a note, got one behind a rest"):
        Note(None, Fraction(1), tied=True)


def test_a_written_tune_is_heard_with_its_repeats():
    text = "M:2/4\nL:1/4\nK:C\nC|:DE|1 FF:|2 GG|]"
    assert heard(parse_abc(text)) == [60, 62, 64, 65, 65, 62, 64, 67, 67]
