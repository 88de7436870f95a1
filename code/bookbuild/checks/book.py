"""Everything that is checked, each as soon as it can be.

What needs no outputs before the first cell runs (:func:`check_before`), what needs them after the
last one (:func:`check_outputs`), links when the site stands (:func:`check_site`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import nbformat
from sphinx_external_toc.parsing import parse_toc_yaml

from bookbuild.budget import check_budget
from bookbuild.checks.citations_and_spelling import Spelling, check_citations
from bookbuild.checks.fetched_data import check_data
from bookbuild.checks.kept_findings import Memory
from bookbuild.checks.links import check_links
from bookbuild.checks.page_parts import check_page, check_source
from bookbuild.checks.references import check_labels, check_references
from bookbuild.checks.typed_numbers import check_numbers
from bookbuild.execution.dependencies import package_folders
from bookbuild.execution.store import Store, claims_in_cell
from bookbuild.extensions.goodfellow import check_sections
from bookbuild.page_source import Finding, PageSource, read_page
from bookbuild.project import BuildFailed, Project, hash_of_folder
from bookbuild.room.record import check_room, room_file

__all__ = ["Finding", "check_before", "check_outputs", "check_page_outputs", "check_site"]


def check_before(project: Project, page: str | None = None) -> list[Finding]:
    """Check what needs no outputs: spelling, citations, references, exercises, parts of pages.

    Parameters
    ----------
    project : Project
    page : str, optional
        Only findings in this page, whatever the others say.

    Returns
    -------
    list of Finding
        By file and line; files are given relative to the book's root. Pages that did not change
        are not read again.
    """
    texts = _texts(project)
    remembered = Memory(project.work / "before.json")
    settings = project.root / "pyproject.toml"
    made_with = [_package(), settings.read_text("utf-8") if settings.is_file() else ""]
    made_from = {
        name: [name, text, *made_with, *_loaded_code(project, name, text)]
        for name, text in texts.items()
    }
    # a process of its own, which works while we read
    unknown = [name for name in texts if not remembered.knows("spelling", *made_from[name])]
    spelling = Spelling(project, unknown)
    findings: list[Finding] = []
    pages: dict[str, PageSource] = {}
    for name, text in texts.items():
        read = remembered.get(
            "page", *made_from[name], find=partial(_read_source, project, name, text)
        )
        pages[name] = PageSource(
            f"{name}.md", labels=read["labels"], references=list(map(tuple, read["references"]))
        )
        findings += [Finding(**finding) for finding in read["found"]]
    labels = {label for source in pages.values() for label in source.labels}
    for source in pages.values():
        findings += check_references(source, labels, pages)
    findings += check_labels(pages)
    findings += check_sections(texts)
    findings += check_citations(project, texts)
    misspelled = spelling.findings()
    for name in texts:
        found = remembered.get(
            "spelling", *made_from[name], find=partial(_of, f"{name}.md", misspelled)
        )
        findings += [Finding(**finding) for finding in found]
    remembered.keep()
    return _in_order([f for f in findings if page is None or f.file == f"{page}.md"])


def _read_source(project: Project, name: str, text: str) -> dict[str, Any]:
    """What a page's source alone tells: its labels and references, and what is wrong with it."""
    found: list[Finding] = []
    cells = nbformat.v4.new_notebook()
    try:
        if project.is_page(name):
            cells = project.notebook(name)
    except BuildFailed as error:
        found.append(Finding(f"{name}.md", 1, str(error)))
    page = read_page(f"{name}.md", text, cells)
    found += check_source(page, in_chapter=_in_chapter(name))
    return {
        "labels": page.labels,
        "references": page.references,
        "found": [asdict(finding) for finding in found],
    }


def _of(file: str, findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [asdict(finding) for finding in findings if finding.file == file]


def check_outputs(store: Store, report: Mapping[str, Any]) -> list[Finding]:
    """Check what the cells gave out: figures, claims and their room, typed numbers, costs.

    Parameters
    ----------
    store : Store
    report : mapping
        As :func:`bookbuild.report.write_report` gives it.

    Returns
    -------
    list of Finding
        By file and line. Pages that did not change are not checked again.
    """
    project, findings = store.project, []
    remembered = Memory(project.work / "findings.json")
    for name, text in _texts(project).items():
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
    remembered, package = Memory(project.work / "room.json"), _package()
    for page in project.pages():
        findings += check_budget(page, project.text(page), report)
        file, executed = room_file(project, page), store.fresh(page)
        findings += check_data(page, executed)
        made_from = (
            *(store.reader, page, project.text(page), package),
            file.read_bytes() if file.is_file() else b"",
            executed.outputs if executed is not None else "",
        )
        found = remembered.get(*made_from, find=partial(_check_room, store, page))
        findings += [Finding(**finding) for finding in found]
    remembered.keep()
    return _in_order(findings)


def check_page_outputs(store: Store, page: str) -> list[Finding]:
    """Check the outputs of one page that is fresh."""
    found = _check_page(store, page, store.project.text(page))
    return [*(Finding(**finding) for finding in found), *check_data(page, store.fresh(page))]


def check_site(project: Project) -> list[Finding]:
    """Check the links of the site that Sphinx made."""
    site = project.work / "html"
    folder = site.relative_to(project.root).as_posix()
    found = check_links(site, project.work / "links.json")
    return _in_order([replace(f, file=f"{folder}/{f.file}") for f in found])


def _texts(project: Project) -> dict[str, str]:
    """Every document of the book, and its source."""
    toc = parse_toc_yaml(project.root / "_toc.yml")
    return {page: project.text(page) for page in toc if project.source(page).is_file()}


def _loaded_code(project: Project, name: str, text: str) -> list[str]:
    """Cells of a page that takes code from another file: its text is not all of it."""
    if ":load:" not in text:
        return []
    try:
        return [cell.source for cell in project.notebook(name).cells]
    except BuildFailed as error:
        return [str(error)]


def _in_order(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: (finding.file, finding.line))


def _in_chapter(name: str) -> bool:
    return name.count("/") == 2  # book/feedforward/digits


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


def _check_page(store: Store, name: str, text: str) -> list[dict[str, Any]]:
    fresh = store.get(name) if store.project.is_page(name) else None
    notebook = fresh[0] if fresh is not None else nbformat.v4.new_notebook()
    page = read_page(f"{name}.md", text, notebook)
    found = check_page(page, in_chapter=_in_chapter(name)) + check_numbers(page)
    return [asdict(finding) for finding in found]


def _why_not(store: Store, page: str) -> str:
    try:
        return f"the page has to be executed: {store.why(page)}"
    except BuildFailed as error:
        return str(error)
