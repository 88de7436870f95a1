r"""Mathematics set while the book is built: LaTeX becomes MathML Core, no JavaScript needed.

A Sphinx extension with one HTML math renderer, ``mathml``. Equations are numbered by Sphinx
alone, so that ``{eq}`` agrees with what stands beside the formula: a display with a label has
one number, a display without has none. For ``\begin{align}`` in plain text the label is its
``\label{name}``.

A formula that cannot be converted is an error of the build, and its page is left out of the
output, so that the next build tries it again.
"""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

from bookbuild.extensions.math_nodes import LabelsOfEnvironments, PunctuationOfFormulas
from bookbuild.extensions.tex_macros import Macro, expand, read_macros

logger = logging.getLogger(__name__)

_CONVERTER = LatexToMathML(annotation=True, fancy_error=False)

# Environments that would number their rows, and the ones that set the same without numbers.
_UNNUMBERED = {"align": "aligned", "gather": "gathered", "equation": ""}
_NUMBERED_ENVIRONMENT = re.compile(r"\\(begin|end)\{(align|gather|equation)\*?\}")

# Letters that lean over what follows them: a bracket, or an exponent of theirs.
_LEANING = "FHJKMNPTUVWXYf𝑯𝑱𝑲𝑴𝑵𝑷𝑻𝑼𝑽𝑾𝑿𝒀𝒇"
_LEANING_LETTER = re.compile(
    f"<mi>(?=[{_LEANING}]</mi><mo[^>]*>[(\\[|])|(?<=<msup>)<mi>(?=[{_LEANING}]<)"
)

# What math-core would accept and set wrongly: pattern in the TeX, what to tell the author.
_REFUSED = [
    (r"\A\s*\Z", "it is empty"),
    (r"\n\s*\n", "blank line in a formula"),
    (r"\\(?:eq)?ref(?![A-Za-z])", "refer to an equation in the text, with {eq}`label`"),
    (r"\\(?:tag|notag|nonumber)(?![A-Za-z])", "Sphinx numbers equations, and only labelled ones"),
    (
        r"\\(?:boldsymbol|bm)\s*\{?\s*(?:\d|\\math)",
        r"math-core would not make it bold: use \mathbf",
    ),
    (r"\\vec(?![A-Za-z])", "browsers put its arrow beside the letter; vectors are bold here"),
    (r"\\begin\{(multline|eqnarray|flalign|alignat)\*?\}", "use align, gather or equation"),
]


def to_mathml(tex: str, *, display: bool, macros: dict[str, Macro] | None = None) -> str:
    r"""Convert LaTeX to a ``<math>`` element that carries its TeX as annotation.

    Parameters
    ----------
    tex
        The formula, without ``$``.
    display
        Whether it stands on a line of its own.
    macros
        As ``bookbuild.extensions.tex_macros.read_macros`` returns them.

    Raises
    ------
    ValueError
        If the formula, or a part of it, could not be set as LaTeX would set it.
    """
    tex = expand(tex, macros or {}).strip()
    for pattern, reason in _REFUSED:
        if re.search(pattern, tex):
            raise ValueError(reason)
    tex = _NUMBERED_ENVIRONMENT.sub(_without_number, tex).strip()
    if _breaks_a_line_outside_an_environment(tex):
        raise ValueError(r"\\ outside an environment: put it into \begin{aligned}")
    try:
        mathml: str = _CONVERTER.convert_with_local_state(tex, displaystyle=display)
    except LatexError as error:
        raise ValueError(re.sub(r"^\d+: ", "", str(error))) from error
    if "<menclose" in mathml:
        raise ValueError("MathML Core has no boxes and no strokes")
    return _LEANING_LETTER.sub('<mi class="leaning">', mathml)


def _without_number(match: re.Match[str]) -> str:
    environment = _UNNUMBERED[match[2]]
    return f"\\{match[1]}{{{environment}}}" if environment else ""


def _breaks_a_line_outside_an_environment(tex: str) -> bool:
    depth = 0
    for token in re.findall(r"\\(?:begin\b|end\b|.)", tex, re.DOTALL):
        depth += {r"\begin": 1, r"\end": -1}.get(token, 0)
        if token == r"\\" and depth == 0:
            return True
    return False


class Renderer:
    """Writes the math nodes of a page."""

    def __init__(self) -> None:
        self.macros: dict[str, Macro] = {}
        self.failed_pages: set[str] = set()

    def read_config(self, app: Sphinx, config: Config) -> None:
        try:
            self.macros = read_macros(config.mathml_macros)
        except ValueError as error:
            raise ConfigError(f"mathml_macros: {error}") from error

    def inline(self, writer: HTML5Translator, node: nodes.math) -> None:
        mathml = self._convert(writer, node, display=False)
        before, after = (writer.encode(node.get(side, "")) for side in ("before", "after"))
        writer.body.append(writer.starttag(node, "span", "", CLASS="formula notranslate"))
        writer.body.append(f"{before}{mathml}{after}</span>")
        raise nodes.SkipNode

    def display(self, writer: HTML5Translator, node: nodes.math_block) -> None:
        writer.body.append(writer.starttag(node, "div", CLASS="formula notranslate"))
        # The formula scrolls inside this box; browsers let the keyboard reach a box that scrolls.
        mathml = self._convert(writer, node, display=True)
        writer.body.append(f'<div class="formula-scroll">{mathml}</div>')
        if node["number"]:
            number = get_node_equation_number(writer, node)
            writer.body.append(f'<span class="eqno">({number})')
            writer.add_permalink_ref(node, "Link to this equation")
            writer.body.append("</span>")
        writer.body.append("</div>\n")
        raise nodes.SkipNode

    def _convert(self, writer: HTML5Translator, node: nodes.Element, *, display: bool) -> str:
        tex = node.astext()
        try:
            return to_mathml(tex, display=display, macros=self.macros)
        except ValueError as error:
            page = writer.builder.current_docname
            self.failed_pages.add(page)
            logger.error(
                "formula cannot be set: %s: %s",
                str(error).rstrip("."),
                tex.strip(),
                location=node if node.source or node.parent else page,
                type="mathml",
            )
            return f"<code>{writer.encode(tex)}</code>"

    def drop_failed_pages(self, app: Sphinx, exception: Exception | None) -> None:
        """Remove pages that must not look finished: Sphinx writes a missing file anew."""
        for page in self.failed_pages:
            Path(app.builder.get_outfilename(page)).unlink(missing_ok=True)  # type: ignore[attr-defined]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer, its macros and its style sheet."""
    renderer = Renderer()
    app.add_config_value("mathml_macros", {}, "html", types=[dict])
    app.connect("config-inited", renderer.read_config)
    app.connect("build-finished", renderer.drop_failed_pages)
    app.add_transform(LabelsOfEnvironments)
    app.add_post_transform(PunctuationOfFormulas)
    app.add_html_math_renderer("mathml", (renderer.inline, None), (renderer.display, None))
    app.add_css_file("mathml.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
