"""Sentences that rest on how a run came out: marked, and with names that exist.

Who won, by how much and in which order is true on the machine that measured it. Such a sentence
ends with ``{held}`claim-name```. Which sentences are of that kind no simple rule knows: what
:func:`check_verdicts` finds is worth an author's look.
"""

import re
from collections.abc import Iterator

from bookbuild.pagesource import GLUED, HELD, Finding, PageSource
from bookbuild.store import claims_in_cell

_VERDICT = re.compile(
    r"""(?<!\bat\s)\b(?:
    more | less | fewer | better | worse | best | worst | most | least
    | (?:high|low|larg|small|fast|slow|long|short|strong|weak|deep|clos|near|soon|earli|lat|great)
      (?:er|est)
    | ahead | behind | leads? | led | wins? | won | beats? | loses? | outperforms? | exceeds?
    | as\s(?:good|well|fast|accurate|much|little)\sas | no\sbetter | twice | halves | doubles
    | costs?\s(?:more|less) | adds?\s(?:nothing|little) | (?:does|do)\snothing | hardly
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
