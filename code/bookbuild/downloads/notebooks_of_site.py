"""The notebooks that readers download, made from the finished pages.

A Sphinx extension. After the HTML build every executed page becomes a notebook in
``_downloads/notebooks``: its text comes from the page's resolved doctree, its code from the
executed notebook, so that cells which the page hides are there too. Beside them lie the wheel
of ``deepbook``, a zip of everything and one of each chapter. The address of the site, if it has
one, comes from the environment variable ``BOOK_URL``.
"""

import ast
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging

from bookbuild.downloads.doctree_to_markdown import Block, Writer
from bookbuild.downloads.markdown_text import GLUED, Page, escape_text
from bookbuild.downloads.notebook import FOLDER, ZIP, assemble, setup_code
from bookbuild.downloads.offered import has_notebook, notebook_name, offer, offer_chapter
from bookbuild.downloads.wheel import build_wheel
from bookbuild.downloads.zips import README, chapters, readme, write_zip, zip_name
from bookbuild.execution.store import claims_in
from bookbuild.extensions.equation_comments import with_numbers
from bookbuild.extensions.tex_macros import read_macros
from bookbuild.project import PACKAGE, hash_of_folder

logger = logging.getLogger(__name__)

ROOT = PACKAGE.parents[1]

# stands in a kept notebook for the commit, which may change where the notebook does not
_COMMIT = "@COMMIT@"


def write_downloads(app: Sphinx, exception: Exception | None) -> None:
    """After the build: write the notebooks, the wheel and the zip into the site."""
    if exception is not None or app.builder.format != "html":
        return
    try:
        wheel = build_wheel(ROOT, Path(app.doctreedir) / "deepbook-wheel")
    except RuntimeError as error:
        raise ExtensionError(str(error)) from error
    commit = getattr(app.config, "edition_commit", "")  # bookbuild.extensions.edition names it
    texts = _convert_what_changed(app, wheel.name)
    check_downloads_complete(app, texts)
    notebooks = {
        notebook_name(page): text.replace(_COMMIT, commit).encode() for page, text in texts.items()
    }

    folder = Path(app.outdir) / FOLDER
    shutil.rmtree(folder / "notebooks", ignore_errors=True)
    (folder / "notebooks").mkdir(parents=True)
    for name, content in notebooks.items():
        (folder / "notebooks" / name).write_bytes(content)
    for old in folder.glob("deepbook-*.whl"):
        old.unlink()
    shutil.copyfile(wheel, folder / wheel.name)
    for old in folder.glob("deepbook-*.zip"):
        old.unlink()
    for name, title, pages in _zips(app, texts):
        names = {notebook_name(page): app.env.titles[page].astext() for page in pages}
        files = {name: notebooks[name] for name in names}
        files |= {README: readme(title, wheel.name, names), wheel.name: wheel.read_bytes()}
        write_zip(folder / name, files)


