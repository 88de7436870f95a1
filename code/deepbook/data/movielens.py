"""MovieLens-100k: who gave which film how many stars (Harper and Konstan 2015)."""

import re
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from deepbook.data.fetching import fetch
from deepbook.data.registry import entry
from deepbook.data.summaries import Summarised


@dataclass(frozen=True, eq=False, repr=False)
class Ratings(Summarised):
    """Ratings, one a row; all four tensors are int64 of shape (N,).

    Attributes
    ----------
    users, items
        Indices that start at 0: the numbers of ``u.data`` less one.
    stars
        1 to 5.
    timestamps
        Seconds since 1970-01-01 UTC.
    """

    users: Tensor
    items: Tensor
    stars: Tensor
    timestamps: Tensor

    def __len__(self) -> int:
        return len(self.users)

    def to(self, device: torch.device | str) -> "Ratings":
        """The same ratings on ``device``."""
        return Ratings(*(column.to(device) for column in self._columns()))

    def _rows(self, rows: Tensor) -> "Ratings":
        return Ratings(*(column[rows] for column in self._columns()))

    def _columns(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.users, self.items, self.stars, self.timestamps


@dataclass(frozen=True, eq=False, repr=False)
class MovieLens(Summarised):
    """Ratings and films.

    Attributes
    ----------
    ratings : Ratings
        All 100,000, in the order of ``u.data``.
    titles : tuple of str
        Title of item ``i`` at place ``i``.
    years : tuple of int or None
        Year of release; None for the one film that is called "unknown".
    genres : tuple of tuple of str
    user_count, item_count : int
        943 and 1,682.
    licence, citation : str
    """

    ratings: Ratings
    titles: tuple[str, ...]
    years: tuple[int | None, ...]
    genres: tuple[tuple[str, ...], ...]
    user_count: int
    item_count: int
    licence: str
    citation: str

    def fold(self, number: int) -> tuple[Ratings, Ratings]:
        """The official training and test part of fold 1 to 5: 80,000 and 20,000 ratings.

        ``mku.sh``, which comes with the data, cuts ``u.data`` in this way: ``u<i>.test`` is rows
        20,000 (i - 1) to 20,000 i, ``u<i>.base`` is the rest. It then sorts both by user and
        item; here they stay in the order of ``u.data``. The folds are not a random split:
        the first 20,000 rows hold only users 1 to 462.

        Raises
        ------
        ValueError
            If ``number`` is not 1, 2, 3, 4 or 5.
        """
        if number not in range(1, 6):
            raise ValueError(f"expected a fold from 1 to 5, got {number!r}")
        size = len(self.ratings) // 5
        row = torch.arange(len(self.ratings), device=self.ratings.users.device)
        test = (row >= size * (number - 1)) & (row < size * number)
        return self.ratings._rows(~test), self.ratings._rows(test)

    def to(self, device: torch.device | str) -> "MovieLens":
        """The same data with its ratings on ``device``."""
        return replace(self, ratings=self.ratings.to(device))


def movielens100k() -> MovieLens:
    """100,000 ratings of 1,682 films by 943 users, from September 1997 to April 1998.

    Each user has rated at least 20 films. The data may not be redistributed: a download prints
    its licence and citation, which are also in the result.

    Raises
    ------
    DataError
        If a file is neither in the cache nor to be had; see ``fetch``.
    """
    table = np.loadtxt(fetch("movielens-100k"), delimiter="\t", skiprows=1, dtype=np.int64)
    users, items, stars, timestamps = torch.from_numpy(table).T.contiguous()
    titles, years, genres = _films()
    return MovieLens(
        ratings=Ratings(users - 1, items - 1, stars, timestamps),
        titles=titles,
        years=years,
        genres=genres,
        user_count=int(users.max()),
        item_count=len(titles),
        licence=entry("movielens-100k").licence,
        citation=entry("movielens-100k").citation,
    )


def _films() -> tuple[tuple[str, ...], tuple[int | None, ...], tuple[tuple[str, ...], ...]]:
    titles: list[str] = []
    years: list[int | None] = []
    genres: list[tuple[str, ...]] = []
    text = fetch("movielens-100k-items").read_text(encoding="utf-8")
    for line in text.splitlines()[1:]:
        _, title, year, kinds = line.split("\t")
        # Two slips of the file: item 267 has a misspelt "unknown" for title and year, and "(V)"
        # for video stands in place of item 1412's year, which is left at the end of its title.
        if match := re.fullmatch(r"(.*) \((\d{4})\)", title):
            title, year = match.groups()
        titles.append(title if year.isdigit() else "unknown")
        years.append(int(year) if year.isdigit() else None)
        genres.append(tuple(kinds.split(" ")))
    return tuple(titles), tuple(years), tuple(genres)
