"""The Sphinx extension behind comments in code that name an equation: ``# eq-rbm-energy``.

A reader sees the equation's number there, as a link; a notebook has the number.
"""

import re
from collections.abc import Callable
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from bookbuild.page_source import COMMENT, EQUATION

logger = logging.getLogger(__name__)

# Pygments' element for a comment to the end of a line
_SPAN = re.compile(r'(<span class="c1">)([^<]*)(</span>)')


def equation(env: BuildEnvironment, label: str) -> tuple[str, str] | None:
    """The document of an equation, and its number as readers see it; None if there is none."""
    equations: dict[str, tuple[str, int | None]] = env.get_domain("math").equations  # type: ignore[attr-defined]
    if label not in equations:
        return None
    docname, _ = equations[label]
    numbers = env.toc_fignumbers.get(docname, {}).get("displaymath", {})
    number = numbers.get(nodes.make_id(f"equation-{label}")) or ()
    return docname, ".".join(map(str, number))


def with_numbers(env: BuildEnvironment, source: str) -> str:
    """A cell's source whose comments give numbers in place of labels."""

    def number(label: str) -> str:
        found = equation(env, label)
        return f"equation ({found[1]})" if found else label

    return COMMENT.sub(lambda match: _replaced(match[0], number), source)


def _replaced(text: str, by: Callable[[str], str]) -> str:
    return EQUATION.sub(lambda match: by(match[0]), text)


def link_comments(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """Write numbers with links into the comments of a page's code."""

    def link(label: str) -> str:
        found = equation(app.env, label)
        if found is None:
            logger.warning("a comment names no equation: %r", label, location=pagename)
            return label
        docname, number = found
        uri = app.builder.get_relative_uri(pagename, docname) if docname != pagename else ""
        goal = escape(f"{uri}#{nodes.make_id(f'equation-{label}')}", quote=True)
        return f'<a href="{goal}">equation ({number})</a>'

    if context.get("body"):
        context["body"] = _SPAN.sub(
            lambda match: match[1] + _replaced(match[2], link) + match[3], context["body"]
        )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("html-page-context", link_comments)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
