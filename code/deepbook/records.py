"""Tables that a benchmark measured and wrote down, for pages to show as recorded.

A benchmark writes ``records/NAME.json`` into a chapter's package, so that a downloaded notebook
finds it too.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from deepbook.carried import read_carried

__all__ = ["Record", "read_record", "record_names"]

Value = float | str | None


@dataclass(frozen=True)
class Record:
    """A recorded table, and where it comes from. A notebook shows it as a table.

    Attributes
    ----------
    name, title : str
    rows : tuple of dict
        Each with the same columns; None where there is no value.
    command, commit, date, machine : str
        What was run, of which version of this book, when, and on what.
    versions : dict
        Of the packages that took part.
    """

    name: str
    title: str
    rows: tuple[dict[str, Value], ...]
    command: str
    commit: str
    date: str
    machine: str
    versions: dict[str, str]

    def row(self, **wanted: Value) -> dict[str, Value]:
        """The one row whose columns have these values.

        Raises
        ------
        LookupError
            If there is none, or more than one.
        """
        found = [row for row in self.rows if wanted.items() <= row.items()]
        if len(found) != 1:
            raise LookupError(f"expected one row with {wanted} in {self.name}, got {len(found)}")
        return found[0]

    @property
    def source(self) -> str:
        """One sentence: command, commit, date, machine and versions."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return (
            f"Recorded by `{self.command}` at commit {self.commit} on {self.date}: "
            f"{self.machine}; {versions}."
        )

    def _texts(self) -> list[list[str]]:
        """All cells as text; numbers of a column have equally many decimals."""
        columns = [_column([row[name] for row in self.rows]) for name in self.rows[0]]
        return [list(row) for row in zip(*columns, strict=True)]

    def __str__(self) -> str:
        table = [list(self.rows[0]), *self._texts()]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join(map(str.rjust, line, widths)) for line in table]
        return "\n".join([self.title, *lines, self.source])

    def _repr_html_(self) -> str:
        def line(cells: list[str], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

        head = line(list(self.rows[0]), "th")
        body = "".join(line(texts, "td") for texts in self._texts())
        source = escape(self.source).replace(
            f"`{escape(self.command)}`", f"<code>{escape(self.command)}</code>"
        )
        return (
            '<div style="overflow-x: auto"><table class="db-record">'
            f"<caption>{escape(self.title)}</caption>"
            f"<thead>{head}</thead><tbody>{body}</tbody></table></div><p>{source}</p>"
        )


def read_record(path: str) -> Record:
    """A record that the package carries.

    Parameters
    ----------
    path : str
        Chapter and name: ``"optimization/race"``.

    Raises
    ------
    ValueError
        If there is none.
    """
    chapter, _, name = path.partition("/")
    known = record_names(chapter)
    if name not in known:
        listed = ", ".join(f"{chapter}/{one}" for one in known) or f"no record of {chapter!r}"
        raise ValueError(f"expected one of {listed}, got {path!r}")
    content = json.loads(read_carried(f"deepbook.{chapter}", f"records/{name}.json"))
    content["rows"] = tuple(content["rows"])
    return Record(**content)


def record_names(chapter: str) -> list[str]:
    """The names of a chapter's records; none if there is no such chapter."""
    folder = files("deepbook") / chapter / "records"
    if not folder.is_dir():
        return []
    return sorted(
        path.name.removesuffix(".json") for path in folder.iterdir() if path.name.endswith(".json")
    )


def _column(values: Sequence[Value]) -> list[str]:
    numbers = [value for value in values if isinstance(value, float)]
    # four digits of a number of usual size, four decimals unless that says nothing of it, and
    # no decimals that nobody measured
    sizes = sorted(abs(number) for number in numbers if number)
    power = math.floor(math.log10(sizes[(len(sizes) - 1) // 2])) if sizes else 0
    wanted = min(3 - power, max(4, 1 - power))
    digits = max(0, min(wanted, max(map(_decimals, numbers), default=0)))
    return [_text(value, digits) for value in values]


def _decimals(number: float) -> int:
    return len(repr(number).partition(".")[2]) if not number.is_integer() else 0


def _text(value: Value, digits: int) -> str:
    if value is None:
        return "–"
    return f"{value:,.{digits}f}" if isinstance(value, float) else str(value)
