"""Whether every link in the built site leads somewhere."""

import hashlib
import json
from dataclasses import asdict, dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bookbuild.pagesource import Finding


@dataclass(frozen=True)
class _Page:
    """Line and goal of its links, and its anchors."""

    links: list[tuple[int, str]]
    anchors: list[str]


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


def _parse(text: str) -> _Page:
    parser = _Parser()
    parser.feed(text)
    return _Page(parser.links, list(parser.anchors))


class _Memory:
    """What pages with these bytes were found to link to, kept in a file between builds."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.now: dict[str, _Page] = {}
        try:
            told = json.loads(file.read_text("utf-8"))
            self.before = {key: _Page(**page) for key, page in told.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            self.before = {}  # none, or a damaged one: all is parsed

    def read(self, path: Path) -> _Page:
        content = path.read_bytes()
        key = hashlib.sha256(content).hexdigest()
        page = self.before.get(key) or _parse(content.decode("utf-8"))
        self.now[key] = page
        return page

    def keep(self) -> None:
        told = {key: asdict(page) for key, page in self.now.items()}
        self.file.write_text(json.dumps(told), "utf-8")


def check_site(folder: Path, memory: Path | None = None) -> list[Finding]:
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
    if memory is None:
        pages = {path: _parse(path.read_text("utf-8")) for path in paths}
    else:
        remembered = _Memory(memory)
        pages = {path: remembered.read(path) for path in paths}
        remembered.keep()
    anchors = {path: set(page.anchors) for path, page in pages.items()}
    findings = []
    for path, page in pages.items():
        for line, link in page.links:
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
