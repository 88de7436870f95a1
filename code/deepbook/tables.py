"""A table of what a page measured, in Markdown that can also be read as it stands.

Numbers stand flush right, with a true minus and powers of ten in place of ``e-05``. Nothing is
loaded for it: a tensor is asked for its number, whoever made it.
"""

import math
import re
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any, TypeAlias

__all__ = ["Table", "table"]

# also a tensor with one element, or a number of NumPy's
Cell: TypeAlias = Any

_MISSING = "–"
_RULES = {"l": ":{}-", "r": "-{}:", "c": ":{}:"}
_EXPONENT = re.compile(r"e([+-]\d+)$")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Table:
    """A table; a notebook shows it as the last thing of a cell, and ``print`` as plain text.

    Attributes
    ----------
    markdown : str
    """

    def __init__(self, markdown: str) -> None:
        self.markdown = markdown

    def __repr__(self) -> str:
        return self.markdown

    def _repr_markdown_(self) -> str:
        return self.markdown


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    formats: str | Sequence[str] = "",
    align: str = "",
    bold: Iterable[tuple[int, int]] = (),
) -> Table:
    """Make a table.

    Parameters
    ----------
    header : sequence of str
        The columns' heads, in Markdown.
    rows : iterable of sequences
        As many cells in each as there are heads. A cell is text in Markdown, a number (also a
        tensor with one element) or None, which is shown as a dash: nothing was measured.
    formats : str or sequence of str, optional
        How numbers are written, as Python's ``format`` has it: ``".1f"``, ``".0%"``. One for
        all numbers that are not whole, or one for each column; ``""`` leaves them as Python
        prints them.
    align : str, optional
        A letter for each column: ``l``, ``r`` or ``c``. Otherwise a column with a number in it
        stands flush right, and one without flush left.
    bold : iterable of (int, int), optional
        Row and column, counted from zero, of the cells that shall stand out.

    Raises
    ------
    ValueError
        If there are no heads or no rows, a row has another number of cells than the header, a
        cell has a line break, or ``formats``, ``align`` or ``bold`` do not fit the columns.
    TypeError
        If a cell is neither text nor one number nor None.

    Examples
    --------
    >>> from deepbook import table
    >>> table(["unit", "slope"], [("relu", 0.0), ("gelu", -0.0853)], formats=".2f")
    | unit | slope |
    | :--- | ----: |
    | relu |  0.00 |
    | gelu | −0.09 |
    """
    if isinstance(header, str) or not header:
        raise ValueError(f"expected a sequence of one head or more, got {header!r}")
    cells = [list(row) for row in rows]
    if not cells:
        raise ValueError("expected a table of one row or more, got none")
    for number, row in enumerate(cells):
        if len(row) != len(header):
            raise ValueError(
                f"expected {len(header)} cells in a row, as in the header, "
                f"got {len(row)} in row {number}: {row}"
            )
    values = [[_value(cell, n, m) for m, cell in enumerate(row)] for n, row in enumerate(cells)]
    sides = _sides(values, align)
    written = [[_text(head) for head in header]]
    if isinstance(formats, str):
        written += [
            [_written(value, formats if isinstance(value, float) else "") for value in row]
            for row in values
        ]
    elif len(formats) == len(header):
        written += [list(map(_written, row, formats)) for row in values]
    else:
        raise ValueError(f"expected {len(header)} formats, one a column, got {list(formats)}")
    for n, m in bold:
        if not (0 <= n < len(values) and 0 <= m < len(header)):
            raise ValueError(
                f"expected bold cells among {len(values)} rows and {len(header)} columns, "
                f"got {(n, m)}"
            )
        written[n + 1][m] = f"**{written[n + 1][m]}**"
    return Table("\n".join(_lines(written, sides)))


def _value(cell: Cell, row: int, column: int) -> str | float | int | None:
    where = f"cell {column} of row {row}"
    if cell is None or isinstance(cell, str):
        return cell
    try:
        value = cell.item() if hasattr(cell, "item") else cell
    except (ValueError, RuntimeError) as error:
        raise TypeError(f"{where}: expected one number, got {cell!r}") from error
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{where}: expected text, a number or None, got {cell!r}")
    return int(value) if isinstance(value, int) else float(value)


def _sides(values: list[list[str | float | int | None]], align: str) -> str:
    columns = list(zip(*values, strict=True))
    if align:
        if len(align) != len(columns) or not set(align) <= set(_RULES):
            raise ValueError(f"expected {len(columns)} letters of l, r and c, got {align!r}")
        return align
    return "".join(
        "r" if any(isinstance(value, int | float) for value in column) else "l"
        for column in columns
    )


def _written(value: str | float | int | None, form: str) -> str:
    if value is None:
        return _MISSING
    if isinstance(value, str):
        return _text(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = format(value, form).strip()
    if not re.search("[1-9]", text):  # -0.00 is no less than 0.00
        text = text.lstrip("+-")
    text = _EXPONENT.sub(_power_of_ten, text)
    return text.replace("-", "−")


def _power_of_ten(exponent: re.Match[str]) -> str:
    power = int(exponent[1])
    return f"×10{str(power).translate(_RAISED)}" if power else ""


def _text(text: str) -> str:
    if "\n" in text:
        raise ValueError(f"expected text without a line break in a table, got {text!r}")
    return text.strip().replace("|", r"\|")


def _lines(rows: list[list[str]], sides: str) -> Iterable[str]:
    """Pad the columns, so that the text is a table to whoever sees it unrendered."""
    widths = [max(3, *map(len, column)) for column in zip(*rows, strict=True)]
    head, *rest = [
        [
            cell.rjust(w) if side == "r" else cell.ljust(w)
            for cell, side, w in zip(row, sides, widths, strict=True)
        ]
        for row in rows
    ]
    rules = [_RULES[side].format("-" * (w - 2)) for side, w in zip(sides, widths, strict=True)]
    return [f"| {' | '.join(row)} |" for row in (head, rules, *rest)]
