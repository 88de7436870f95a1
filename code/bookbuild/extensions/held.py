"""The role ``{held}`claim-name```: a sentence that a claim of the same page holds up.

Put at the end of a sentence whose truth depends on how a run came out. It shows a check mark
that leads to the claim's line, or a cross where the claim does not hold on this machine; a
name that is no claim of the page is an error. In the notebook it is a plain link.
"""

from html import escape
from typing import Any

from docutils import nodes
from docutils.parsers.rst.states import Inliner
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

HOLDS, BROKEN = "✓", "✗"


class held(nodes.Inline, nodes.TextElement):  # docutils names nodes in lower case
    """The mark at the end of a sentence; its attributes are the claim's."""


def role(
    name: str,
    rawtext: str,
    text: str,
    lineno: int,
    inliner: Inliner,
    options: dict[str, Any] | None = None,
    content: list[str] | None = None,
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """Make the mark; what the claim says is filled in when the page has been read."""
    mark = held(rawtext, claim=text)
    mark.line = lineno
    return [mark], []


def fill(app: Sphinx, doctree: nodes.document) -> None:
    """Tell every mark of a page whether its claim holds."""
    marks = list(doctree.findall(held))
    if not marks:
        return
    store = getattr(app, "bookbuild_store", None)
    made = (store.claims(app.env.docname) if store is not None else None) or []
    claims = {claim["name"]: claim for claim in made}
    for mark in marks:
        _join_to_the_word_before(mark)
        claim = claims.get(mark["claim"])
        if claim is None:
            logger.error(
                "{held} names no claim of this page: %r",
                mark["claim"],
                location=mark,
                type="bookbuild",
                subtype="held",
            )
            continue
        mark["holds"] = claim["holds"]
        mark["bound"] = claim["bound"]


def _join_to_the_word_before(mark: held) -> None:
    """Take away the space that the author wrote: the mark belongs to the sentence."""
    place = mark.parent.index(mark)
    before = mark.parent[place - 1] if place else None
    if isinstance(before, nodes.Text):
        mark.parent[place - 1] = nodes.Text(before.rstrip())


def visit_html(translator: HTML5Translator, node: held) -> None:
    """A link with a sign for the eye and words for a screen reader."""
    name, holds = escape(node["claim"], quote=True), node.get("holds", False)
    bound = escape(node.get("bound", ""), quote=True)
    said = "held by the claim" if holds else "does not hold on this machine: the claim"
    words = f"{said} {name}, promised {bound}"
    visible = "" if holds else " does not hold on this machine"
    translator.body.append(
        f'<a class="db-held" data-holds="{str(holds).lower()}" href="#claim-{name}" '
        f'aria-label="{words}" title="{words}">{HOLDS if holds else BROKEN}{visible}</a>'
    )
    raise nodes.SkipNode


def visit_other(translator: Any, node: held) -> None:
    """Nothing, where there is no page to link to."""
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    skip = (visit_other, None)
    app.add_node(held, html=(visit_html, None), latex=skip, text=skip)
    app.add_role("held", role)
    app.connect("doctree-read", fill)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
