"""What a page's source says, line by line: its directives, its prose, its code cells."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import nbformat
import yaml
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser

# stands where a sentence holds something that is no prose: a formula, code, a role, a link
GAP = "\ufffc"
# a number that a cell glued, and the mark of a sentence that a claim holds up
GLUED = "\ufffb"
HELD = "\u2713"

_ROLES = {"glue:text": GLUED, "held": HELD}

# roles that lead to a label, or to a page
_LEADING = {"eq", "numref", "ref", "prf:ref", "doc"}
# an equation's label in a comment of the code
EQUATION = re.compile(r"\beq-[a-z0-9]+(?:-[a-z0-9]+)*\b")
COMMENT = re.compile(r"#[^\n]*")

# what gives a directive its label
_LABELS = ("label", "name")

# directives whose content is not Markdown
_VERBATIM = {"raw-cell", "code", "code-block", "literalinclude", "math", "raw"}


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with the book, and where.

    Attributes
    ----------
    file : str
        Relative to the book's root.
    line : int
        Counted from one.
    message : str
    severity : {"error", "strict", "warning"}
        What is strict fails a strict build alone, and does not concern a reader. A warning is
        worth an author's look and fails nothing.
    """

    file: str
    line: int
    message: str
    severity: Literal["error", "strict", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Directive:
    """A directive: ``{name} argument`` with its options and content, and where it begins."""

    name: str
    argument: str
    options: Mapping[str, Any]
    line: int
    content: str = ""


@dataclass(frozen=True)
class Cell:
    """A code cell with its outputs, and the line where it begins."""

    node: nbformat.NotebookNode
    line: int

    @property
    def layout(self) -> Mapping[str, Any]:
        """What the cell's header says under ``mystnb``."""
        return self.node.metadata.get("mystnb") or {}


@dataclass
class PageSource:
    """A page as its author wrote it, and what its cells gave out.

    Attributes
    ----------
    file : str
        Relative to the book's root.
    directives, cells : list
        In the page's order; equations in dollars with a label count as ``math``.
    prose : list of (int, str)
        Line and text of each paragraph. Headings are left out; ``GAP`` stands for formulas,
        code, roles and links, ``GLUED`` and ``HELD`` for these two roles.
    held : list of (int, str)
        Line of the paragraph, and the claim that a mark names.
    labels : mapping from label to the line that gives it
    references : list of (int, str, str)
        Line, role and goal of what leads to a label or to a page; the role of a comment in the
        code that names an equation is ``"#"``.
    """

    file: str
    directives: list[Directive] = field(default_factory=list)
    prose: list[tuple[int, str]] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    held: list[tuple[int, str]] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    references: list[tuple[int, str, str]] = field(default_factory=list)

    def named(self, *names: str) -> list[Directive]:
        """Directives of these names."""
        return [directive for directive in self.directives if directive.name in names]

    def finding(self, line: int, message: str) -> Finding:
        """An error on this page."""
        return Finding(self.file, line, message)


def read_page(file: str, text: str, notebook: nbformat.NotebookNode) -> PageSource:
    """Read a page.

    Parameters
    ----------
    file : str
        Its name in findings.
    text : str
        Its source.
    notebook : NotebookNode
        Its cells as MyST-NB reads them, with outputs.
    """
    page = PageSource(file)
    _read(page, text, first_line=1)
    # MyST-NB counts from one for code, and from zero for Markdown
    lines = notebook.metadata.get("source_map", [])
    for cell, line in zip(notebook.cells, lines, strict=True):
        if cell.cell_type == "code":
            page.cells.append(Cell(cell, line))
            page.references += [(line, "#", label) for label in equations_named_in(cell.source)]
            figure = page.cells[-1].layout.get("figure") or {}
            if name := figure.get("name"):
                page.labels.setdefault(str(name), line)
            for token in _parser().parse(str(figure.get("caption") or "")):
                page.references += [(line, *goal) for _, *goal in _references(token, line)]
    return page


def equations_named_in(code: str) -> list[str]:
    """Labels of the equations that the comments of a cell name."""
    return [label for comment in COMMENT.findall(code) for label in EQUATION.findall(comment)]


def _read(page: PageSource, text: str, first_line: int) -> None:
    in_heading = False
    line = first_line
    for token in _parser().parse(text):
        if token.map:
            line = first_line + token.map[0]
        if token.type in ("heading_open", "heading_close"):
            in_heading = token.type == "heading_open"
        elif token.type == "inline" and not in_heading:
            page.prose.append((line, _prose(token)))
            page.held += [(line, name) for name in _held(token)]
            page.references += _references(token, line)
        elif token.type == "myst_target":
            page.labels.setdefault(token.content, line)
        elif token.type == "math_block_label":
            page.labels.setdefault(token.info, line)
            page.directives.append(Directive("math", "", {"label": token.info}, line))
        elif token.type in ("fence", "colon_fence"):
            start = re.match(r"\{([^}]+)\}\s*(.*)", token.info)
            if start is None or start[1] == "code-cell":  # those come with the notebook
                continue
            options, skipped = _options(token.content)
            body = "\n".join(token.content.split("\n")[skipped:])
            page.directives.append(Directive(start[1], start[2].strip(), options, line, body))
            for key in _LABELS:
                if options.get(key):
                    page.labels.setdefault(str(options[key]), line)
            if start[1] not in _VERBATIM:
                _read(page, body, line + 1 + skipped)


def _prose(inline: Token) -> str:
    text = ""
    in_link = False
    for child in inline.children or []:
        if child.type in ("link_open", "link_close"):
            in_link = child.type == "link_open"
        if child.type in ("softbreak", "hardbreak"):
            text += "\n"
        elif child.type == "text" and not in_link:
            text += child.content
        else:
            role = child.meta.get("name") if child.type == "myst_role" else None
            text += _ROLES.get(str(role), GAP) + "\n" * child.content.count("\n")
    return text


def _references(token: Token, line: int) -> Iterator[tuple[int, str, str]]:
    """Line, role and goal of the references in a paragraph that begins at ``line``."""
    for child in token.children or []:
        if child.type in ("softbreak", "hardbreak"):
            line += 1
        elif child.type == "myst_role" and (role := str(child.meta.get("name"))) in _LEADING:
            shown = re.fullmatch(r".*<([^<>]+)>\s*", child.content, re.DOTALL)
            yield line, role, (shown[1] if shown else child.content).strip()


def _held(inline: Token) -> list[str]:
    roles = [child for child in inline.children or [] if child.type == "myst_role"]
    return [child.content for child in roles if child.meta.get("name") == "held"]


def _options(content: str) -> tuple[Mapping[str, Any], int]:
    """Options at the start of a directive's content, and how many lines they take."""
    lines = content.split("\n")
    if lines[0] == "---" and "---" in lines[1:]:
        end = lines.index("---", 1)
        read = yaml.safe_load("\n".join(lines[1:end]))
        return read if isinstance(read, dict) else {}, end + 1
    options: dict[str, str] = {}
    for number, line in enumerate(lines):
        option = re.match(r":([\w.-]+):\s*(.*)", line)
        if option is None:
            return options, number
        options[option[1]] = option[2].strip()
    return options, len(lines)


@cache
def _parser() -> MarkdownIt:
    # all the extensions that a page may use: one too many does no harm here
    extensions = {"amsmath", "colon_fence", "deflist", "dollarmath", "substitution"}
    return create_md_parser(MdParserConfig(enable_extensions=extensions), RendererHTML)
