"""The Sphinx extension that mends ids and roles: links and screen readers go by them.

sphinx-exercise gives the content of all exercises one id, and that of all solutions another;
docutils gives the works of a list of works a role that is out of use and fits in no list; and an
empty corner of a table is no head, which a screen reader would announce for each cell.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

SHARED = {"exercise-content", "solution-content"}

_EMPTY_HEAD = re.compile(r"<th\b[^>]*>\s*(?:<p>\s*</p>)?\s*</th>")


def drop_shared(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Take away the ids that many places share and no link uses."""
    for section in doctree.findall(nodes.section):
        if SHARED.intersection(section["ids"]):
            section["ids"] = [name for name in section["ids"] if name not in SHARED]


def mend_roles(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """Make the works of a list and the corners of tables what they are."""
    if context.get("body"):
        body = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')
        context["body"] = without_empty_heads(body)


def without_empty_heads(html: str) -> str:
    """The same HTML with a plain cell wherever the head of a table is empty."""
    return _EMPTY_HEAD.sub("<td></td>", html)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("doctree-resolved", drop_shared)
    app.connect("html-page-context", mend_roles)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