def _zips(app: Sphinx, pages: Iterable[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Name, title and pages of each zip."""
    in_order = sorted(pages, key=lambda page: _place(app, page))
    book = app.config.html_title
    yield ZIP, f"{book}: the notebooks, and the package that they use", in_order
    for opening, chapter in chapters(in_order).items():
        if opening in chapter:
            title = f"{book}: {app.env.titles[opening].astext()}"
            yield zip_name(opening), title, chapter


def _place(app: Sphinx, page: str) -> tuple[Any, ...]:
    """A page's place in the book's order; what has no number stands first."""
    return (app.env.toc_secnumbers.get(page, {}).get("") or (), page)


def _convert_what_changed(app: Sphinx, wheel: str) -> dict[str, str]:
    """The notebook of each page; that of a page which Sphinx did not write again is kept."""
    kept = Path(app.doctreedir) / "notebooks"
    made_with = [wheel, _book_url(), hash_of_folder(PACKAGE)]
    state: dict[str, Any] = {"made with": made_with, "pages": {}}
    try:
        before = json.loads((kept / "state.json").read_text("utf-8"))
    except (OSError, ValueError):
        before = {}
    if before.get("made with") != made_with:
        before = {"pages": {}}
    notebooks = {}
    pages = sorted(page for page in app.env.found_docs if has_notebook(app, page))
    check_names(pages)
    for page in pages:
        file = kept / notebook_name(page)
        written = Path(app.builder.get_outfilename(page)).stat().st_mtime_ns  # type: ignore[attr-defined]
        if before["pages"].get(page) == written and file.is_file():
            notebooks[page] = file.read_text("utf-8")
        else:
            notebooks[page] = convert(app, page, wheel)
            kept.mkdir(exist_ok=True)
            file.write_text(notebooks[page], "utf-8")
        state["pages"][page] = written
    kept.mkdir(exist_ok=True)
    (kept / "state.json").write_text(json.dumps(state), "utf-8")
    return notebooks


def convert(app: Sphinx, docname: str, wheel: str) -> str:
    """One page's notebook as text; what of the page cannot be written is an error.

    The commit is left open.
    """
    book_url = _book_url()
    executed = _executed(app, docname)
    for cell in executed.cells:
        if cell.cell_type == "code":
            cell.source = with_numbers(app.env, cell.source)
    writer = Writer(_page(app, docname, book_url))
    blocks = writer.blocks(app.env.get_and_resolve_doctree(docname, app.builder))
    blocks += _references(app, docname, writer)
    for problem in writer.unknown:
        logger.error("%s: not in the notebook: %s", docname, problem, location=docname)
    claims = {claim["name"]: claim["value"] for claim in claims_in(executed)}
    notebook = assemble(
        docname,
        blocks,
        executed,
        attachments=writer.attachments,
        about=_about(app, writer),
        setup=setup_code(wheel, book_url, claims),
    )
    return str(nbformat.writes(notebook)) + "\n"


def check_names(pages: Sequence[str]) -> None:
    """Refuse two pages whose notebooks would lie on top of each other.

    Raises
    ------
    ExtensionError
    """
    taken: dict[str, str] = {}
    for page in pages:
        name = notebook_name(page)
        if name in taken:
            raise ExtensionError(
                f"the notebooks of {taken[name]} and {page} would both be called {name}: rename "
                "one of the two pages"
            )
        taken[name] = page


def check_downloads_complete(app: Sphinx, notebooks: Mapping[str, str]) -> None:
    """What Sphinx showed as executed, what the builder knows, and what readers get is the same.

    Parameters
    ----------
    app : Sphinx
    notebooks : mapping from page to its notebook's text

    Raises
    ------
    ExtensionError
        If a page of the book was executed behind the builder's back or not at all, or a
        notebook does not know what its page claims.
    """
    store = getattr(app, "bookbuild_store", None)
    if store is None:  # Sphinx alone, without the builder
        return
    known = {page for page in store.project.pages() if page in app.env.found_docs}
    for these, those, problem in (
        (known, notebooks.keys(), "has code cells, and Sphinx did not show it as executed"),
        (notebooks.keys(), known, "was executed by Sphinx, and the builder does not know it"),
    ):
        if missing := sorted(these - those):
            raise ExtensionError(f"{missing[0]} {problem}")
    for page, text in notebooks.items():
        claimed = {claim["name"]: claim["value"] for claim in store.claims(page) or []}
        if told_values(nbformat.reads(text, as_version=4)) != claimed:
            raise ExtensionError(f"the notebook of {page} does not know what the page claims")


def told_values(notebook: nbformat.NotebookNode) -> dict[str, Any]:
    """What a notebook's set-up cell tells of the book's own measurements."""
    setup = next((cell.source for cell in notebook.cells if cell.cell_type == "code"), "")
    calls = [node for node in ast.walk(ast.parse(setup)) if isinstance(node, ast.Call)]
    told = [call for call in calls if ast.unparse(call.func).endswith("book_values")]
    values: dict[str, Any] = ast.literal_eval(told[0].args[0]) if told else {}
    return values


def _executed(app: Sphinx, docname: str) -> nbformat.NotebookNode:
    """The page's cells with their outputs, as MyST-NB showed them."""
    folder = Path(app.env.mystnb_config.output_folder)  # type: ignore[attr-defined]
    return nbformat.read(folder / f"{docname}.ipynb", as_version=4)


def _book_url() -> str:
    return os.environ.get("BOOK_URL", "").rstrip("/")


def _page(app: Sphinx, docname: str, book_url: str) -> Page:
    def dotted(numbers: Mapping[str, tuple[int, ...] | None]) -> dict[str, str]:
        # what stands in an unnumbered part of the contents has None
        return {name: ".".join(map(str, number)) for name, number in numbers.items() if number}

    kinds = app.env.toc_fignumbers.get(docname, {})
    return Page(
        folder=Path(app.srcdir),
        numbers={kind: dotted(numbers) for kind, numbers in kinds.items()},
        sections=dotted(app.env.toc_secnumbers.get(docname, {})),
        formats=app.config.numfig_format,
        macros=read_macros(app.config.mathml_macros),
        url=book_url and f"{book_url}/{app.builder.get_target_uri(docname)}",
        titles={
            app.builder.get_relative_uri(docname, other): title
            for other, title in app.env.titles.items()
            if other != docname
        },
    )


def _about(app: Sphinx, writer: Writer) -> str:
    """What a reader who knows nothing but this file has to know."""
    title = f"*{escape_text(app.config.html_title)}*"
    source = [f"[{title}]({writer.page.url})" if writer.page.url else title]
    if edition := app.config.html_context.get("edition"):  # bookbuild.extensions.edition names it
        source += [f"edition {edition['version']}", f"commit {_COMMIT}"]
    text = f"A page of {', '.join(source)}, as a notebook that runs by itself."
    if writer.glued:
        text += (
            f" A number marked like 42{GLUED} is what the book's own build measured; "
            "what your run measures stands below the cells."
        )
    return text


def _references(app: Sphinx, docname: str, writer: Writer) -> list[Block]:
    """The works that this page cites, as the bibliography formats them."""
    if "cite" not in app.env.domains:
        return []
    domain: Any = app.env.get_domain("cite")
    cited = {
        key.key for ref in domain.citation_refs if ref.docname == docname for key in ref.targets
    }
    works = {c.key: c.formatted_entry for c in domain.citations if c.key in cited}
    entries = [f"- {writer.text(domain.backend.paragraph(work))}" for work in works.values()]
    return ["## References", "\n".join(entries)] if entries else []


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.setup_extension("bookbuild.extensions.mathml")  # for its macros
    app.connect("build-finished", write_downloads)
    app.connect("html-page-context", offer, priority=502)  # after the theme's own, at 501
    app.connect("html-page-context", offer_chapter)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
