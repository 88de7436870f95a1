"""The Sphinx extension that lets readers link to each exercise, solution and claim.

An exercise has its label as id, and a claim its name (``claim-name``). sphinx-exercise counts
solutions, so that a new one would change the ids of those behind it: here a solution has its
exercise's label, ``ex-label-solution``. All three show a link to themselves, as headings do.
Those that lie in a fold are unfolded by ``book/_static/site.js`` when a link leads there.
"""

import re
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx_exercise.nodes import solution_node

_BOX = re.compile(
    r'(<div class="(exercise|solution)[^"]*" id="([^"]+)">\s*<p class="admonition-title">.*?)'
    r"(?=</p>)",
    re.DOTALL,
)
# as deepbook.claims writes it: it holds no other <div>
_CLAIM = re.compile(r"(<div class='db-(claim)' id='([^']+)'.*?)(?=</div>)", re.DOTALL)


def name_solutions(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Name each solution after its exercise, unless its author gave it a label."""
    counted: dict[str, int] = {}
    for solution in doctree.findall(solution_node):
        if not str(solution.get("label", "")).startswith(f"{docname}-solution-"):
            continue
        exercise = solution["target_label"]
        counted[exercise] = counted.get(exercise, 0) + 1
        number = "" if counted[exercise] == 1 else f"-{counted[exercise]}"
        solution["ids"] = [f"{exercise}-solution{number}"]


def link_to_itself(found: re.Match[str]) -> str:
    """The beginning of an exercise, a solution or a claim, with a link to it at the end."""
    start, kind, anchor = found.groups()
    words = f"Link to this {kind}"
    href = escape(f"#{anchor}", quote=True)
    return f'{start}<a class="headerlink" href="{href}" title="{words}">#</a>'


def show_links(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """Write the links into a page."""
    if context.get("body"):
        body = _BOX.sub(link_to_itself, context["body"])
        context["body"] = _CLAIM.sub(link_to_itself, body)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("doctree-resolved", name_solutions)
    app.connect("html-page-context", show_links)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
