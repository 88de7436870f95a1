"""A text to be learned letter by letter: Python's language reference, with topics held out."""

import platform
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from deepbook.data.errors import PackageMissing
from deepbook.data.splitting import split
from deepbook.data.summaries import Summarised

__all__ = ["Alphabet", "CharacterText", "language_reference", "split_topics"]

RARE = "\N{REPLACEMENT CHARACTER}"
LICENCE = (
    "Python's documentation is copyright of the Python Software Foundation, under the PSF License "
    "Version 2, https://docs.python.org/3/license.html; it comes with every CPython as the module "
    "pydoc_data.topics."
)
CITATION = (
    "G. van Rossum and the Python development team. The Python Language Reference. Python "
    "Software Foundation, https://docs.python.org/3/reference/"
)


@dataclass(frozen=True)
class Alphabet:
    """Characters and their numbers; all that are not among them share the last number.

    Attributes
    ----------
    characters : str
        Each once; the last one stands for all others.

    Raises
    ------
    ValueError
        If a character stands there twice, or there is none.
    """

    characters: str

    def __post_init__(self) -> None:
        if not self.characters or len(set(self.characters)) != len(self.characters):
            raise ValueError(f"expected different characters, got {self.characters!r}")

    @classmethod
    def of(cls, text: str, at_least: int = 20) -> "Alphabet":
        """The characters that stand in a text so many times, sorted, and one for the rare ones."""
        counts = Counter(text.replace(RARE, ""))
        return cls("".join(sorted(c for c, n in counts.items() if n >= at_least)) + RARE)

    def __len__(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> Tensor:
        """Numbers of the characters: int64, shape (length,)."""
        numbers = {character: i for i, character in enumerate(self.characters)}
        return torch.tensor([numbers.get(c, len(self) - 1) for c in text], dtype=torch.int64)

    def decode(self, numbers: Tensor) -> str:
        """The characters with these numbers, shape (length,)."""
        return "".join(self.characters[i] for i in numbers.tolist())


@dataclass(frozen=True, eq=False, repr=False)
class CharacterText(Summarised):
    """A text in three parts of different topics, as numbers of characters.

    Attributes
    ----------
    train, validation, test : Tensor of int64, shape (length,)
    alphabet : Alphabet
        Of the training text.
    topics : tuple of three tuples of str
        Of the parts.
    leak : float
        Share of the characters of the parts held out that were taken away from them because
        their lines stood in an earlier part too.
    source, licence, citation : str
        What was read, and of which version.
    """

    train: Tensor
    validation: Tensor
    test: Tensor
    alphabet: Alphabet
    topics: tuple[tuple[str, ...], ...]
    leak: float
    source: str
    licence: str
    citation: str


def split_topics(
    topics: Mapping[str, str],
    *,
    validation: float = 0.05,
    test: float = 0.1,
    seed: int = 0,
    keep_repeats: bool = False,
) -> tuple[list[dict[str, str]], float]:
    """Hold topics out, and take away from them the lines that stand in what came before.

    A topic most of whose text stands in a longer one is left out: ``help("if")`` is a piece of
    ``help("compound")``. The others are sorted by name and split by ``deepbook.data.split``, each
    as wide as it has lines.
    Then the validation part loses the lines that stand in the training part, and the test part
    those that stand in one of both: documentation repeats itself, and a line learned by heart is
    no line predicted. Lines are compared without the spaces around them; empty ones stay.

    Parameters
    ----------
    topics : mapping of str to str
        Texts by their names.
    validation, test : float
        Shares of the lines.
    seed : int
    keep_repeats : bool
        Leave such lines and excerpts where they are. The leak is measured all the same.

    Returns
    -------
    parts : list of three dict of str to str
        To train, to validate and to test.
    leak : float
        Share of the held-out characters, spaces around lines not counted, in such lines.

    Raises
    ------
    ValueError
        If there are no three topics, or the shares leave a part without one.
    """
    if not keep_repeats:
        topics = _without_excerpts(topics)
    if len(topics) < 3:
        raise ValueError(f"expected at least 3 topics, got {len(topics)}")
    names = sorted(topics)
    lines = [topics[name].splitlines() for name in names]
    sizes = torch.tensor([max(1, len(of_one)) for of_one in lines])
    owner = torch.arange(len(names)).repeat_interleave(sizes)
    cut = split(len(owner), validation=validation, test=test, groups=owner, seed=seed)
    known: set[str] = set()
    parts: list[dict[str, str]] = []
    held_out = repeated = 0
    for rows in (cut.train, cut.validation, cut.test):
        members = owner[rows].unique().tolist()
        if not members:
            raise ValueError(f"expected a topic in each part, got shares {validation} and {test}")
        part: dict[str, str] = {}
        for member in members:
            new = [line for line in lines[member] if line.strip() not in known]
            if parts:
                held_out += sum(len(line.strip()) for line in lines[member])
                repeated += sum(len(line.strip()) for line in lines[member])
                repeated -= sum(len(line.strip()) for line in new)
            part[names[member]] = "\n".join(lines[member] if keep_repeats else new) + "\n"
        parts.append(part)
        known |= {line.strip() for member in members for line in lines[member]} - {""}
    return parts, repeated / max(held_out, 1)


def language_reference(*, seed: int = 1, keep_repeats: bool = False) -> CharacterText:
    """Python's language reference, as ``help()`` shows it: about 360,000 characters.

    The text lies in each CPython, so nothing is fetched, and it is that of the Python that runs:
    it differs a little between 3.11, 3.12 and so on, and numbers measured on it do so too.
    ``source`` tells which it was. The split is that of ``split_topics``. Characters that stand
    in the training text fewer than 20 times are one.

    Parameters
    ----------
    seed : int
        Of the split. With 1, eleven topics are for testing; with some others it is one.
    keep_repeats : bool
        Leave the repeated lines and the excerpts, to see what they hide.

    Raises
    ------
    DataError
        If this Python came without its documentation.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise PackageMissing(
            "this Python lacks the module pydoc_data.topics, which CPython has; "
            "some systems put it into a package of its own (python3-doc, libpython3-stdlib)"
        ) from error
    parts, leak = split_topics(topics, seed=seed, keep_repeats=keep_repeats)
    texts = ["\n".join(part.values()) for part in parts]
    alphabet = Alphabet.of(texts[0])
    train, validation, test = (alphabet.encode(text) for text in texts)
    return CharacterText(
        train=train,
        validation=validation,
        test=test,
        alphabet=alphabet,
        topics=tuple(tuple(part) for part in parts),
        leak=leak,
        source=f"pydoc_data.topics of Python {platform.python_version()}",
        licence=LICENCE,
        citation=CITATION,
    )


def _without_excerpts(topics: Mapping[str, str]) -> dict[str, str]:
    """The topics, longest first, that do not stand by more than half in one that is longer."""
    kept: dict[str, str] = {}
    lines: list[set[str]] = []
    for name in sorted(topics, key=lambda name: (-len(topics[name]), name)):
        own = [line.strip() for line in topics[name].splitlines()]
        whole = sum(map(len, own))
        if all(2 * sum(len(x) for x in own if x in longer) <= whole for longer in lines):
            kept[name] = topics[name]
            lines.append(set(own))
    return kept
