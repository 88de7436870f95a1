"""Where the notes of a tune stand on a staff, for those who draw and play it."""

from collections.abc import Sequence

from deepbook.live import PlayedTune
from deepbook.sequence.musical_keys import key_accidentals, spell
from deepbook.sequence.tunes import Tune

__all__ = ["played_tune"]

_LETTERS = "CDEFGAB"
_SIGNS = {None: "", 1: "♯", -1: "♭", 0: "♮"}


def played_tune(tune: Tune, name: str = "") -> PlayedTune:
    """A tune as :class:`deepbook.live.TunePlayer` takes it.

    Parameters
    ----------
    tune : Tune
    name : str
        Its title if not given.

    Raises
    ------
    ABCError
        If the key is none.
    """
    signature = key_accidentals(tune.key)
    steps: list[int | None] = []
    signs: list[str] = []
    bars: list[int] = []
    for number, bar in enumerate(tune.bars):
        raised: dict[tuple[str, int], int] = {}
        for note in bar.notes:
            bars.append(number)
            if note.pitch is None:
                steps.append(None)
                signs.append("")
                continue
            letter, octave, accidental = spell(note.pitch, raised, signature)
            steps.append(7 * octave + _LETTERS.index(letter))
            signs.append(_SIGNS[accidental])
    return PlayedTune(
        name=name or tune.title,
        pitches=tuple(note.pitch for note in tune.notes),
        lengths=tuple(float(note.length) for note in tune.notes),
        steps=tuple(steps),
        signs=tuple(signs),
        bars=tuple(bars),
        ties=tuple(note.tied for note in tune.notes),
        repeats=tuple((bar.begins, bar.ends, bar.ending) for bar in tune.bars),
        order=tune.order(),
        signature=_signature_steps(signature),
        meter=tune.meter,
    )


def _signature_steps(signature: dict[str, int]) -> tuple[tuple[int, str], ...]:
    """Step and sign of each sharp or flat of a key, where printers put them."""
    sharps: Sequence[int] = (10, 7, 11, 8, 5, 9, 6)  # F5, C5, G5, D5, A4, E5, B4
    flats: Sequence[int] = (6, 9, 5, 8, 4, 7, 3)  # B4, E5, A4, D5, G4, C5, F4
    shifts = list(signature.values())
    chosen = sharps if shifts and shifts[0] > 0 else flats
    sign = "♯" if shifts and shifts[0] > 0 else "♭"
    return tuple((step, sign) for step in chosen[: len(shifts)])
