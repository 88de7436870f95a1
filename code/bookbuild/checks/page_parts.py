"""What every page promises its readers, checked on its source, then on its outputs."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from bookbuild.checks.live_figures import live_html, weights
from bookbuild.checks.verdicts import check_held, check_verdicts
from bookbuild.execution.store import claims_in_cell
from bookbuild.extensions.self_check import NAME, read_self_check
from bookbuild.live_html import alternative_text
from bookbuild.page_source import GAP, Cell, Finding, PageSource

EXERCISES = 3
# what a telephone shows of a line of code
COLUMNS = 60

_HIDDEN = {"remove-output", "remove-cell"}
_FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
_CLAIMS = re.compile(r"\bdeepbook\.(?:claim|glue)\(")
_PICTURE_FILE = re.compile(r"\S+\.(png|svg|jpe?g|gif|webp|pdf)", re.IGNORECASE)


_Rule: TypeAlias = Callable[[PageSource], Iterator[Finding]]


def check_source(page: PageSource, *, in_chapter: bool) -> list[Finding]:
    """The rules that need no outputs; those about a page's parts only for one of a chapter."""
    return _findings(
        page, [exercises, self_checks, *([parts_of_source, shown_code] if in_chapter else [])]
    )


def check_page(page: PageSource, *, in_chapter: bool) -> list[Finding]:
    """The rules that need outputs; those about a page's parts only for one of a chapter."""
    rules = [figures, solutions_ran, claims, weights, check_held, check_verdicts]
    return _findings(page, [*rules, *([parts] if in_chapter else [])])


def _findings(page: PageSource, rules: Sequence[_Rule]) -> list[Finding]:
    return [finding for rule in rules for finding in rule(page)]


def figures(page: PageSource) -> Iterator[Finding]:
    """Every picture that a cell draws has a caption, a name and an alternative text."""
    for cell in filter(_draws, page.cells):
        figure, image = cell.layout.get("figure") or {}, cell.layout.get("image") or {}
        caption, name = _plain(figure.get("caption")), _plain(figure.get("name"))
        live = live_html(cell)
        alt = _plain(alternative_text(live) if live else image.get("alt"))
        for key, value in (("caption", caption), ("name", name)):
            if not value:
                yield page.finding(cell.line, f"the figure has no {key} (mystnb: figure: {key})")
        if not alt:
            where = "its argument alt" if live else "mystnb: image: alt"
            problem = f"has no alternative text ({where})"
        elif _PICTURE_FILE.fullmatch(alt) or alt == name:
            problem = f"has a name as alternative text: {alt!r}; say what is to be seen"
        elif alt.casefold().rstrip(".") == caption.casefold().rstrip("."):
            problem = "has its caption as alternative text: say what is to be seen"
        else:
            continue
        yield page.finding(cell.line, f"the figure {problem}")


def exercises(page: PageSource) -> Iterator[Finding]:
    """Every exercise has a solution, and every solution an exercise."""
    posed = [(e.line, e.options.get("label")) for e in page.named("exercise", "exercise-start")]
    solved = [(s.line, s.argument) for s in page.named("solution", "solution-start")]
    for line, label in posed:
        if not label:
            yield page.finding(line, "the exercise has no label, so it can have no solution")
        elif label not in (name for _, name in solved):
            yield page.finding(line, f"the exercise {label} has no solution")
    for line, name in solved:
        if name not in (label for _, label in posed):
            yield page.finding(line, f"the solution names no exercise of this page: {name!r}")


def self_checks(page: PageSource) -> Iterator[Finding]:
    """Every self-check has a question, answers of which one is right, and feedback on each."""
    for check in page.named(NAME):
        try:
            read_self_check(check.content.splitlines())
        except ValueError as error:
            yield page.finding(check.line, str(error))


def shown_code(page: PageSource) -> Iterator[Finding]:
    """What is not folded teaches: it fits a telephone, and makes no claims."""
    for cell in page.cells:
        if not _FOLDED.isdisjoint(cell.node.metadata.get("tags", [])):
            continue
        # a cell begins below its fence, and below its header if it has one
        for number, text in enumerate(cell.node.source.split("\n"), start=1):
            if len(text) > COLUMNS:
                yield page.finding(
                    cell.line,
                    f"line {number} of this cell has {len(text)} columns, expected at most "
                    f"{COLUMNS} in a cell that is not folded",
                )
        if _CLAIMS.search(cell.node.source):
            message = "claim and glue stand in cells of their own, folded (tags: [hide-input])"
            yield page.finding(cell.line, message)


def solutions_ran(page: PageSource) -> Iterator[Finding]:
    """The cells of solutions ran."""
    starts = [s.line for s in page.named("solution-start")]
    ends = [s.line for s in page.named("solution-end")]
    for start, end in zip(starts, ends, strict=False):
        for cell in page.cells:
            if start < cell.line < end and cell.node.execution_count is None:
                yield page.finding(cell.line, "this cell of a solution did not run")


def claims(page: PageSource) -> Iterator[Finding]:
    """Every claim has its name for itself and, in a strict build, holds."""
    lines: dict[str, int] = {}
    for cell, claim in _claims(page):
        name = claim["name"]
        if not claim["holds"]:
            broken = f"promised {claim['bound']}, got {claim['value']}"
            message = f"the claim {name} does not hold: {broken}"
            yield Finding(page.file, cell.line, message, "strict")
        if name in lines:
            yield page.finding(cell.line, f"{name} is claimed at line {lines[name]} already")
        lines.setdefault(name, cell.line)


def parts_of_source(page: PageSource) -> Iterator[Finding]:
    """A page of a chapter begins with its question, and has a numbered equation and exercises."""
    line, lead = page.prose[0] if page.prose else (1, "")
    # an opening page has its question in its first paragraph
    if not page.file.endswith("/index.md") and not lead.strip(GAP).endswith("?"):
        yield page.finding(line, "the page does not begin with the question that it asks")
    if not any(equation.options.get("label") for equation in page.named("math")):
        yield page.finding(1, "the page has no numbered equation (math with a label)")
    posed = len(page.named("exercise", "exercise-start"))
    if posed < EXERCISES:
        yield page.finding(1, f"the page has {posed} exercises, expected at least {EXERCISES}")


def parts(page: PageSource) -> Iterator[Finding]:
    """A page of a chapter has a figure and a claim."""
    if not page.named("figure") and not any(map(_draws, page.cells)):
        yield page.finding(1, "the page has no figure")
    if not any(_claims(page)):
        yield page.finding(1, "the page claims nothing (deepbook.claim)")


def _draws(cell: Cell) -> bool:
    return _HIDDEN.isdisjoint(cell.node.metadata.get("tags", [])) and any(
        mime.startswith("image/")
        for output in cell.node.get("outputs", [])
        for mime in output.get("data", {})
    )


def _claims(page: PageSource) -> Iterator[tuple[Cell, dict[str, Any]]]:
    for cell in page.cells:
        for claim in claims_in_cell(cell.node):
            yield cell, claim


def _plain(text: object) -> str:
    return " ".join(str(text).split()) if text is not None else ""
