"""A page's doctree as plain Markdown that reads well in Jupyter.

Jupyter knows CommonMark with tables, TeX between dollars, and HTML. It knows no directives,
no references and no footnotes: what the book's build has resolved is written out as text.
"""

import html
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import groupby

from docutils import nodes
from sphinx.locale import admonitionlabels

from bookbuild.downloads.markdown_text import TextWriter, display_math, start_of_line
from bookbuild.extensions.self_check import verdict


@dataclass(frozen=True)
class CodeCell:
    """The place of a code cell: its index in the executed notebook."""

    index: int
    in_solution: bool = False


Block = str | CodeCell


class Writer(TextWriter):
    """Turns the nodes of one page into Markdown blocks and places of code cells."""

    _level = 0
    _nested = False  # inside a quotation, a list or a table

    def blocks(self, node: nodes.Element) -> list[Block]:
        """All that stands in ``node``, in order."""
        return self._all(node.children)

    def _all(self, children: Iterable[nodes.Node]) -> list[Block]:
        return [block for child in children for block in self._block(child)]

    def _block(self, node: nodes.Node) -> list[Block]:
        for kind in type(node).__mro__:
            if write := getattr(self, f"block_{kind.__name__}", None):
                return list(write(node))
            if hasattr(self, f"inline_{kind.__name__}"):
                text = self.inline(node).strip()
                return [start_of_line(text)] if text else []
        self.not_written(node)
        return []

    def _inside(self, children: Iterable[nodes.Node]) -> list[Block]:
        outer, self._nested = self._nested, True
        blocks = self._all(children)
        self._nested = outer
        return blocks

    def _joined(self, node: nodes.Element, blocks: Iterable[Block], separator: str = "\n\n") -> str:
        """Blocks of a node in which no code cell can stand, as one text."""
        parts = list(blocks)
        if any(isinstance(block, CodeCell) for block in parts):
            self.not_written(node, f"a code cell inside a {node.tagname}")
        return separator.join(block for block in parts if isinstance(block, str))

    # -- structure --------------------------------------------------------------------

    def block_section(self, node: nodes.Element) -> list[Block]:
        titled = bool(node.children) and isinstance(node[0], nodes.title)
        self._level += titled
        blocks = self.blocks(node)
        self._level -= titled
        return blocks

    def block_title(self, node: nodes.Element) -> list[Block]:
        anchors = [""] if self._level == 1 else [f"#{name}" for name in node.parent["ids"]]
        number = next((self.page.sections[a] for a in anchors if a in self.page.sections), "")
        return [" ".join(filter(None, ["#" * self._level, number, self.text(node)]))]

    def block_compound(self, node: nodes.Element) -> list[Block]:
        return self.blocks(node)

    block_legend = block_proof_node = block_glossary = block_HideCodeCellNode = block_compound
    block_definition = block_only = block_compound

    def block_container(self, node: nodes.Element) -> list[Block]:
        if node.get("nb_element") != "cell_code":
            return self.blocks(node)
        captions = [
            caption for figure in node.findall(nodes.figure) for caption in self._caption(figure)
        ]
        return [CodeCell(node["cell_index"]), *captions]

    def block_transition(self, node: nodes.Element) -> list[Block]:
        return ["---"]

    def block_docinfo(self, node: nodes.Element) -> list[Block]:
        return []

    # -- plain blocks -----------------------------------------------------------------

    def block_paragraph(self, node: nodes.Element) -> list[Block]:
        return [start_of_line(self.text(node))]

    def block_attribution(self, node: nodes.Element) -> list[Block]:
        return [f"— {self.text(node)}"]

    def block_rubric(self, node: nodes.Element) -> list[Block]:
        return [f"**{self.text(node)}**"]

    def block_line_block(self, node: nodes.Element) -> list[Block]:
        return ["<br>".join(self.text(line) for line in node.findall(nodes.line))]

    def block_literal_block(self, node: nodes.Element) -> list[Block]:
        code = node.astext().rstrip()
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", code)), default=0))
        language = node.get("language", "")
        language = {"default": "", "none": "", "ipython3": "python"}.get(language, language)
        return [f"{fence}{language}\n{code}\n{fence}"]

    def block_math_block(self, node: nodes.Element) -> list[Block]:
        number = self._number("displaymath", node) or str(node.get("number") or "")
        # a ">" in front of a formula's second line would become part of the formula
        return [display_math(node.astext(), number, self.page.macros, one_line=self._nested)]

    def block_raw(self, node: nodes.Element) -> list[Block]:
        return [text] if (text := self.inline_raw(node).strip()) else []

    def block_figure(self, node: nodes.Element) -> list[Block]:
        legend = [child for child in node if isinstance(child, nodes.legend)]
        images = [self.inline_image(image) for image in node.findall(nodes.image)]
        return [*images, *self._caption(node), *self._all(legend)]

    def _caption(self, node: nodes.Element) -> list[Block]:
        captions = [child for child in node if isinstance(child, nodes.caption | nodes.title)]
        if not captions:
            return []
        title = self._titled_number("table" if isinstance(node, nodes.table) else "figure", node)
        self._emphasis = "_"
        text = self.text(captions[0])
        self._emphasis = "*"
        return [f"*{title}: {text}*" if title else f"*{text}*"]

    def _number(self, kind: str, node: nodes.Element) -> str:
        numbers = self.page.numbers.get(kind, {})
        return next((numbers[name] for name in node["ids"] if name in numbers), "")

    def _titled_number(self, kind: str, node: nodes.Element) -> str:
        number = self._number(kind, node)
        return self.page.formats.get(kind, "%s").replace("%s", number) if number else ""

    # -- boxes ------------------------------------------------------------------------

    def block_block_quote(self, node: nodes.Element) -> list[Block]:
        return self._quote("", node.children)

    def block_Admonition(self, node: nodes.Element) -> list[Block]:
        title, body = admonitionlabels.get(node.tagname, ""), list(node.children)
        if body and isinstance(body[0], nodes.title):
            title = self.text(body.pop(0))
        if kind := node.get("realtype"):  # sphinx-proof's; its title is " (Name)" or nothing
            title = f"{kind.capitalize()} {self._number(node['countertype'], node)} {title}"
        elif node.get("type", "").startswith("exercise"):
            title = f"{self._titled_number('exercise', node)} {title}"
        return self._quote(" ".join(title.split()), body)

    block_topic = block_sidebar = block_Admonition

    def _quote(self, title: str, body: Iterable[nodes.Node]) -> list[Block]:
        blocks = self._inside(body)
        if title:
            blocks.insert(0, f"**{title}**")
        return _wrap(blocks, lambda text, _: re.sub("(?m)^", "> ", text).replace("> \n", ">\n"))

    def block_solution_node(self, node: nodes.Element) -> list[Block]:
        # No code cell can stand inside <details>: prose before and after it gets its own, and
        # the cell is folded by its metadata.
        title = html.escape(" ".join(node[0].astext().split()), quote=False)
        blocks = [
            replace(block, in_solution=True) if isinstance(block, CodeCell) else block
            for block in self._all(node.children[1:])
        ]

        def details(text: str, first: bool) -> str:
            summary = title if first else f"{title}, continued"
            return f"<details>\n<summary><b>{summary}</b></summary>\n\n{text}\n\n</details>"

        wrapped = _wrap(blocks, details)
        if wrapped and isinstance(wrapped[0], CodeCell):
            wrapped.insert(0, f"**{title}**, in the folded cell:")
        return wrapped

    def block_self_check(self, node: nodes.Element) -> list[Block]:
        return ["**Check yourself**", *self.blocks(node)]

    def block_self_check_answer(self, node: nodes.Element) -> list[Block]:
        answer, *feedback = node.children
        blocks: list[Block] = [verdict(node), *self._inside(feedback)]
        # Jupyter shows no Markdown in the line that unfolds
        summary = html.escape(" ".join(answer.astext().split()), quote=False)
        text = self._joined(node, blocks)
        return [f"<details>\n<summary>{summary}</summary>\n\n{text}\n\n</details>"]

    # -- lists and tables -------------------------------------------------------------

    def block_bullet_list(self, node: nodes.Element) -> list[Block]:
        return self._list(node, ["-"] * len(node))

    def block_enumerated_list(self, node: nodes.Element) -> list[Block]:
        start = node.get("start", 1)
        return self._list(node, [f"{start + i}." for i in range(len(node))])

    def _list(self, node: nodes.Element, markers: list[str]) -> list[Block]:
        separator = "\n" if all(_is_tight(item) for item in node) else "\n\n"
        items = [
            _item(marker, self._joined(node, self._inside(item.children), separator))
            for item, marker in zip(node.children, markers, strict=True)
        ]
        return [separator.join(items)]

    def block_definition_list(self, node: nodes.Element) -> list[Block]:
        items = []
        for item in node.children:
            terms = [self.text(child) for child in item if isinstance(child, nodes.term)]
            meaning = [child for child in item if isinstance(child, nodes.definition)]
            text = self._joined(node, self._inside(meaning))
            items.append(_item("-", f"**{', '.join(terms)}**: {text}"))
        return ["\n\n".join(items)]

    def block_footnote(self, node: nodes.Element) -> list[Block]:
        label, *body = node.children
        return [f"<sup>{label.astext()}</sup> {self._joined(node, self._inside(body))}"]

    def block_citation(self, node: nodes.Element) -> list[Block]:
        return [_item("-", self._joined(node, self._inside(node.children[1:])))]

    def block_table(self, node: nodes.Element) -> list[Block]:
        self._in_table = True
        rows = [[self._cell(entry) for entry in row] for row in node.findall(nodes.row)]
        self._in_table = False
        if node.next_node(nodes.thead) is None:
            rows.insert(0, [""] * len(rows[0]))
        rows.insert(1, ["---"] * len(rows[0]))
        return [*self._caption(node), "\n".join(f"| {' | '.join(row)} |" for row in rows)]

    def _cell(self, entry: nodes.Element) -> str:
        if entry.get("morecols") or entry.get("morerows"):
            self.not_written(entry, "a table's cell over several rows or columns")
        return re.sub(r"\n+", "<br>", self._joined(entry, self._inside(entry.children)))


def _wrap(blocks: list[Block], wrap: Callable[[str, bool], str]) -> list[Block]:
    """Wrap each run of Markdown between code cells; ``wrap`` is told which run is the first."""
    wrapped: list[Block] = []
    first = True
    for is_text, run in groupby(blocks, key=lambda block: isinstance(block, str)):
        if is_text:
            wrapped.append(wrap("\n\n".join(str(block) for block in run), first))
            first = False
        else:
            wrapped.extend(run)
    return wrapped


def _item(marker: str, text: str) -> str:
    indented = text.replace("\n", "\n" + " " * (len(marker) + 1))
    return f"{marker} " + re.sub(r"(?m)^ +$", "", indented)


def _is_tight(item: nodes.Element) -> bool:
    """Whether a list item is one paragraph, with or without a list below it."""
    lists = (nodes.bullet_list, nodes.enumerated_list)
    return all(isinstance(c, nodes.paragraph) == (i == 0) for i, c in enumerate(item)) and all(
        isinstance(child, lists) for child in item.children[1:]
    )
