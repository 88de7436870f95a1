"""Small books, built in this process, with a look at what the build did."""

import gc
import io
import os
import shutil
import textwrap
import threading
import types
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path

import jinja2
import pytest
from bs4 import BeautifulSoup
from nbclient import NotebookClient
from sphinx.builders import Builder
from sphinx.builders.html import StandaloneHTMLBuilder

import deepbook.data
from bookbuild import project
from bookbuild.__main__ import main
from bookbuild.execution import dependencies, forkserver
from bookbuild.project import Project

# the modules that hash whole folders
READERS_OF_FOLDERS = (
    "build",
    "checks.book",
    "downloads.notebooks_of_site",
    "execution.store",
    "extensions.executed_pages",
    "extensions.shown_elsewhere",
)

CONFIG = """
title: A small book
only_build_toc_files: true
exclude_patterns: [_build]
execute: {stderr_output: error}
latex: {use_jupyterbook_latex: false}
sphinx:
  config:
    extensions: [myst_nb, jupyter_book, sphinx_external_toc, sphinx_comments,
                 bookbuild.extensions.executed_pages, bookbuild.extensions.held,
                 bookbuild.extensions.mathml, bookbuild.extensions.shown_elsewhere]
    html_theme: basic
    html_static_path: [static]
    html_theme_options: {}
    html_math_renderer: mathml
    myst_enable_extensions: [dollarmath, amsmath]
    myst_update_mathjax: false
    nb_merge_streams: true
    nb_mime_priority_overrides: [[html, "image/svg+xml", 5]]
    numfig: true
"""

TOC = """
format: jb-book
root: book/index
chapters:
  - file: book/one
  - file: book/two
  - file: book/promises
"""

HEADER = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---
"""

PAGES = {
    "book/index": "# A small book\n\nSee {doc}`one` and {eq}`eq-line`.\n",
    "book/one": HEADER
    + """
# Page one

```{code-cell} ipython3
import deepbook
answer = 41
```

```{code-cell} ipython3
deepbook.claim("answer", answer, at_least=40)
deepbook.glue("half", answer / 2)
```

It is {glue:text}`answer`, and half of it {glue:text}`half:.1f`.

```{math}
:label: eq-line
y = a x + b
```
""",
    "book/two": HEADER
    + """
# Page two

```{code-cell} ipython3
print("hello")
```

```{code-cell} ipython3
---
mystnb:
  figure: {caption: A disc., name: fig-disc}
  image: {alt: A black disc.}
---
from IPython.display import SVG
SVG('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="9"/></svg>')
```

{numref}`fig-disc` shows it.
""",
    "book/promises": "# Promises\n\n```{promises}\n```\n",
}


@pytest.fixture(scope="session", autouse=True)
def one_fork_server():
    """One process forks the kernels of all tests: to start one takes longer than a small book.

    Where Python's path is another one, so is the process; the first one waits meanwhile.
    """
    path_of_shared = os.environ.get("PYTHONPATH")
    waiting = {}
    asking = threading.Lock()

    def shared_server():
        nonlocal path_of_shared
        path = os.environ.get("PYTHONPATH")
        with asking:
            if path != path_of_shared:
                waiting[path_of_shared] = forkserver._server
                forkserver._server = waiting.pop(path, None)
                path_of_shared = path
            return forkserver.shared_server()

    with pytest.MonkeyPatch.context() as patch:
        for module in ("execution.execute", "room.measure"):
            patch.setattr(f"bookbuild.{module}.close_shared_server", lambda: None)
        patch.setattr("bookbuild.execution.kernel_provisioner.shared_server", shared_server)
        yield
    forkserver.close_shared_server()
    for server in filter(None, waiting.values()):
        server.close()


@pytest.fixture(scope="session")
def other_path(tmp_path_factory) -> Path:
    """The one folder that stands in Python's path where kernels shall find another deepbook.

    A test that wants one puts it there: a folder for each would be a path for each, and each
    path takes a process of its own that forks.
    """
    return tmp_path_factory.mktemp("other_path")


@pytest.fixture(scope="session", autouse=True)
def templates_are_compiled_once():
    """The theme's templates are the same for all small books: a quarter of what a build costs."""
    compiled: dict[tuple, types.CodeType] = {}
    compile_template = jinja2.Environment.compile

    def once(environment, source, *args, **options):
        # what a template may use is found out when it is compiled
        known = (frozenset(environment.filters), frozenset(environment.extensions))
        key = (type(environment), known, source, args, tuple(options.items()))
        if key not in compiled:
            compiled[key] = compile_template(environment, source, *args, **options)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jinja2.Environment, "compile", once)
        yield


