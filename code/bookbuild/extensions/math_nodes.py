"""Prepares the math nodes of a page for the renderer of ``bookbuild.extensions.mathml``."""

import re
from typing import Any

from docutils import nodes
from sphinx.domains.math import MathDomain
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

logger = logging.getLogger(__name__)

_LABEL = re.compile(r"\\label\{([^}]*)\}")


class LabelsOfEnvironments(SphinxTransform):
    r"""Number ``\begin{align}`` in the text by its ``\label``, or not at all.

    MyST gives each such environment a random label, so that it is numbered but cannot be
    referred to, and the page differs from build to build.
    """

    default_priority = 200  # before labels move from their targets to the formulas, at 260

    def apply(self, **kwargs: Any) -> None:
        domain = self.env.get_domain("math")
        assert isinstance(domain, MathDomain)
        for node in list(self.document.findall(nodes.math_block)):
            if "amsmath" in node["classes"] and node.get("label"):
                self._relabel(node, domain)

    def _relabel(self, node: nodes.math_block, domain: MathDomain) -> None:
        target = node.parent[node.parent.index(node) - 1]
        self.document.ids.pop(target["ids"].pop())
        domain.equations.pop(node["label"])
        node["label"] = node["number"] = None

        tex = node.astext()
        labels = _LABEL.findall(tex)
        if not labels:
            node.parent.remove(target)
            return
        if len(labels) > 1:
            logger.error(
                "one number for one equation, but several labels: %s",
                ", ".join(labels),
                location=node,
                type="mathml",
            )
        node[:] = [nodes.Text(_LABEL.sub("", tex))]
        node["label"] = labels[0]
        domain.note_equation(self.env.docname, labels[0], location=node)
        node["number"] = domain.get_equation_number_for(labels[0])
        target["ids"].append(nodes.make_id(f"equation-{labels[0]}"))
        self.document.note_explicit_target(target)


class PunctuationOfFormulas(SphinxPostTransform):
    """Give a formula in a sentence the signs that must not be parted from it by a line's end.

    Browsers may break a line between a formula and the comma behind it.
    """

    default_priority = 900  # when the text is complete: references resolved, numbers filled in
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        for node in self.document.findall(nodes.math):
            place = node.parent.index(node)
            siblings = node.parent.children
            if place > 0 and isinstance(siblings[place - 1], nodes.Text):
                text, node["before"] = _split(r"[(\[“‘]*\Z", siblings[place - 1])
                node.parent[place - 1] = nodes.Text(text)
            if place + 1 < len(siblings) and isinstance(siblings[place + 1], nodes.Text):
                text, node["after"] = _split(r"\A[-,.;:!?)\]”’]*", siblings[place + 1])
                node.parent[place + 1] = nodes.Text(text)


def _split(pattern: str, text: str) -> tuple[str, str]:
    match = re.search(pattern, text)
    assert match  # the pattern matches nothing, too
    return text[: match.start()] + text[match.end() :], match[0]
