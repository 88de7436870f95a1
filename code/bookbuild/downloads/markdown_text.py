r"""The text of a paragraph, and mathematics, as Markdown that Jupyter shows.

Two things are particular to Jupyter: it takes everything between dollars out of the text
before it reads the Markdown, and it knows no numbers for equations but ``\tag``.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from mimetypes import guess_type
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from docutils import nodes

from bookbuild.extensions.tex_macros import Macro, expand

GLUED = "<sup>book</sup>"

# Accents take one token: \hat\boldsymbol{x} is an error in MathJax and in KaTeX.
_BARE_ARGUMENT = re.compile(
    r"\\(hat|bar|tilde|vec|dot|ddot|widehat|widetilde|overline|underline|sqrt)\s*"
    r"(\\(?:boldsymbol|bm|math[a-z]+|operatorname|text)\{[^{}]*\})"
)
# As on the site: one number for the whole environment, so its rows have none.
_ENVIRONMENT = re.compile(r"\\(begin|end)\{(align|gather|equation)\*?\}")
_UNNUMBERED = {"align": "aligned", "gather": "gathered"}


@dataclass
class Page:
    """What a writer must know beside the doctree.

    Attributes
    ----------
    folder : Path
        Where the book's sources lie; pictures are named relative to it.
    numbers : mapping
        Kind of node (``figure``, ``displaymath``, ``exercise``, ...) to id to number.
    sections : mapping
        Anchor of a section to its number; the page's own anchor is empty.
    formats : mapping
        Kind of node to its title, with ``%s`` in the number's place.
    macros : mapping
        The book's TeX macros.
    url : str or None
        The page's own address, if it is known: links to other pages lead there.
    titles : mapping
        Address of another page, relative to this one, to its title: what a link tells instead
        where nobody knows the site's address.
    """

    folder: Path
    numbers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    sections: Mapping[str, str] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)
    macros: Mapping[str, Macro] = field(default_factory=dict)
    url: str | None = None
    titles: Mapping[str, nodes.Element] = field(default_factory=dict)


def clean_math(tex: str, macros: Mapping[str, Macro]) -> str:
    """TeX without macros, comments and empty lines (an empty line ends Jupyter's formula)."""
    tex = re.sub(r"(?<!\\)%[^\n]*\n?", "", expand(tex, macros))
    tex = _BARE_ARGUMENT.sub(r"\\\1{\2}", tex)
    return re.sub(r"\n\s*\n", "\n", tex).strip()


def display_math(tex: str, number: str, macros: Mapping[str, Macro], *, one_line: bool) -> str:
    r"""A formula between ``$$``, with its number as ``\tag``."""

    def unnumbered(match: re.Match[str]) -> str:
        environment = _UNNUMBERED.get(match[2])
        return f"\\{match[1]}{{{environment}}}" if environment else ""

    tex = _ENVIRONMENT.sub(unnumbered, clean_math(tex, macros)).strip()
    if number:
        tex += f" \\tag{{{number}}}"
    return f"$${' '.join(tex.split())}$$" if one_line else f"$$\n{tex}\n$$"


def escape_text(text: str) -> str:
    """Text that Markdown and Jupyter show as it is."""
    text = re.sub(r"([\\`*<$~|]|\](?=[(\[:]))", r"\\\1", text)
    text = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text)
    return re.sub(r"&(?=#?\w+;)", "&amp;", text)


def start_of_line(text: str) -> str:
    """A paragraph that does not happen to begin like a heading, a list or a quotation."""
    return re.sub(r"^(\d*)(>|[#+\-=.)](?=\s|$|[#=-]))", r"\1\\\2", text)


def code_span(text: str) -> str:
    """Text between as many backticks as it takes."""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}"


