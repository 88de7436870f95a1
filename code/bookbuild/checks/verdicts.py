"""Sentences that rest on how a run came out: marked, and with names that exist.

Who won, by how much and in which order is true on the machine that measured it. Such a sentence
ends with ``{held}`claim-name```. Which sentences are of that kind no simple rule knows: what
:func:`check_verdicts` finds is worth an author's look.
"""

import re
from collections.abc import Iterator

from bookbuild.execution.store import claims_in_cell
from bookbuild.page_source import GLUED, HELD, Finding, PageSource

_STEMS = "high low small fast slow long short strong weak deep near soon great"
# with what their comparatives end in
_OTHERS = """larger largest closer closest earlier earliest later latest more most less least fewer
better best worse worst ahead behind lead leads led win wins won beat beats lose loses outperforms
exceeds twice halves doubles hardly"""
_VERDICT = re.compile(
    rf"""(?<!\bat\s)\b(?:
    (?:{"|".join(_STEMS.split())})(?:er|est) | {"|".join(_OTHERS.split())}
    | as\s(?:good|well|fast|accurate|much|little)\sas | no\sbetter
    | costs?\s(?:more|less) | adds?\s(?:nothing|little) | (?:does|do)\snothing
    )\b""",
    re.VERBOSE | re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.!?:]+[.!?:]*(?:\s*" + HELD + r")*", re.DOTALL)


def check_held(page: PageSource) -> Iterator[Finding]:
    """Find the marks that name no claim of the page."""
    claims = {claim["name"] for cell in page.cells for claim in claims_in_cell(cell.node)}
    for line, name in page.held:
        if name not in claims:
            yield page.finding(line, f"{{held}} names no claim of this page: {name!r}")


def check_verdicts(page: PageSource) -> Iterator[Finding]:
    """Find sentences that compare what cells measured, and that no claim holds up."""
    lines = sorted(cell.line for cell in page.cells if cell.node.get("outputs"))
    before = 0
    for line, text in page.prose:
        follows = any(before <= cell < line for cell in lines)
        before = line
        if not follows and GLUED not in text:
            continue
        for sentence in _SENTENCE.finditer(text):
            verdict = _VERDICT.search(sentence[0])
            if verdict is None or HELD in sentence[0] or sentence[0].rstrip().endswith("?"):
                continue
            where = line + text[: sentence.start() + verdict.start()].count("\n")
            message = f"a verdict? {verdict[0]!r} stands in a sentence that no claim holds up"
            yield Finding(page.file, where, message, "warning")
