"""Tunes read from ABC notation.

The part of the ABC standard 2.1 (Walshaw 2011) that melodies need: notes, rests, accidentals,
lengths, broken rhythm, tuplets, ties, keys and modes, repeats with endings. Grace notes, chord
names, slurs, bowings and fingerings are read past; of a chord its first note is kept.
"""

import re
from fractions import Fraction

from deepbook.sequence.musical_keys import SEMITONES, key_accidentals
from deepbook.sequence.tunes import ABCError, Bar, Note, Tune

__all__ = ["parse_abc"]

_METERS = {"C": "4/4", "C|": "2/2"}
# C:| is a note and the end of a repeat
_FIELD = r"^([A-Za-z]):(?![|:])(.*)$"
_ACCIDENTALS = {"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}

_TOKEN = re.compile(
    r"""
    (?P<note>(?P<accidental>\^\^|\^|__|_|=)?(?P<letter>[A-Ga-g])(?P<octave>[,']*)
        (?P<length>\d*/*\d*))
    | (?P<rest>[zx])(?P<rest_length>\d*/*\d*)
    | (?P<broken>>+|<+)
    | (?P<tie>-)
    | \((?P<tuplet>\d)(?::(?P<in_time>\d?))?(?::(?P<notes>\d*))?
    | (?P<bar>\[\|\]?|[:|]*\|[\]:|]*|::+|\[(?=[12]))(?:\s*\[?(?P<ending>[12]))?
    | \[(?P<chord>[^\]:]*)\](?P<chord_length>\d*/*\d*)
    | \[(?P<field>[A-Za-z]):(?P<value>[^\]]*)\]
    | (?P<passed>"[^"]*" | ![^!]*! | \{[^}]*\} | \+[^+\s]*\+ | [()\s.~$\\&y\]`] | [H-Wh-w])
    """,
    re.VERBOSE,
)


def parse_abc(text: str) -> Tune:
    r"""Read one tune.

    Parameters
    ----------
    text : str
        Headers (``K:`` is needed, ``M:``, ``L:`` and ``T:`` are read), and lines of notes.

    Raises
    ------
    ABCError
        If there is no key, no note, or a sign that melodies do not have; it says where.

    Examples
    --------
    >>> from deepbook.sequence import parse_abc
    >>> tune = parse_abc("M:2/4\nL:1/8\nK:D\nd>c A2|")
    >>> [(note.pitch, str(note.length)) for note in tune.notes]
    [(74, '3/16'), (73, '1/16'), (69, '1/4')]
    """
    reader = _Reader()
    for number, line in enumerate(text.split("\n"), 1):
        if "K" in reader.fields and re.match(_FIELD, line) is None:
            reader.read_notes(re.sub(r"(?<!\\)%.*", "", line), number)
        elif (field := re.match(_FIELD, line)) is not None:
            reader.set(field[1], re.sub(r"%.*", "", field[2]).strip())
        elif line.strip() and not line.startswith("%"):
            raise ABCError(f"line {number}: expected a header such as K:D, got {line!r}")
    return reader.tune()


class _Reader:
    """Where one is in a text, and what was read."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self.bars: list[Bar] = []
        self.notes: list[Note] = []
        self.begins, self.ending = False, 0
        self.raised: dict[tuple[str, int], int] = {}
        self.factor, self.left = Fraction(1), 0
        self.next_factor = Fraction(1)
        self.unit = Fraction(1, 8)
        self.signature: dict[str, int] = {}

    def set(self, letter: str, value: str) -> None:
        if letter == "K":
            self.signature = key_accidentals(value)
        if letter == "L":
            self.unit = _fraction(value, "L")
        if letter not in self.fields:  # of title and key the first is the tune's
            self.fields[letter] = value
            if letter == "M" and "L" not in self.fields:
                # ABC 2.1, section 3.1.7: without L: the meter says the unit
                self.unit = Fraction(1, 16 if Fraction(*_meter(value)) < Fraction(3, 4) else 8)

    def read_notes(self, line: str, number: int) -> None:
        place = 0
        while place < len(line):
            found = _TOKEN.match(line, place)
            if found is None or found.end() == place:
                raise ABCError(
                    f"line {number}, column {place + 1}: expected a note or a bar line, "
                    f"got {line[place : place + 10]!r}"
                )
            self._take(found)
            place = found.end()

    def _take(self, found: re.Match[str]) -> None:
        if found["note"]:
            self._add(self._pitch(found), found["length"])
        elif found["rest"]:
            self._add(None, found["rest_length"])
        elif found["chord"] is not None:
            self._chord(found["chord"], found["chord_length"])
        elif found["broken"] and self.notes:
            share = Fraction(1, 2 ** len(found["broken"]))
            before, after = (2 - share, share) if found["broken"][0] == ">" else (share, 2 - share)
            last = self.notes[-1]
            self.notes[-1] = Note(last.pitch, last.length * before, last.tied)
            self.next_factor = after
        elif found["tie"] and self.notes:
            last = self.notes[-1]
            self.notes[-1] = Note(last.pitch, last.length, last.pitch is not None)
        elif found["tuplet"]:
            self._tuplet(int(found["tuplet"]), found["in_time"], found["notes"])
        elif found["bar"]:
            self._bar(found["bar"], int(found["ending"] or 0))
        elif found["field"]:
            self.set(found["field"], found["value"].strip())

    def _pitch(self, found: re.Match[str]) -> int:
        letter = found["letter"].upper()
        octave = found["letter"].islower() + found["octave"].count("'") - found["octave"].count(",")
        if found["accidental"]:
            self.raised[letter, octave] = _ACCIDENTALS[found["accidental"]]
        # an accidental holds to the end of the bar, in its octave
        shift = self.raised.get((letter, octave), self.signature.get(letter, 0))
        return 60 + SEMITONES[letter] + 12 * octave + shift

    def _add(self, pitch: int | None, length: str) -> None:
        factor, self.next_factor = self.next_factor, Fraction(1)
        if self.left:
            factor, self.left = factor * self.factor, self.left - 1
        self.notes.append(Note(pitch, self.unit * _multiple(length) * factor))

    def _chord(self, inside: str, length: str) -> None:
        first = _TOKEN.match(inside)
        if first is None or not first["note"]:
            raise ABCError(f"expected notes in a chord, got [{inside}]")
        self._add(self._pitch(first), length or first["length"])

    def _tuplet(self, notes: int, in_time: str | None, of: str | None) -> None:
        # ABC 2.1, section 4.13: (p:q:r are p notes in the time of q for the next r notes
        compound = Fraction(*_meter(self.fields.get("M", "4/4"))).numerator % 3 == 0
        usual = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}.get(notes, 3 if compound else 2)
        if notes < 2:
            raise ABCError(f"expected a tuplet of 2 to 9 notes, got ({notes}")
        self.factor = Fraction(int(in_time or usual), notes)
        self.left = int(of or notes)

    def _bar(self, line: str, ending: int) -> None:
        left, right = line.startswith(":"), line.endswith(":") and len(line) > 1
        if self.notes:
            self.bars.append(Bar(tuple(self.notes), self.begins, left, self.ending))
            self.notes, self.begins, self.ending = [], False, 0
        elif left and self.bars:  # a line of its own, such as | :|
            last = self.bars[-1]
            self.bars[-1] = Bar(last.notes, last.begins, True, last.ending)
        self.begins = self.begins or right
        self.ending = ending or self.ending
        self.raised = {}

    def tune(self) -> Tune:
        if "K" not in self.fields:
            raise ABCError("expected a key, a line such as K:D, and got none")
        if self.notes:
            self.bars.append(Bar(tuple(self.notes), self.begins, False, self.ending))
        if not self.bars:
            raise ABCError("expected at least one note, got none")
        fields = self.fields
        return Tune(
            key=fields["K"],
            meter=_meter(fields.get("M", "4/4")),
            unit=self.unit if "L" not in fields else _fraction(fields["L"], "L"),
            bars=tuple(self.bars),
            title=fields.get("T", ""),
        )


def _meter(value: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d?)/([1-9]\d?)", _METERS.get(value, value))
    if found is None:
        raise ABCError(f"expected a meter such as 6/8 or C, got {value!r}")
    return int(found[1]), int(found[2])


def _fraction(value: str, field: str) -> Fraction:
    found = re.fullmatch(r"1/([1-9]\d*)", value)
    if found is None:
        raise ABCError(f"expected {field}: with a length such as 1/8, got {value!r}")
    return Fraction(1, int(found[1]))


def _multiple(length: str) -> Fraction:
    """What stands behind a note: 2 is twice the unit, / half, 3/2 one and a half."""
    if not length:
        return Fraction(1)
    number, slashes, divisor = re.fullmatch(r"(\d*)(/*)(\d*)", length).groups()  # type: ignore[union-attr]
    below = int(divisor) if divisor else 2 ** len(slashes)
    above = int(number) if number else 1
    if above == 0 or below == 0:
        raise ABCError(f"expected a length above 0, got {length!r}")
    return Fraction(above, below)
