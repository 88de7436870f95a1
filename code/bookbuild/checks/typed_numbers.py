"""Numbers that an author typed although a cell of the same page measures them."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bookbuild.page_source import Cell, Finding, PageSource

# a decimal number by itself: no part of 6.2.2, of x0.5 or of 1.5e3
_TYPED = re.compile(r"(?<![\w.,])\d+(?:,\d{3})*\.\d+(?!\.?\w)")
_SHOWN = re.compile(r"(?<![\w.])\d+(?:\.\d*)?(?:e[+-]?\d+)?(?!\w)", re.IGNORECASE)
# what stands behind these words counts something else
_REFERENCE = re.compile(
    r"\b(?:sections?|chapters?|equations?|eqs?\.|figures?|tables?|algorithms?|Python|version)"
    r"\s+\d[\d.]*(?:(?:\s*\([^()]*\))?(?:,|,?\s+and|,?\s+or|\s+to|–)\s*\d[\d.]*)*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Shown:
    """A number that a cell prints, or glues under a name."""

    value: float
    cell: Cell
    name: str | None


def check_numbers(page: PageSource) -> list[Finding]:
    """Find decimal numbers of three or more digits in prose that a cell prints or glues.

    A number that stands in the page's code as it stands in the prose is a setting, and no
    finding. What a cell measures differs a little from machine to machine, and one value in a
    hundred meets a number of three digits by chance: such a finding is a warning, and one of four
    digits or more fails a strict build.
    """
    shown = sorted((s for cell in page.cells for s in _shown(cell)), key=lambda s: not s.name)
    code = "\n".join(cell.node.source for cell in page.cells)
    settings = {float(number) for number in _SHOWN.findall(re.sub("#.*", "", code))}
    findings = []
    for line, text, can_glue in _texts(page):
        without = _REFERENCE.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
        for match in _TYPED.finditer(without):
            typed = match[0]
            if sum(map(str.isdigit, typed)) < 3 or any(
                _equal(typed, setting) for setting in settings
            ):
                continue
            source = next((s for s in shown if _rounds_to(s.value, typed)), None)
            if source is not None:
                where = line + text[: match.start()].count("\n")
                digits = len(re.sub(r"\D", "", typed).lstrip("0"))
                severity: Literal["strict", "warning"] = "strict" if digits > 3 else "warning"
                message = _advice(typed, source, can_glue)
                findings.append(Finding(page.file, where, message, severity))
    return findings


def _texts(page: PageSource) -> Iterator[tuple[int, str, bool]]:
    """Line and text of all that an author wrote, and whether a glued number can stand there."""
    yield from ((line, text, True) for line, text in page.prose)
    for cell in page.cells:
        # roles are left out, as they are in paragraphs
        caption = str((cell.layout.get("figure") or {}).get("caption", ""))
        yield cell.line, re.sub(r"`[^`]*`|\$[^$]*\$", " ", caption), True
        yield cell.line, str((cell.layout.get("image") or {}).get("alt", "")), False


def _shown(cell: Cell) -> Iterator[_Shown]:
    for output in cell.node.get("outputs", []):
        name = output.get("metadata", {}).get("scrapbook", {}).get("name")
        texts = [
            text for mime, text in output.get("data", {}).items() if mime.endswith("text/plain")
        ]
        for text in [output.get("text", ""), *texts]:
            # what Python writes for a figure or another object is no result
            for number in _SHOWN.findall(re.sub(r"<[^<>]*>", "", text)):
                yield _Shown(float(number), cell, name)


def _decimals(typed: str) -> int:
    return len(typed.partition(".")[2])


def _equal(typed: str, value: float) -> bool:
    number = float(typed.replace(",", ""))
    return math.isclose(number, value) or math.isclose(number, 100 * value)


def _rounds_to(value: float, typed: str) -> bool:
    """Whether ``value``, or a share as a percentage, rounds to what was typed."""
    number, decimals = float(typed.replace(",", "")), _decimals(typed)
    scales = (1, 100) if value <= 1 else (1,)
    return any(math.isclose(round(scale * value, decimals), number) for scale in scales)


def _advice(typed: str, source: _Shown, can_glue: bool) -> str:
    found = f"{typed} is typed by hand, and the cell at line {source.cell.line} measures it"
    if not can_glue:
        return f"{found} ({source.value:.6g}): let the alternative text do without it"
    if source.name is None:
        return f"{found} ({source.value:.6g}): glue it"
    number = float(typed.replace(",", ""))
    as_share = not math.isclose(round(source.value, _decimals(typed)), number)
    spec = f".{_decimals(typed)}{'%' if as_share else 'f'}"
    return f"{found}: write {{glue:text}}`{source.name}:{spec}`"
