"""Whether every link in the built site leads somewhere."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bookbuild.pagesource import Finding


class _Links(HTMLParser):
    """Links and anchors of one page. Five times faster than a tree of the page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[tuple[int, str]] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and name == "href":
                self.links.append((self.getpos()[0], value))
            elif value and (name == "id" or (tag, name) == ("a", "name")):
                self.anchors.add(value)


def check_site(folder: Path) -> list[Finding]:
    """Find the links to files and anchors of the site that do not exist.

    Parameters
    ----------
    folder : Path
        The site.

    Returns
    -------
    list of Finding
        Files are given relative to ``folder``.
    """
    folder = folder.resolve()
    # the theme leaves templates in _static
    paths = [p for p in sorted(folder.rglob("*.html")) if (folder / "_static") not in p.parents]
    pages = {path: _Links(path) for path in paths}
    findings = []
    for path, page in pages.items():
        for line, link in page.links:
            if (problem := _problem(link, path, pages)) is not None:
                file = path.relative_to(folder).as_posix()
                findings.append(Finding(file, line, f"the link {link!r} leads to {problem}"))
    return findings


def _problem(link: str, path: Path, pages: dict[Path, _Links]) -> str | None:
    address = urlsplit(link)
    if address.scheme or address.netloc:
        return None
    goal = (path.parent / unquote(address.path)).resolve() if address.path else path
    if goal.is_dir():
        goal /= "index.html"
    if goal not in pages:
        return None if goal.is_file() else "no file"
    anchor = unquote(address.fragment)
    if anchor and anchor not in pages[goal].anchors:
        return "no anchor of that page"
    return None
