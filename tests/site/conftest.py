import functools
import http.server
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

SITE = Path(__file__).parents[2] / "_build" / "html"


@dataclass(frozen=True)
class Page:
    name: str  # relative to the site, with ".html"
    path: Path
    soup: BeautifulSoup = field(repr=False)


@pytest.fixture(scope="session")
def site():
    if not (SITE / "index.html").is_file():
        pytest.fail("the site is not built: run make book first", pytrace=False)
    return SITE


@pytest.fixture(scope="session")
def all_pages(site):
    """Every HTML file of the site, in the book's folder, the search page and the redirect."""
    return [
        Page(
            path.relative_to(site).as_posix(), path, BeautifulSoup(path.read_text(), "html.parser")
        )
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.parts
    ]


@pytest.fixture(scope="session")
def pages(all_pages):
    """Every page that a reader stays on."""
    return [page for page in all_pages if not page.soup.select("meta[http-equiv=refresh]")]


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="session")
def address(site):
    """The site on this machine's own network, as a web server shows it."""
    handler = functools.partial(QuietHandler, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Reader:
    """A browser window that writes down what goes wrong in it."""

    def __init__(self, browser, root, **options):
        self.root = root
        self.context = browser.new_context(**options)
        self.context.route("**/*", self._only_from_the_site)
        self.page = self.context.new_page()
        self.trouble = []
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.trouble.append(f"script error: {error}"))
        self.page.on("requestfailed", self._on_failure)
        self.page.on("response", self._on_response)

    def open(self, name):
        self.page.goto(f"{self.root}/{name}", wait_until="load")
        return self.page

    def _only_from_the_site(self, route):
        if route.request.url.startswith((self.root, "data:")):
            route.continue_()
        else:
            self.trouble.append(f"third party: {route.request.url}")
            route.abort()

    def _on_console(self, message):
        if message.type == "error":
            self.trouble.append(f"console: {message.text}")

    def _on_failure(self, request):
        # the window went on to the next page before this one had all it wanted
        if request.failure != "net::ERR_ABORTED":
            self.trouble.append(f"failed: {request.url}: {request.failure}")

    def _on_response(self, response):
        if response.status >= 400:
            self.trouble.append(f"{response.status}: {response.url}")


@pytest.fixture(scope="module")
def new_reader(browser, address):
    """Opens a reader of the served site, or of one with another root; whoever asks closes it."""
    return lambda root=address, **options: Reader(browser, root, **options)


@pytest.fixture
def reader(new_reader):
    """Opens readers, which are closed after the test."""
    opened = []

    def start(**options):
        opened.append(new_reader(**options))
        return opened[-1]

    yield start
    for each in opened:
        each.context.close()


@pytest.fixture
def reader_of_files(reader, site):
    """A reader who opened the pages from disk, with the network off."""
    return reader(root=site.as_uri(), offline=True)
