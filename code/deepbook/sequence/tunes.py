"""A melody as a thing of Python: notes in bars, and what is heard when they are played."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise

__all__ = ["ABCError", "Bar", "Note", "Tune"]


class ABCError(ValueError):
    """A text is not the ABC notation of a tune."""


@dataclass(frozen=True)
class Note:
    """A note or a rest, which cannot be tied.

    Attributes
    ----------
    pitch : int or None
        MIDI number, 60 for middle C; None for a rest.
    length : Fraction
        In whole notes, above 0.
    tied : bool
        Whether it goes on in the next note, of the same pitch.
    """

    pitch: int | None
    length: Fraction
    tied: bool = False

    def __post_init__(self) -> None:
        if self.length <= 0:
            raise ABCError(f"expected a length above 0, got {self.length}")
        if self.pitch is not None and not 0 <= self.pitch <= 127:
            raise ABCError(f"expected a pitch of 0 to 127, got {self.pitch}")
        if self.tied and self.pitch is None:
            raise ABCError("expected a tie behind a note, got one behind a rest")


@dataclass(frozen=True)
class Bar:
    """What stands between two bar lines.

    Attributes
    ----------
    notes : tuple of Note
    begins, ends : bool
        Whether a repeat begins before it or ends behind it.
    ending : int
        1 or 2 where a first or second ending begins; else 0.
    """

    notes: tuple[Note, ...]
    begins: bool = False
    ends: bool = False
    ending: int = 0

    @property
    def length(self) -> Fraction:
        """Sum of its notes' lengths, in whole notes."""
        return sum((note.length for note in self.notes), Fraction(0))


@dataclass(frozen=True)
class Tune:
    """A melody in bars.

    Attributes
    ----------
    key : str
        As ABC has it, such as "D" or "Ador".
    meter : tuple of two int
        Beats of a bar, and the note that is one beat: (6, 8).
    unit : Fraction
        The note without a number behind it, in whole notes.
    bars : tuple of Bar
    title : str
    """

    key: str
    meter: tuple[int, int]
    unit: Fraction
    bars: tuple[Bar, ...]
    title: str = ""

    @property
    def notes(self) -> tuple[Note, ...]:
        """All notes as written, repeats once."""
        return tuple(note for bar in self.bars for note in bar.notes)

    @property
    def bar_length(self) -> Fraction:
        """How long a whole bar is, in whole notes."""
        return Fraction(*self.meter)

    def full_bars(self) -> tuple[bool, ...]:
        """For each bar whether its notes fill it, not more and not less.

        Two short bars at the edges of parts, one after the other, count as full if they fill a
        bar together: an upbeat and what ends the part before it or behind it. So does an upbeat
        with which the tune begins.
        """
        whole = self.bar_length
        full = [bar.length == whole for bar in self.bars]
        edges = [i for i in range(len(self.bars)) if not full[i] and self._at_edge(i)]
        for one, other in pairwise(edges):
            if self.bars[one].length + self.bars[other].length == whole:
                full[one] = full[other] = True
        # an upbeat alone at the beginning is complete too
        if self.bars and self.bars[0].length < whole:
            full[0] = True
        return tuple(full)

    def _at_edge(self, i: int) -> bool:
        """Whether a part begins or ends with this bar."""
        bar, bars = self.bars[i], self.bars
        return (
            i in (0, len(bars) - 1)
            or bar.begins
            or bar.ends
            or bool(bar.ending)
            or bars[i - 1].ends
            or bars[i + 1].begins
            or bool(bars[i + 1].ending)
        )

    def heard(self) -> tuple[Note, ...]:
        """The notes in the order in which they sound: repeats played twice, ties joined."""
        played: list[Note] = []
        notes = self.notes
        for note in (notes[i] for i in self.order()):
            before = played[-1] if played else None
            if before is not None and before.tied and before.pitch == note.pitch:
                played[-1] = Note(note.pitch, before.length + note.length, note.tied)
            else:
                played.append(note)
        return tuple(Note(note.pitch, note.length) for note in played)

    def order(self) -> tuple[int, ...]:
        """Which of ``notes`` are played one after the other, by their numbers: repeats twice."""
        firsts = [0, *accumulate(len(bar.notes) for bar in self.bars)]
        numbers: list[int] = []
        for first, behind in self._parts():
            part = range(first, behind)
            rounds = (1, 2) if any(self.bars[i].ends for i in part) else (1,)
            for turn in rounds:
                ending = 0
                for i in part:
                    ending = self.bars[i].ending or ending
                    if ending in (0, turn):
                        numbers += range(firsts[i], firsts[i + 1])
        return tuple(numbers)

    def _parts(self) -> Iterator[tuple[int, int]]:
        """Where each part that is played once, or repeated as one, begins and ends."""
        first = 0
        for i, bar in enumerate(self.bars):
            if bar.begins and i > first:
                yield first, i
                first = i
            follows = i + 1 < len(self.bars) and self.bars[i + 1].ending == 2
            if (bar.ends or bar.ending == 2) and not follows:
                yield first, i + 1
                first = i + 1
        if first < len(self.bars):
            yield first, len(self.bars)
