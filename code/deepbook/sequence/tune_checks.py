"""What a text that was written like a tune is worth: can it be read, do its bars add up?"""

from collections.abc import Sequence
from dataclasses import dataclass

from deepbook.sequence.abc_reading import parse_abc
from deepbook.sequence.tunes import ABCError

__all__ = ["TuneCheck", "check_tunes", "longest_copy"]


@dataclass(frozen=True)
class TuneCheck:
    """How many texts are well formed.

    Attributes
    ----------
    texts : int
        How many were looked at.
    tunes : int
        How many can be read.
    whole_tunes : int
        How many can be read and have full bars only.
    bars, full_bars : int
        In the texts that can be read.
    """

    texts: int
    tunes: int
    whole_tunes: int
    bars: int
    full_bars: int


def check_tunes(texts: Sequence[str]) -> TuneCheck:
    r"""Count texts that are tunes in ABC notation, and bars that are full.

    Parameters
    ----------
    texts : sequence of str
        A tune each, with its headers.

    Examples
    --------
    >>> from deepbook.sequence import check_tunes
    >>> head = "M:2/4\nL:1/8\nK:D\n"
    >>> check_tunes([head + "d2A2|F2D2|", head + "d2A2|F2D|d4|", head + "#"])
    TuneCheck(texts=3, tunes=2, whole_tunes=1, bars=5, full_bars=4)
    """
    full: list[tuple[bool, ...]] = []
    for text in texts:
        try:
            full.append(parse_abc(text).full_bars())
        except ABCError:
            continue
    return TuneCheck(
        texts=len(texts),
        tunes=len(full),
        whole_tunes=sum(all(bars) for bars in full),
        bars=sum(len(bars) for bars in full),
        full_bars=sum(sum(bars) for bars in full),
    )


def longest_copy(text: str, source: str) -> int:
    """Length of the longest piece of ``text`` that stands in ``source`` word for word.

    Examples
    --------
    >>> from deepbook.sequence import longest_copy
    >>> longest_copy("abcxyz", "wxyz abc")
    3
    """
    longest = 0
    for begin in range(len(text)):
        # a longer piece than any before it, or nothing
        while begin + longest < len(text) and text[begin : begin + longest + 1] in source:
            longest += 1
    return longest
