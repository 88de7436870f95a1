"""Keys and modes of ABC notation: which letters they raise or lower, and how a pitch is spelt."""

import re

from deepbook.sequence.tunes import ABCError

__all__ = ["SEMITONES", "key_accidentals", "spell"]

# of each letter above C
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SHARPS, _FLATS = "FCGDAEB", "BEADGCF"
# sharps of the major key with this letter, and how many more or fewer the modes have
_MAJOR = {"C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5, "F": -1}
_MODES = {"maj": 0, "ion": 0, "m": -3, "min": -3, "aeo": -3, "dor": -2, "mix": -1, "lyd": 1}
_MODES |= {"phr": -4, "loc": -5}


def key_accidentals(key: str) -> dict[str, int]:
    """Which letters a key raises or lowers by a semitone: {"F": 1, "C": 1} for D.

    Parameters
    ----------
    key : str
        A letter with ``#`` or ``b``, and a mode: "Bb", "Am", "E minor", "Dmix", "Gdorian".

    Raises
    ------
    ABCError
        If it is none.

    Examples
    --------
    >>> from deepbook.sequence import key_accidentals
    >>> key_accidentals("Am"), key_accidentals("Amix")
    ({}, {'F': 1, 'C': 1})
    """
    found = re.match(r"^\s*([A-G])([#b]?)\s*([A-Za-z]*)", key)
    mode = found[3] if found else ""
    # "M" is major and "m" minor; else letters count without their case, the first three
    short = "maj" if mode in ("", "M") else mode[:3].lower()
    if found is None or short not in _MODES:
        raise ABCError(f"expected a key such as D, Bb, Am or Edor, got {key!r}")
    number = _MAJOR[found[1]] + {"#": 7, "b": -7, "": 0}[found[2]] + _MODES[short]
    if abs(number) > 7:
        raise ABCError(f"expected a key of at most seven sharps or flats, got {key!r}")
    letters, sign = (_SHARPS, 1) if number > 0 else (_FLATS, -1)
    return dict.fromkeys(letters[: abs(number)], sign)


def spell(
    pitch: int, raised: dict[tuple[str, int], int], signature: dict[str, int]
) -> tuple[str, int, int | None]:
    """Letter, octave and accidental of a pitch, as few accidentals as there can be.

    Parameters
    ----------
    pitch : int
        MIDI number.
    raised : dict from (letter, octave) to int
        What accidentals of this bar say already; a new one is written down here.
    signature : dict from str to int
        Of the key: see ``key_accidentals``. In keys with flats, flats are preferred.

    Returns
    -------
    letter : str
    octave : int
        0 from middle C to the B above it.
    accidental : {1, -1, 0, None}
        Sharp, flat, natural, or none.
    """
    ways = []
    for letter, step in SEMITONES.items():
        for shift in (0, 1, -1):
            octave, rest = divmod(pitch - 60 - step - shift, 12)
            if rest == 0:
                ways.append((letter, octave, shift))
    for letter, octave, shift in ways:
        if raised.get((letter, octave), signature.get(letter, 0)) == shift:
            return letter, octave, None
    flat = any(shift < 0 for shift in signature.values())
    letter, octave, shift = min(ways, key=lambda way: (abs(way[2]), (way[2] < 0) != flat))
    raised[letter, octave] = shift
    return letter, octave, shift
