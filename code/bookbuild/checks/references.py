"""References within the book: every label and every page that a sentence leads to is there."""

from collections.abc import Collection, Iterator, Mapping
from posixpath import dirname, join, normpath

from bookbuild.page_source import Finding, PageSource


def check_references(
    page: PageSource, labels: Collection[str], documents: Collection[str]
) -> Iterator[Finding]:
    """Find references that lead nowhere.

    Parameters
    ----------
    page : PageSource
    labels : collection of str
        All labels of the book.
    documents : collection of str
        Names of all documents: ``"book/feedforward/digits"``.
    """
    for line, role, goal in page.references:
        if role == "#":
            if goal not in labels:
                yield page.finding(line, f"a comment names no equation: {goal!r}")
        elif role == "doc":
            folder = dirname(page.file)
            name = goal.lstrip("/") if goal.startswith("/") else normpath(join(folder, goal))
            if name not in documents:
                yield page.finding(line, f"{{doc}} leads to no page: {goal!r}")
        elif goal not in labels:
            yield page.finding(line, f"{{{role}}} leads to no label of the book: {goal!r}")


def check_labels(pages: Mapping[str, PageSource]) -> Iterator[Finding]:
    """Find labels that two places give.

    Parameters
    ----------
    pages : mapping from name to page
    """
    given: dict[str, PageSource] = {}
    for page in pages.values():
        for label, line in page.labels.items():
            if label in given:
                first = given[label]
                yield page.finding(
                    line, f"{first.file}:{first.labels[label]} has the label {label!r} already"
                )
            given.setdefault(label, page)
