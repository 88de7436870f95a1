"""Tunes written in ABC notation, each thing in one way."""

from collections.abc import Sequence
from fractions import Fraction

from deepbook.sequence.musical_keys import key_accidentals, spell
from deepbook.sequence.tunes import Note, Tune

__all__ = ["write_abc"]


def write_abc(tune: Tune) -> str:
    r"""A tune in plain ABC: nothing but what ``parse_abc`` keeps, each thing in one way.

    Accidentals stand only where they are needed, dotted pairs are written with ``>`` and ``<``,
    three notes in the time of two with ``(3``; four bars make a line.

    Raises
    ------
    ABCError
        If a note is not of the kind that has a sign: see ``key_accidentals``.

    Examples
    --------
    >>> from deepbook.sequence import parse_abc, write_abc
    >>> print(write_abc(parse_abc('M:C|\nL:1/8\nK:G\nR:reel\n"4"d^f (3{g}ABc|')))
    M:2/2
    L:1/8
    K:G
    df(3ABc|
    """
    signature = key_accidentals(tune.key)
    header = f"M:{tune.meter[0]}/{tune.meter[1]}\nL:{tune.unit}\nK:{tune.key}\n"
    pieces, bars = [], tune.bars
    for i, bar in enumerate(bars):
        before = bars[i - 1] if i else None
        ends = before is not None and before.ends
        line = {(False, False): "|", (True, False): ":|", (False, True): "|:", (True, True): "::"}
        sign = line[ends, bar.begins]
        if i == 0 and not bar.begins:
            sign = ""
        pieces.append(sign + ("\n" if i and i % 4 == 0 and not bar.ending else ""))
        if bar.ending:
            pieces.append(f"[{bar.ending}" if not sign else str(bar.ending))
        pieces.append(_bar_text(bar.notes, signature, tune.unit))
    return header + "".join(pieces) + (":|" if bars and bars[-1].ends else "|")


def _bar_text(notes: Sequence[Note], signature: dict[str, int], unit: Fraction) -> str:
    raised: dict[tuple[str, int], int] = {}
    written, i = [], 0
    while i < len(notes):
        ratios = [note.length / unit for note in notes[i : i + 3]]
        if len(ratios) == 3 and len(set(ratios)) == 1 and ratios[0].denominator % 3 == 0:
            written.append("(3")
            group = [(note, note.length / unit * 3 / 2) for note in notes[i : i + 3]]
        elif len(ratios) > 1 and 3 in (pair := ratios[0] / ratios[1], 1 / pair) and _plain(ratios):
            half = (ratios[0] + ratios[1]) / 2
            group = [(note, half) for note in notes[i : i + 2]]
        else:
            group = [(notes[i], ratios[0])]
        signs = [""] * len(group)
        if len(group) == 2:
            signs[0] = ">" if ratios[0] > ratios[1] else "<"
        for (note, ratio), sign in zip(group, signs, strict=True):
            written.append(_spelled(note, raised, signature) + _length_text(ratio))
            written.append(("-" if note.tied else "") + sign)
        i += len(group)
    return "".join(written)


def _plain(ratios: Sequence[Fraction]) -> bool:
    """Whether a dotted pair is one of halved lengths, not of thirds."""
    half = (ratios[0] + ratios[1]) / 2
    return half.denominator & (half.denominator - 1) == 0


def _length_text(ratio: Fraction) -> str:
    above = "" if ratio.numerator == 1 else str(ratio.numerator)
    return above + ("" if ratio.denominator == 1 else f"/{ratio.denominator}")


def _spelled(note: Note, raised: dict[tuple[str, int], int], signature: dict[str, int]) -> str:
    """A note's letter, with an accidental where the key and the bar do not say it already."""
    if note.pitch is None:
        return "z"
    letter, octave, shift = spell(note.pitch, raised, signature)
    sign = "" if shift is None else {1: "^", -1: "_", 0: "="}[shift]
    return sign + _letter(letter, octave)


def _letter(letter: str, octave: int) -> str:
    if octave > 0:
        return letter.lower() + "'" * (octave - 1)
    return letter + "," * -octave
