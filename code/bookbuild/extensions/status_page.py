"""The Sphinx extension behind the page that says how this edition was built.

``{status}`` stands for three tables: what every page cost when it last ran, as
``_build/report.json`` tells; the processors on which this edition was executed and held, as the
record beside the page tells (``benchmarks/processors.py`` writes it); and the versions and the
machine that wrote the site. These are the only times on the site. They differ from build to
build, so the page's outermost section has the class ``db-times``, by which comparisons of two
sites leave it out, and its words stay out of the search index.
"""

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from bookbuild.extensions.tables import Cell, page_link, table
from bookbuild.project import Project

logger = logging.getLogger(__name__)

PACKAGES = {
    "torch": "PyTorch",
    "numpy": "NumPy",
    "matplotlib": "Matplotlib",
    "sphinx": "Sphinx",
    "jupyter-book": "Jupyter Book",
}
UNKNOWN = "unknown"
# relative to the book's root
PROCESSORS = "book/processors.json"


class status_tables(nodes.General, nodes.Element):  # docutils names nodes in lower case
    """Stands where the tables will be."""


class Status(SphinxDirective):
    """``{status}``: what each page cost, the versions, the machine."""

    def run(self) -> list[nodes.Node]:
        metadata = self.env.metadata[self.env.docname]
        metadata["status"] = True
        # the index holds every number of a page, and times would make it differ
        metadata["no-search"] = True
        return [status_tables()]


def read_report(report: Path) -> dict[str, dict[str, Any]]:
    """Entries of the pages that ran to their end, in the book's order.

    Empty without a report, as under plain ``jupyter-book build``; a damaged one is a warning.
    """
    if not report.is_file():
        return {}
    try:
        # a time that could not be measured is NaN, which would differ from itself
        pages = json.loads(report.read_text("utf-8"), parse_constant=lambda _: None)["pages"]
        return {page: entry for page, entry in pages.items() if "seconds" in entry}
    except (ValueError, TypeError, LookupError, AttributeError):
        logger.warning("damaged report: %s; execute the book again", report.name, type="bookbuild")
        return {}


def environment() -> dict[str, str]:
    """Versions of what builds the book, and the machine, each under its name."""
    facts = {"Python": platform.python_version()}
    facts |= {name: version(package) for package, name in PACKAGES.items()}
    facts["Processor"] = processor()
    facts["Cores"] = str(os.cpu_count() or UNKNOWN)
    facts["Memory"] = f"{psutil.virtual_memory().total / 2**30:.0f} GiB"
    facts["Operating system"] = operating_system()
    return facts


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's model; where the system does not tell, its architecture."""
    if cpuinfo.is_file():
        for line in cpuinfo.read_text("utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return " ".join(value.split())
    return platform.processor() or platform.machine() or UNKNOWN


def operating_system() -> str:
    """Name and version, of a Linux its distribution's."""
    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {platform.machine()}"
    except (OSError, KeyError):
        return platform.platform(terse=True) or UNKNOWN


def collect(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """After all pages are read: the page of the status is written again if it changed."""
    entries = read_report(Project(Path(app.srcdir)).report)
    pages = {
        page: (
            entry["seconds"],
            entry.get("cpu_seconds"),
            entry.get("reference_seconds"),
            len(entry.get("claims", [])),
            entry.get("finished"),
        )
        for page, entry in entries.items()
        if page in env.found_docs
    }
    current = (pages, environment(), read_processors(Path(app.srcdir) / PROCESSORS))
    changed = current != getattr(env, "bookbuild_status", None)
    env.bookbuild_status = current  # type: ignore[attr-defined]
    return [page for page in env.all_docs if "status" in env.metadata[page]] if changed else []


def fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the tables where the directive stands."""
    for place in list(doctree.findall(status_tables)):
        pages, facts, processors = app.env.bookbuild_status  # type: ignore[attr-defined]
        machine = table(facts.items(), widths=(1, 3), name="db-machine")
        place.replace_self(
            [
                _costs(app, docname, pages),
                *_processors(processors),
                nodes.rubric("", "Versions and machine"),
                machine,
            ]
        )
    if "status" in app.env.metadata[docname]:
        for section in list(doctree.findall(nodes.section))[:1]:
            section["classes"].append("db-times")


def _costs(app: Sphinx, docname: str, pages: dict[str, tuple[Any, ...]]) -> nodes.Node:
    if not pages:
        return nodes.paragraph("", "This build left no report of what its pages cost.")
    rows: list[list[Cell]] = [
        [
            page_link(app, docname, page),
            _number(cost),
            _number(cpu),
            _number(seconds),
            str(claims),
            _time(end),
        ]
        for page, (seconds, cpu, cost, claims, end) in pages.items()
    ]
    wall, cpu, cost, claims = (
        sum(entry[column] or 0 for entry in pages.values()) for column in range(4)
    )
    total = [_number(cost), _number(cpu), _number(wall), str(claims)]
    rows.append([nodes.strong("", "Total"), *total, ""])
    head = ["page", "reference seconds", "CPU-seconds", "wall seconds", "claims", "ran (UTC)"]
    return table(rows, head=head, widths=(5, 2, 2, 2, 1, 3), name="db-status", right=(1, 2, 3, 4))


def read_processors(file: Path) -> list[dict[str, Any]]:
    """The machines that ``benchmarks/processors.py`` has recorded; none without a record."""
    try:
        machines: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))["machines"]
    except FileNotFoundError:
        return []
    return machines


def _processors(machines: list[dict[str, Any]]) -> list[nodes.Node]:
    if not machines:
        return []
    told: list[nodes.Node] = [
        nodes.rubric("", "Where this edition was executed"),
        nodes.paragraph(
            "",
            "Each row is the whole book, executed with the instructions of that processor and so "
            "many threads. Other values are claims that measured something else than the "
            "first row of the machine; they held all the same unless they are counted as broken.",
        ),
    ]
    head = ["instructions", "threads", "pages", "failed", "claims", "broken", "other values"]
    keys = [name.replace(" ", "_") for name in head]
    for one in machines:
        where = f"{one['on']}, torch {one['torch']}, {one['when']}, commit {one['commit']}:"
        rows = [[str(run[key]) for key in keys] for run in one["runs"]]
        told += [
            nodes.paragraph("", where),
            table(
                rows,
                head=head,
                widths=(3, 1, 1, 1, 1, 1, 2),
                name="db-processors",
                right=(1, 2, 3, 4, 5, 6),
            ),
        ]
    return told


def _number(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else f"{seconds:.1f}"


def _time(text: str | None) -> str:
    if text is None:
        return UNKNOWN
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M}"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_node(status_tables)
    app.add_directive("status", Status)
    app.connect("env-updated", collect)
    app.connect("doctree-resolved", fill)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
