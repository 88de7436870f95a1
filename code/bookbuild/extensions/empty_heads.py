"""A head of a table that holds nothing is no head: a reader's screen reader would announce one."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

__all__ = ["setup", "without_empty_heads"]

_EMPTY = re.compile(r"<th\b[^>]*>\s*(?:<p>\s*</p>)?\s*</th>")


def without_empty_heads(html: str) -> str:
    """The same HTML with a plain cell wherever a head is empty, as in the corner of a table."""
    return _EMPTY.sub("<td></td>", html)


def _mend(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    if "body" in context:
        context["body"] = without_empty_heads(context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("html-page-context", _mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
