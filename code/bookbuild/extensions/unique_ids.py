"""The Sphinx extension that leaves each id to one place: links and screen readers go by them.

sphinx-exercise gives the content of all exercises one id, and that of all solutions another.
"""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

SHARED = {"exercise-content", "solution-content"}


def drop_shared(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Take away the ids that many places share and no link uses."""
    for section in doctree.findall(nodes.section):
        if SHARED.intersection(section["ids"]):
            section["ids"] = [name for name in section["ids"] if name not in SHARED]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("doctree-resolved", drop_shared)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
