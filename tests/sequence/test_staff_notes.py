import pytest

from deepbook.live import PlayedTune
from deepbook.sequence import ABCError, Note, Tune, parse_abc, played_tune

TUNE = "T:A tune\nM:2/4\nL:1/8\nK:D\n|:d>f ^G2-|G2z2:|=c4 _B4|]"


def test_notes_stand_on_their_step_with_the_accidentals_that_are_needed():
    played = played_tune(parse_abc(TUNE))
    # middle C is 0, the D above the next C is 8
    assert played.steps == (8, 10, 4, 4, None, 7, 5)
    # G sharp is tied over the bar line, behind which G is natural
    assert played.signs == ("", "", "♯", "", "", "♮", "♯")
    assert played.pitches == (74, 78, 68, 67, None, 72, 70)


def test_it_tells_what_is_written_and_what_is_played():
    tune = parse_abc(TUNE)
    played = played_tune(tune)
    assert played.name == "A tune"
    assert played.bars == (0, 0, 0, 1, 1, 2, 2)
    assert played.lengths == (3 / 16, 1 / 16, 1 / 4, 1 / 4, 1 / 4, 1 / 2, 1 / 2)
    assert played.ties == (False, False, True, False, False, False, False)
    assert played.repeats == ((True, False, 0), (False, True, 0), (False, False, 0))
    assert played.order == (0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 6)
    assert played.meter == (2, 4)
    assert played_tune(tune, "another").name == "another"


def test_the_signature_stands_where_printers_put_it():
    signature = lambda key: played_tune(parse_abc(f"T:t\nK:{key}\nC")).signature
    assert signature("C") == ()
    assert signature("D") == ((10, "♯"), (7, "♯"))
    assert signature("Bb") == ((6, "♭"), (9, "♭"))


def test_a_key_that_is_none_is_refused():
    tune = parse_abc("K:C\nC")
    with pytest.raises(ABCError, match="expected a key"):
        played_tune(Tune("X", (2, 4), tune.unit, tune.bars), "name")


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"steps": ()}, "as much of everything"),
        ({"name": " "}, "a tune with a name"),
        ({"order": (0, 7)}, "an order of the notes 0 to 0"),
        ({"lengths": (0.0,)}, "lengths above 0, got 0.0"),
    ],
)
def test_what_does_not_belong_together_is_refused(changed, what):
    fields = vars(played_tune(parse_abc("K:C\nC"), "name")) | changed
    with pytest.raises(ValueError, match=what):
        PlayedTune(**fields)


def test_the_order_is_that_of_what_is_heard():
    tune = parse_abc("M:2/4\nL:1/8\nK:C\nA|:B|1 c:|2 d2-|d2|]")
    pitches = [tune.notes[i].pitch for i in tune.order()]
    assert pitches == [69, 71, 72, 71, 74, 74]
    assert [note.pitch for note in tune.heard()] == [69, 71, 72, 71, 74]
    assert tune.heard()[-1] == Note(74, tune.bar_length)
