"""Whether every link in the built site leads somewhere."""

from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from bookbuild.checks.kept_findings import Memory
from bookbuild.page_source import Finding


class _Parser(HTMLParser):
    """Five times faster than a tree of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[tuple[int, str]] = []
        self.anchors: dict[str, None] = {}  # a set that keeps its order

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and name == "href":
                self.links.append((self.getpos()[0], value))
            elif value and (name == "id" or (tag, name) == ("a", "name")):
                self.anchors[value] = None


def _parse(text: str) -> dict[str, list[Any]]:
    """Line and goal of its links, and its anchors."""
    parser = _Parser()
    parser.feed(text)
    return {"links": parser.links, "anchors": list(parser.anchors)}


def check_links(folder: Path, memory: Path | None = None) -> list[Finding]:
    """Find the links to files and anchors of the site that do not exist.

    Parameters
    ----------
    folder : Path
        The site.
    memory : Path, optional
        A file to keep what was read in, so that pages which did not change are not parsed
        again.

    Returns
    -------
    list of Finding
        Files are given relative to ``folder``.
    """
    folder = folder.resolve()
    # the theme leaves templates in _static
    paths = [p for p in sorted(folder.rglob("*.html")) if (folder / "_static") not in p.parents]
    remembered = Memory(memory)
    pages = {}
    for path in paths:
        text = path.read_text("utf-8")
        pages[path] = remembered.get(text, find=partial(_parse, text))
    remembered.keep()
    anchors = {path: set(page["anchors"]) for path, page in pages.items()}
    findings = []
    for path, page in pages.items():
        for line, link in page["links"]:
            if (problem := _problem(link, path, anchors)) is not None:
                file = path.relative_to(folder).as_posix()
                findings.append(Finding(file, line, f"the link {link!r} leads to {problem}"))
    return findings


def _problem(link: str, path: Path, anchors: dict[Path, set[str]]) -> str | None:
    address = urlsplit(link)
    if address.scheme or address.netloc:
        return None
    goal = (path.parent / unquote(address.path)).resolve() if address.path else path
    if goal.is_dir():
        goal /= "index.html"
    if goal not in anchors:
        return None if goal.is_file() else "no file"
    anchor = unquote(address.fragment)
    if anchor and anchor not in anchors[goal]:
        return "no anchor of that page"
    return None
