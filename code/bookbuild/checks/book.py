"""Everything that is checked before the site goes out, in one call."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
from sphinx_external_toc.parsing import parse_toc_yaml

from bookbuild.budget import check_budget
from bookbuild.checks.citations_and_spelling import check_citations, check_spelling
from bookbuild.checks.kept_findings import Memory
from bookbuild.checks.links import check_site
from bookbuild.checks.page_parts import check_page
from bookbuild.checks.typed_numbers import check_numbers
from bookbuild.execution.dependencies import package_folders
from bookbuild.execution.store import Store, claims_in_cell
from bookbuild.page_source import Finding, read_page
from bookbuild.project import BuildFailed, Project, hash_of_folder
from bookbuild.room.record import check_room, room_file

__all__ = ["Finding", "check", "check_site", "check_sources"]


def check(
    project: Project, *, report: Mapping[str, Any], store: Store | None = None
) -> list[Finding]:
    """Check sources, outputs, costs, the room of claims, and the site that Sphinx made.

    Parameters
    ----------
    project : Project
    report : mapping
        As :func:`bookbuild.report.write_report` gives it.
    store : Store, optional
        The project's, if there is one that has read the pages already.

    Returns
    -------
    list of Finding
        By file and line; files are given relative to the book's root.
    """
    store = store or Store.of(project)
    findings = check_sources(project, store, project.work / "findings.json")
    remembered, package = Memory(project.work / "room.json"), _package()
    for page in project.pages():
        findings += check_budget(page, project.text(page), report)
        file, executed = room_file(project, page), store.fresh(page)
        made_from = (
            *(store.reader, page, project.text(page), package),
            file.read_bytes() if file.is_file() else b"",
            executed.outputs if executed is not None else "",
        )
        found = remembered.get(*made_from, find=partial(_check_room, store, page))
        findings += [Finding(**finding) for finding in found]
    remembered.keep()
    site = project.work / "html"
    folder = site.relative_to(project.root).as_posix()
    findings += [
        replace(f, file=f"{folder}/{f.file}") for f in check_site(site, project.work / "links.json")
    ]
    return sorted(findings, key=lambda finding: (finding.file, finding.line))


def _package() -> str:
    return "".join(map(hash_of_folder, package_folders()))


def _check_room(store: Store, page: str) -> list[dict[str, Any]]:
    claims = store.claims(page) or []
    lines = lines_of(store, page)
    found = check_room(store.project, page, claims, store.surroundings, lines)
    return [asdict(finding) for finding in found]


def lines_of(store: Store, page: str) -> dict[str, int]:
    """Claim to the line of the cell that makes it."""
    fresh = store.get(page)
    if fresh is None:
        return {}
    notebook = fresh[0]
    return {
        claim["name"]: line
        for cell, line in zip(notebook.cells, notebook.metadata["source_map"], strict=True)
        if cell.cell_type == "code"
        for claim in claims_in_cell(cell)
    }


def check_sources(
    project: Project, store: Store | None = None, memory: Path | None = None
) -> list[Finding]:
    """Check what needs no site: sources and outputs.

    Parameters
    ----------
    project : Project
    store : Store, optional
    memory : Path, optional
        A file to keep the findings in, so that pages which did not change are not checked again.
    """
    toc = parse_toc_yaml(project.root / "_toc.yml")
    texts = {p: project.text(p) for p in toc if project.source(p).is_file()}
    findings = check_citations(project, texts) + check_spelling(project)
    store = store or Store.of(project)
    remembered = Memory(memory)
    for name, text in texts.items():
        outputs = ""  # of a page without cells
        if project.is_page(name):
            record = store.fresh(name)
            if record is None:
                findings.append(Finding(f"{name}.md", 1, _why_not(store, name)))
                continue
            outputs = record.outputs
        found = remembered.get(
            store.reader, name, text, outputs, find=partial(_check_page, store, name, text)
        )
        findings += [Finding(**finding) for finding in found]
    remembered.keep()
    return findings


def check_one(store: Store, page: str) -> list[Finding]:
    """Check the source and the outputs of one page that is fresh."""
    return [Finding(**finding) for finding in _check_page(store, page, store.project.text(page))]


def _check_page(store: Store, name: str, text: str) -> list[dict[str, Any]]:
    fresh = store.get(name) if store.project.is_page(name) else None
    notebook = fresh[0] if fresh is not None else nbformat.v4.new_notebook()
    page = read_page(f"{name}.md", text, notebook)
    in_chapter = name.count("/") == 2  # book/feedforward/digits
    found = check_page(page, in_chapter=in_chapter) + check_numbers(page)
    return [asdict(finding) for finding in found]


def _why_not(store: Store, page: str) -> str:
    try:
        return f"the page has to be executed: {store.why(page)}"
    except BuildFailed as error:
        return str(error)
