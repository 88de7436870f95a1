"""The Sphinx extension that keeps the site true to the code.

MyST-NB reads the pages through it, with the outputs that the store holds, and executes
nothing itself. So plain ``jupyter-book build .`` is as honest as ``make book``: outputs of
other code are made anew and their pages read again; a picture without a description is an
error; the page of promises is filled with what this build measured.
"""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pybtex.plugin
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from bookbuild.execution.execute import execute
from bookbuild.execution.store import Store
from bookbuild.extensions.tables import page_link, table
from bookbuild.live_html import alternative_text
from bookbuild.project import PACKAGE, Project, hash_of_folder
from bookbuild.report import claims_by_page
from bookbuild.room.record import Room, read_room

logger = logging.getLogger(__name__)

# it searches the metadata of all installed packages, once for every citation of every page
if not hasattr(pybtex.plugin._load_entry_point, "cache_info"):
    pybtex.plugin._load_entry_point = cache(pybtex.plugin._load_entry_point)


# MyST-NB takes its readers by name, so the store at work has to be found by name too
_READER = f"{__name__}.read_executed"
_store: Store | None = None

_CLAIM_LINE = re.compile(r"id='claim-([a-z0-9-]+)'")


class promises(nodes.General, nodes.Element):  # docutils names nodes in lower case
    """Stands where the table of all claims will be."""


class Promises(SphinxDirective):
    """``{promises}``: every claim of every page, with the value of this build."""

    def run(self) -> list[nodes.Node]:
        self.env.metadata[self.env.docname]["promises"] = True
        return [promises()]


def prepare(app: Sphinx, config: Config) -> None:
    """Before anything is read: where the outputs are."""
    global _store
    _store = None
    if (Path(app.srcdir) / "_toc.yml").is_file():
        _store = Store.of(Project(Path(app.srcdir)))
        config.nb_execution_mode = "off"
    app.bookbuild_store = _store  # type: ignore[attr-defined]


def read_executed(text: str, page: str) -> nbformat.NotebookNode:
    """MyST-NB's reader of a page: its cells with their outputs."""
    executed = _store.get(page) if _store is not None else None
    if executed is None:
        raise ExtensionError(f"{page} was edited while the book was built: build it again")
    return executed[0]


