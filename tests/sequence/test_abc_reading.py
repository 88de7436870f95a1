from fractions import Fraction

import pytest

from deepbook.sequence import ABCError, parse_abc


def read(body, key="C", meter="4/4", unit="1/8"):
    return parse_abc(f"M:{meter}\nL:{unit}\nK:{key}\n{body}")


def pitches(body, **fields):
    return [note.pitch for note in read(body, **fields).notes]


def eighths(body, **fields):
    return [note.length * 8 for note in read(body, **fields).notes]


def test_letters_and_octaves_are_pitches():
    assert pitches("C,, C, C c c' c''") == [36, 48, 60, 72, 84, 96]
    assert pitches("CDEFGABz") == [60, 62, 64, 65, 67, 69, 71, None]


def test_numbers_and_slashes_are_lengths():
    body = "C C2 C3/2 C/2 C/ C// C/4 z4"
    assert eighths(body) == [1, 2, Fraction(3, 2), *[Fraction(1, 2)] * 2, *[Fraction(1, 4)] * 2, 4]


def test_an_accidental_holds_to_the_end_of_its_bar_in_its_octave():
    assert pitches("^F F f | F", key="C") == [66, 66, 77, 65]
    assert pitches("=f f F | f", key="D") == [77, 77, 66, 78]
    assert pitches("_B ^^C __D", key="C") == [70, 62, 60]


def test_the_key_raises_and_lowers():
    assert pitches("FCB", key="D") == [66, 61, 71]
    assert pitches("FCB", key="Dm % one flat") == [65, 60, 70]
    # and may change, in a line of its own or between notes
    assert pitches("F\nK:G\nF", key="C") == [65, 66]
    assert pitches("F [K:G] F", key="C") == [65, 66]


def test_broken_rhythm_takes_from_one_note_what_it_gives_the_other():
    assert eighths("C>D C<D") == [Fraction(3, 2), Fraction(1, 2), Fraction(1, 2), Fraction(3, 2)]
    assert eighths("C>>D") == [Fraction(7, 4), Fraction(1, 4)]
    assert eighths('C>"4"D2') == [Fraction(3, 2), 1]


def test_tuplets_are_so_many_in_the_time_of_so_many():
    third = Fraction(2, 3)
    assert eighths("(3CDE F") == [third, third, third, 1]
    assert eighths("(3C2DE2") == [2 * third, third, 2 * third]
    assert eighths("(2CD", meter="6/8") == [Fraction(3, 2)] * 2
    assert eighths("(5CDEFG", meter="6/8") == [Fraction(3, 5)] * 5
    assert eighths("(5CDEFG") == [Fraction(2, 5)] * 5
    assert eighths("(3:2:2CD E") == [third, third, 1]
    assert eighths("(3:4CDE") == [Fraction(4, 3)] * 3
    assert eighths("((3CDE) F") == [third, third, third, 1]


def test_what_a_melody_does_not_need_is_read_past():
    plain = pitches("CDEF GA|")
    for body in (
        '"4"C"^Segno"D !sf!E{cd}F (GA)|',
        "uC vD .E ~F TG HA|",
        "C D E F \\\n G A|",
        "CDEF GA| % a comment",
        "% a line of comment\nCDEF GA|",
        "[Ce][DF]EF G[A2c2]|",
        "+trill+CDEFyGA`|$",
    ):
        assert pitches(body) == plain, body


def test_a_chords_length_is_its_first_notes_or_its_own():
    assert eighths("[C2E2] [CE]3") == [2, 3]


def marks(body):
    return [(bar.begins, bar.ends, bar.ending) for bar in read(body).bars]


def test_bar_lines_say_where_repeats_begin_and_end():
    plain, begins, ends = (False, False, 0), (True, False, 0), (False, True, 0)
    assert marks("C|D|]") == [plain, plain]
    assert marks("|:C|D:|") == [begins, ends]
    assert marks("C:|:D:|") == marks("C::D:|") == [ends, (True, True, 0)]
    assert marks("C:||:D||") == [ends, begins]
    assert marks("C|D| :|") == [plain, ends]
    assert marks("C|1 D:|2 E|]") == [plain, (False, True, 1), (False, False, 2)]
    assert marks("C|[1 D:|[2 E|]") == marks("C [1 D:|[2 E|]") == marks("C|1 D:|2 E|]")
    assert marks("C [|] D [|]:|") == [plain, ends]
    assert marks("C| [CE]|") == [plain, plain]


def test_ties_are_kept():
    tune = read("C2-|C2")
    assert [note.tied for note in tune.notes] == [True, False]
    assert len(tune.heard()) == 1


def test_the_headers_are_read():
    tune = parse_abc("X:1\nT:First\nT:Second\nM:C|\nL:1/16\nK:Amix\nA|")
    assert (tune.title, tune.meter, tune.unit, tune.key) == (
        "First",
        (2, 2),
        Fraction(1, 16),
        "Amix",
    )
    # without L: the meter says it
    assert parse_abc("M:2/4\nK:C\nC").unit == Fraction(1, 16)
    assert parse_abc("M:3/4\nK:C\nC").unit == parse_abc("K:C\nC").unit == Fraction(1, 8)
    assert parse_abc("M:C\nK:C\nC").meter == (4, 4)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "expected a key"),
        ("CDEF", "line 1: expected a header such as K:D, got 'CDEF'"),
        ("K:C\n", "at least one note, got none"),
        ("K:C\nCD#E", "line 2, column 3: expected a note or a bar line, got '#E'"),
        ("M:waltz\nK:C\nC(3CDE", "a meter such as 6/8 or C, got 'waltz'"),
        ("L:2\nK:C\nC", "L: with a length such as 1/8, got '2'"),
        ("K:C\nC0", "a length above 0, got '0'"),
        ("K:C\n[z2]C", r"notes in a chord, got \[z2\]"),
        ("K:C\n(1C", r"a tuplet of 2 to 9 notes, got \(1"),
        ("K:X\nC", "a key such as D, Bb, Am or Edor, got 'X'"),
        ("K:C\nc''''''''", "a pitch of 0 to 127"),
    ],
)
def test_what_is_no_tune_is_refused_with_its_place(text, what):
    with pytest.raises(ABCError, match=what):
        parse_abc(text)
