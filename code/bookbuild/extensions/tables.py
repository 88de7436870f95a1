"""The small tables that the extensions put into pages."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from docutils import nodes
from sphinx.application import Sphinx

Cell: TypeAlias = str | nodes.Node


def table(
    rows: Iterable[Sequence[Cell]],
    *,
    widths: Sequence[int],
    head: Sequence[Cell] = (),
    name: str,
    right: Sequence[int] = (),
) -> nodes.table:
    """Make a table.

    Parameters
    ----------
    rows : iterable of sequences of str or docutils nodes
    widths : sequence of int
        Relative widths; as many as there are columns.
    head : sequence of str or docutils nodes
        The columns' heads; none makes a table without them.
    name : str
        Its class, for style sheets and tests.
    right : sequence of int
        The columns, counted from zero, that are set flush right: numbers.
    """
    group = nodes.tgroup("", cols=len(widths))
    group += [nodes.colspec("", colwidth=width) for width in widths]
    if head:
        group += nodes.thead("", _row(head, right))
    group += nodes.tbody("", *[_row(row, right) for row in rows])
    return nodes.table("", group, classes=[name])


def page_link(
    app: Sphinx, docname: str, page: str, *, text: str = "", anchor: str = ""
) -> nodes.reference:
    """A link from the page ``docname`` to another page, under that page's title or ``text``."""
    uri = app.builder.get_relative_uri(docname, page) + (f"#{anchor}" if anchor else "")
    return nodes.reference("", text or app.env.titles[page].astext(), internal=True, refuri=uri)


def _row(cells: Sequence[Cell], right: Sequence[int]) -> nodes.row:
    return nodes.row(
        "",
        *[
            nodes.entry("", _paragraph(cell), classes=["text-right"] if number in right else [])
            for number, cell in enumerate(cells)
        ],
    )


def _paragraph(cell: Cell) -> nodes.paragraph:
    return nodes.paragraph("", cell) if isinstance(cell, str) else nodes.paragraph("", "", cell)