def read_again(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Pages whose outputs are not those that Sphinx has read; all if this package changed."""
    app.bookbuild_removed = removed  # type: ignore[attr-defined]
    # this package turns outputs into pages
    reader = hash_of_folder(PACKAGE)
    if getattr(env, "bookbuild_reader", None) != reader:
        env.bookbuild_reader = reader  # type: ignore[attr-defined]
        env.bookbuild_outputs = {}  # type: ignore[attr-defined]
        return sorted(env.found_docs)
    return [page for page in _pages(app, env.found_docs) if _outputs(app, page) != _read(env, page)]


def execute_before_reading(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Execute what is stale among the pages to be read, so that no stale number is."""
    pages = _pages(app, docnames)
    if not pages:
        return
    stale = [page for page in pages if _outputs(app, page) is None]
    if stale:  # under plain jupyter-book: `make book` has executed them
        runs = execute(app.bookbuild_store, stale)  # type: ignore[attr-defined]
        if failures := [run.failure for run in runs if run.failure]:
            raise ExtensionError("\n".join(failures))
    for page in pages:
        app.bookbuild_store.remember_source(page)  # type: ignore[attr-defined]
        env.bookbuild_outputs[page] = _outputs(app, page)  # type: ignore[attr-defined]
    # a whole path is a suffix too: so each page has a reader that knows whose text it gets
    readers = {env.doc2path(page): (_READER, {"page": page}) for page in pages}
    env.mystnb_config = env.mystnb_config.copy(custom_formats=readers)  # type: ignore[attr-defined]


def _pages(app: Sphinx, docnames: Iterable[str]) -> list[str]:
    store = app.bookbuild_store  # type: ignore[attr-defined]
    return [] if store is None else [p for p in sorted(docnames) if store.project.is_page(p)]


def _outputs(app: Sphinx, page: str) -> str | None:
    """Hash of a page's code and outputs; None if it has to be executed."""
    fresh = app.bookbuild_store.fresh(page)  # type: ignore[attr-defined]
    return fresh.ran_with.cells + fresh.outputs if fresh is not None else None


def _read(env: BuildEnvironment, page: str) -> str:
    """Hash of the outputs that Sphinx has read of a page."""
    return getattr(env, "bookbuild_outputs", {}).get(page, "never")


def describe_live_figures(app: Sphinx, doctree: nodes.document) -> None:
    """Give the picture beside a live figure's HTML the alternative text that stands there."""
    for html in doctree.findall(nodes.raw):
        bundle = html.parent.parent if html.parent is not None else None
        if bundle is not None and (text := alternative_text(html.astext())):
            for image in bundle.findall(nodes.image):
                image["alt"] = text


def note_claims_shown(app: Sphinx, doctree: nodes.document) -> None:
    """Note which claims have a line on their page: a cell may be hidden."""
    shown = [
        name for raw in doctree.findall(nodes.raw) for name in _CLAIM_LINE.findall(raw.astext())
    ]
    app.env.metadata[app.env.docname]["claims"] = shown


def check_alternative_texts(app: Sphinx, doctree: nodes.document) -> None:
    """An error for each picture without a description, naming page and cell."""
    for image in doctree.findall(nodes.image):
        text = image.get("alt", "").strip()
        name = Path(image["uri"]).name
        if text and text not in (name, image["uri"], Path(name).stem):
            continue
        cell = _cell_number(image)
        place = f"code cell {cell}" if cell else f"image {image['uri']}"
        logger.error(
            "%s, %s: the picture has no alternative text (mystnb: image: alt, or :alt:)",
            app.env.docname,
            place,
            location=image,
            type="bookbuild",
            subtype="alt",
        )


def _cell_number(node: nodes.Node) -> int | None:
    """Which code cell of its page made this node, counted from one as the build counts."""
    inside = node
    while inside is not None and not (
        isinstance(inside, nodes.container) and inside.get("nb_element") == "cell_code"
    ):
        inside = inside.parent
    if inside is None or inside.document is None:
        return None
    cells = inside.document.findall(
        lambda n: isinstance(n, nodes.container) and n.get("nb_element") == "cell_code"
    )
    return next(number for number, cell in enumerate(cells, start=1) if cell is inside)


def collect_claims(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """After all pages are read: what they claim; the page of promises is written again.

    Also where a claim's line is shown now, or no longer: the page links to those that are.
    """
    store = app.bookbuild_store  # type: ignore[attr-defined]
    pages = [page for page in store.project.pages() if page in env.found_docs] if store else []
    claims = {
        page: [(claim, rooms.get(claim["name"]), claim["name"] in shown) for claim in made]
        for page, made in claims_by_page(store, pages).items()
        for rooms in (_rooms(store.project, page, made),)
        for shown in (env.metadata[page].get("claims", ()),)
    }
    changed = claims != getattr(env, "bookbuild_claims", None)
    env.bookbuild_claims = claims  # type: ignore[attr-defined]
    return [page for page in env.all_docs if "promises" in env.metadata[page]] if changed else []


def _rooms(project: Project, page: str, claims: list[dict[str, Any]]) -> dict[str, Room]:
    record = read_room(project, page)
    return record.rooms(claims) if record is not None else {}


def fill_promises(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the table of claims where the directive stands."""
    for place in list(doctree.findall(promises)):
        filled: list[nodes.Node] = []
        for page, claims in app.env.bookbuild_claims.items():  # type: ignore[attr-defined]
            if claims:
                filled += [
                    nodes.rubric("", "", page_link(app, docname, page)),
                    _claims_table(app, docname, page, claims),
                ]
        place.replace_self(filled)


def _claims_table(
    app: Sphinx, docname: str, page: str, claims: list[tuple[dict[str, Any], Room | None, bool]]
) -> nodes.table:
    rows = [
        [
            page_link(app, docname, page, text=claim["name"], anchor=f"claim-{claim['name']}")
            if shown
            else claim["name"],
            _short(float(claim["value"])) + ("" if claim["holds"] else " does not hold here"),
            claim["bound"],
            _room_in_words(room),
        ]
        for claim, room, shown in claims
    ]
    head = ["claim", "this build", "promised", "room"]
    return table(rows, head=head, widths=(5, 2, 4, 3), name="db-promises")


def _room_in_words(room: Room | None) -> str:
    """Standard deviations between the mean and the bound, and over how many seeds."""
    if room is None:
        return "not measured"
    if room.exact:
        return "exact"
    many = f"{room.room:.1f}" if room.room < 100 else "over 100"
    return f"{many} sd, {room.seeds} seeds"


def _short(number: float) -> str:
    return f"{number:.0f}" if number.is_integer() else f"{number:.4g}"


def remove_pages(app: Sphinx, error: Exception | None) -> None:
    """Take the pages out of the site that the book no longer has."""
    if error is None:
        for page in app.bookbuild_removed:  # type: ignore[attr-defined]
            Path(app.outdir, f"{page}.html").unlink(missing_ok=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_node(promises)
    app.add_directive("promises", Promises)
    app.connect("config-inited", prepare)
    app.connect("env-get-outdated", read_again)
    app.connect("env-before-read-docs", execute_before_reading)
    app.connect("doctree-read", describe_live_figures)
    app.connect("doctree-read", note_claims_shown)
    app.connect("doctree-read", check_alternative_texts)
    app.connect("env-updated", collect_claims)
    app.connect("doctree-resolved", fill_promises)
    app.connect("build-finished", remove_pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
