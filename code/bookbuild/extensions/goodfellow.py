"""Where the sections of Goodfellow, Bengio and Courville (2016) are: ``{goodfellow}``.

Each page says in its front matter of which sections it is (``sections: ["18.1", "18.2"]``). The
directive stands for two tables, by section and by page.
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective
from sphinx_external_toc.parsing import parse_toc_yaml

from bookbuild.extensions.tables import Cell, page_link, table
from bookbuild.front_matter import line_of, sections
from bookbuild.page_source import Finding

CHAPTERS = (
    *("feedforward", "regularization", "optimization", "convolution", "sequence"),
    *("methodology", "applications", "boltzmann"),
)
TO_COME = "to come"


class goodfellow_tables(nodes.General, nodes.Element):  # docutils names nodes in lower case
    """Stands where the tables will be."""


class Goodfellow(SphinxDirective):
    """``{goodfellow}``: each section with its pages, each page with its sections."""

    def run(self) -> list[nodes.Node]:
        self.env.metadata[self.env.docname]["goodfellow"] = True
        return [goodfellow_tables()]


@cache
def subjects() -> dict[str, str]:
    """Number of a section that the book has to cover, to its subject, in order."""
    text = Path(__file__).with_suffix(".toml").read_text("utf-8")
    return {
        f"{chapter}.{number}": subject
        for chapter, told in tomllib.loads(text).items()
        for number, subject in enumerate(told["sections"], start=1)
    }


def pages_of(section: str, given: Mapping[str, list[str]]) -> list[str]:
    """The pages that are about a section, a part of it or the whole of its chapter.

    Parameters
    ----------
    section : str
        ``"18.1"``.
    given : mapping from page to its sections
    """
    chapter = section.partition(".")[0]
    return [
        page
        for page, numbers in given.items()
        if any(n in (section, chapter) or n.startswith(f"{section}.") for n in numbers)
    ]


def check_sections(texts: Mapping[str, str]) -> Iterator[Finding]:
    """Find pages of a chapter without sections, sections that do not exist, and gaps.

    That a section is on no page is a fault of a book that has all its chapters.

    Parameters
    ----------
    texts : mapping from document to its source
    """
    given: dict[str, list[str]] = {}
    for name, text in texts.items():
        file, line = f"{name}.md", line_of(text, "sections")
        try:
            given[name] = sections(text)
        except ValueError as error:
            yield Finding(file, line, str(error))
            continue
        if name.count("/") == 2 and not name.endswith("/index") and not given[name]:
            yield Finding(file, 1, 'the page names no sections of Goodfellow (sections: ["6.1"])')
        for number in given[name]:
            chapter, section = number.split(".")[0], ".".join(number.split(".")[:2])
            known = [s for s in subjects() if s.startswith(f"{chapter}.")]
            if known and section != chapter and section not in known:
                yield Finding(file, line, f"Goodfellow has no section {number}")
    if all(f"book/{chapter}/index" in texts for chapter in CHAPTERS):
        for section, subject in subjects().items():
            if not pages_of(section, given):
                message = f"no page is about Goodfellow's section {section} ({subject})"
                yield Finding("_toc.yml", 1, message, "strict")


def collect(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """After all pages are read: the page with the tables is written again if they changed."""
    given = {}
    # not by Sphinx's numbers, which are given later
    for page in parse_toc_yaml(Path(app.srcdir) / "_toc.yml"):
        if page not in env.found_docs:
            continue
        try:
            given[page] = sections(Path(env.doc2path(page)).read_text("utf-8-sig"))
        except (OSError, ValueError):  # the checks tell
            given[page] = []
    given = {page: numbers for page, numbers in given.items() if numbers}
    changed = given != getattr(env, "bookbuild_sections", None)
    env.bookbuild_sections = given  # type: ignore[attr-defined]
    return [page for page in env.all_docs if "goodfellow" in env.metadata[page]] if changed else []


def fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the tables where the directive stands."""
    for place in list(doctree.findall(goodfellow_tables)):
        given: dict[str, list[str]] = app.env.bookbuild_sections  # type: ignore[attr-defined]
        by_section: list[list[Cell]] = [
            [section, subject, _links(app, docname, pages_of(section, given))]
            for section, subject in subjects().items()
        ]
        by_page: list[list[Cell]] = [
            [_links(app, docname, [page]), ", ".join(numbers)] for page, numbers in given.items()
        ]
        place.replace_self(
            [
                nodes.rubric("", "By section"),
                table(
                    by_section,
                    head=["section", "subject", "pages"],
                    widths=(1, 4, 6),
                    name="db-sections",
                ),
                nodes.rubric("", "By page"),
                table(by_page, head=["page", "sections"], widths=(5, 4), name="db-page-sections"),
            ]
        )


def _links(app: Sphinx, docname: str, pages: list[str]) -> nodes.Node:
    links: list[nodes.Node] = []
    for page in pages:
        links += [nodes.Text(", ")] if links else []
        links.append(page_link(app, docname, page))
    return nodes.inline("", "", *(links or [nodes.Text(TO_COME)]))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_node(goodfellow_tables)
    app.add_directive("goodfellow", Goodfellow)
    app.connect("env-updated", collect)
    app.connect("doctree-resolved", fill)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