@pytest.fixture(scope="session", autouse=True)
def what_is_imported_and_installed_stays():
    """Nobody looks through it for garbage, or, as sphinx-external-toc does, for a collector.

    And the version of a package is read once from its file.
    """
    gc.collect()
    gc.freeze()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metadata, "version", cache(metadata.version))
        yield
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def the_checkout_is_read_once():
    """Its files stay while tests run: to hash them is half of what a check of a small book costs.

    Other folders, which tests write, are read each time.
    """
    folder = dependencies._package_folder()
    hashes = {each: cache(getattr(dependencies, each)) for each in ("hash_of_module", "_table_of")}
    names, of_folder = cache(dependencies._module_names), cache(project.hash_of_folder)

    def in_checkout(kept, original):
        def read(*arguments):
            here = dependencies._package_folder() == folder
            return (kept if here else original)(*arguments)

        return read

    def hash_of_folder(path):
        return (of_folder if path in (project.PACKAGE, folder) else of_folder.__wrapped__)(path)

    with pytest.MonkeyPatch.context() as patch:
        for each, kept in {**hashes, "_module_names": names}.items():
            patch.setattr(dependencies, each, in_checkout(kept, kept.__wrapped__))
        for reader in READERS_OF_FOLDERS:
            patch.setattr(f"bookbuild.{reader}.hash_of_folder", hash_of_folder)
        yield


@dataclass
class Outcome:
    """What a command did."""

    code: int = 0
    text: str = ""
    kernels: int = 0
    read: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)


class Book:
    """A small book's folder, and the command line at work on it."""

    def __init__(self, root: Path):
        self.root = root
        self.project = Project(root)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def edit(self, page: str, old: str, new: str) -> None:
        path = self.project.source(page)
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def run(self, *arguments: str) -> Outcome:
        """A command of ``python -m bookbuild``."""
        return self.watch(lambda: main(list(arguments)))

    def build(self) -> Outcome:
        outcome = self.run("html")
        assert outcome.code == 0, outcome.text
        return outcome

    def watch(self, command: Callable[[], int]) -> Outcome:
        outcome, screen = Outcome(), io.StringIO()
        start_kernel, read, write = (
            NotebookClient.async_start_new_kernel,
            Builder.read_doc,
            StandaloneHTMLBuilder.write_doc,
        )

        def starting(*args, **options):
            outcome.kernels += 1
            return start_kernel(*args, **options)

        def reading(builder, page, **options):
            outcome.read.append(page)
            read(builder, page, **options)

        def writing(builder, page, doctree):
            outcome.written.append(page)
            write(builder, page, doctree)

        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.root)
            patch.setattr(deepbook.data, "fetch_all", lambda: None)
            patch.setattr(NotebookClient, "async_start_new_kernel", starting)
            patch.setattr(Builder, "read_doc", reading)
            patch.setattr(StandaloneHTMLBuilder, "write_doc", writing)
            with redirect_stdout(screen), redirect_stderr(screen):
                outcome.code = command()
        outcome.text = screen.getvalue()
        return outcome

    def page(self, name: str) -> BeautifulSoup:
        path = self.project.site / f"{name}.html"
        return BeautifulSoup(path.read_text(), "html.parser")

    def site(self) -> dict[str, bytes]:
        """Every file of the site."""
        return content(self.project.site)

    def sentence(self) -> str:
        """What page one says."""
        return self.page("book/one").select(".cell + p")[0].text


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def make_book(root: Path) -> Book:
    book = Book(root)
    book.write("_config.yml", CONFIG)
    book.write("_toc.yml", TOC)
    book.write("static/mathml.css", "math { margin: 0 }")
    for page, text in PAGES.items():
        book.write(f"{page}.md", text)
    return book


@pytest.fixture(scope="session")
def make_small_book() -> Callable[[Path], Book]:
    """Function that writes a book into a folder."""
    return make_book


@pytest.fixture(scope="session")
def first_build(tmp_path_factory) -> tuple[Book, Outcome]:
    """A book that was built once, and what that did; nobody changes it."""
    book = make_book(tmp_path_factory.mktemp("built"))
    return book, book.build()


@pytest.fixture(scope="session")
def settled(first_build, tmp_path_factory) -> tuple[Path, Path]:
    """The built book at a place of its own, and a copy from which it can be put there again.

    For Sphinx a book in another folder is another book, of which it reads every page. So a
    book that tests may change always stands at this one place.
    """
    place, kept = (
        tmp_path_factory.mktemp("place") / "book",
        tmp_path_factory.mktemp("kept") / "book",
    )
    shutil.copytree(first_build[0].root, place)
    (place / "_build" / "site-state").unlink()  # let the next build look, not the one after it
    Book(place).build()
    shutil.copytree(place, kept)
    return place, kept


@pytest.fixture
def fresh_book(tmp_path) -> Book:
    """A book that was never built."""
    return make_book(tmp_path / "fresh")


@pytest.fixture
def book(settled) -> Book:
    """A book of one's own that is built: outputs in the cache, site in place."""
    place, kept = settled
    shutil.rmtree(place)
    shutil.copytree(kept, place)
    return Book(place)


@pytest.fixture
def cell() -> Callable[[str], str]:
    """Function that makes a page's cell of code."""
    return lambda source: f"\n```{{code-cell}} ipython3\n{textwrap.dedent(source)}\n```\n"