class TextWriter:
    """Writes what stands inside paragraphs.

    Attributes
    ----------
    attachments : dict
        Name of a picture to its mime bundle; the Markdown shows it by ``attachment:name``.
    unknown : list of str
        What could not be written, with its line.
    glued : bool
        Whether a glued value was written.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.attachments: dict[str, dict[str, str]] = {}
        self.unknown: list[str] = []
        self.glued = False
        self._emphasis = "*"
        self._in_table = False

    def text(self, node: nodes.Element) -> str:
        """What stands in ``node``, on one line."""
        text = "".join(self.inline(child) for child in node.children)
        return re.sub(r"\s*\n\s*", " ", text).strip()

    def inline(self, node: nodes.Node) -> str:
        """One node inside a paragraph."""
        for kind in type(node).__mro__:
            if write := getattr(self, f"inline_{kind.__name__}", None):
                return str(write(node))
        self.not_written(node)
        return ""

    def not_written(self, node: nodes.Node, why: str = "") -> None:
        """Note that a reader would miss something."""
        at: nodes.Node | None = node
        while at is not None and at.line is None:
            at = at.parent
        line = f"line {at.line}: " if at is not None else ""
        self.unknown.append(line + (why or f"no Markdown for {type(node).__name__}"))

    def inline_Text(self, node: nodes.Text) -> str:
        return escape_text(node.astext())

    def inline_Invisible(self, node: nodes.Element) -> str:
        return ""

    def _children(self, node: nodes.Element) -> str:
        return "".join(self.inline(child) for child in node.children)

    inline_target = inline_abbreviation = inline_generated = inline_caption = _children

    def inline_emphasis(self, node: nodes.Element) -> str:
        return f"{self._emphasis}{self._children(node)}{self._emphasis}"

    inline_title_reference = inline_emphasis

    def inline_strong(self, node: nodes.Element) -> str:
        return f"**{self._children(node)}**"

    def inline_subscript(self, node: nodes.Element) -> str:
        return f"<sub>{self._children(node)}</sub>"

    def inline_superscript(self, node: nodes.Element) -> str:
        return f"<sup>{self._children(node)}</sup>"

    inline_footnote_reference = inline_superscript

    def inline_literal(self, node: nodes.Element) -> str:
        text = code_span(node.astext())
        return text.replace("|", r"\|") if self._in_table else text

    def inline_math(self, node: nodes.Element) -> str:
        tex = " ".join(clean_math(node.astext(), self.page.macros).split())
        if self._in_table:  # a bar would end the cell
            tex = tex.replace(r"\|", r"\Vert ").replace("|", r"\vert ")
        # extensions.mathml keeps punctuation at the formula, so that no line breaks between them
        before, after = (escape_text(node.get(side, "")) for side in ("before", "after"))
        return f"{before}${tex}${after}"

    def inline_math_block(self, node: nodes.Element) -> str:
        return display_math(node.astext(), "", self.page.macros, one_line=True)

    def inline_raw(self, node: nodes.raw) -> str:
        return node.astext() if "html" in node.get("format", "").split() else ""

    def inline_inline(self, node: nodes.Element) -> str:
        if "pasted-text" not in node["classes"]:
            return self._children(node)
        self.glued = True
        return self._children(node) + GLUED

    def inline_held(self, node: nodes.Element) -> str:
        # in a notebook the claim's line shows what the reader's own run makes of it
        return f"[<sup>claim</sup>](#claim-{node['claim']})"

    def inline_reference(self, node: nodes.Element) -> str:
        text = self._children(node)
        address = node.get("refuri", "")
        cited = "bibtex-citation" in node.parent.get("classes", ())
        if not urlsplit(address).scheme:
            if cited or not address or address.startswith("#"):
                return text
            if not self.page.url:
                return text + self._on_page(node, address)
            address = urljoin(self.page.url, address)
        if node.astext() == address:
            return f"<{address}>"
        return f"[{text}](<{address}>)" if re.search(r"[()\s]", address) else f"[{text}]({address})"

    def _on_page(self, node: nodes.Element, address: str) -> str:
        """Which page a link means, if its words do not say it."""
        title = self.page.titles.get(address.partition("#")[0])
        if title is None or node.astext().casefold() == title.astext().casefold():
            return ""
        return f" (“{self.text(title)}”)"

    inline_number_reference = inline_download_reference = inline_reference

    def inline_image(self, node: nodes.Element) -> str:
        uri = node["uri"]
        if not urlsplit(uri).scheme:
            kind = guess_type(uri)[0] or "application/octet-stream"
            data = (self.page.folder / uri).read_bytes()
            name = uri.lstrip("./").replace("/", "-").replace(" ", "-")
            self.attachments[name] = {kind: base64.b64encode(data).decode("ascii")}
            uri = f"attachment:{name}"
        return f"![{escape_text(node.get('alt', ''))}]({uri})"
