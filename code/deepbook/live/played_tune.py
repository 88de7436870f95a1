"""A tune as a page's script takes it."""

from dataclasses import dataclass

__all__ = ["PlayedTune"]


@dataclass(frozen=True)
class PlayedTune:
    """A melody: what is written, and the order in which it is played.

    Attributes
    ----------
    name : str
    pitches : tuple of int or None
        MIDI number of each written note, None for a rest.
    lengths : tuple of float
        In whole notes.
    steps : tuple of int or None
        Steps above middle C on the staff.
    signs : tuple of str
        Accidental in front of each, or nothing.
    bars : tuple of int
        Number of the bar in which each stands.
    ties : tuple of bool
        Whether each goes on in the next.
    repeats : tuple of (bool, bool, int)
        For each bar whether a repeat begins before it, ends behind it, and which ending begins.
    order : tuple of int
        Numbers of the notes as they are played.
    signature : tuple of (int, str)
        Step and sign of each sharp or flat of the key.
    meter : tuple of two int
    """

    name: str
    pitches: tuple[int | None, ...]
    lengths: tuple[float, ...]
    steps: tuple[int | None, ...]
    signs: tuple[str, ...]
    bars: tuple[int, ...]
    ties: tuple[bool, ...]
    repeats: tuple[tuple[bool, bool, int], ...]
    order: tuple[int, ...]
    signature: tuple[tuple[int, str], ...]
    meter: tuple[int, int]

    def __post_init__(self) -> None:
        parts = (self.pitches, self.lengths, self.steps, self.signs, self.bars, self.ties)
        counts = [len(part) for part in parts]
        if len(set(counts)) != 1 or counts[0] == 0:
            raise ValueError(f"expected as much of everything for each note, got {counts}")
        if not self.name.strip():
            raise ValueError("expected a tune with a name, got none")
        if not set(self.order) <= set(range(counts[0])):
            raise ValueError(f"expected an order of the notes 0 to {counts[0] - 1}")
        if min(self.lengths) <= 0:
            raise ValueError(f"expected lengths above 0, got {min(self.lengths)}")
