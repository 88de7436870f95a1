"""What the pages promise and what this build measured, for people and for machines."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import nbformat

from bookbuild.project import Project


def claims_in(notebook: nbformat.NotebookNode) -> list[dict[str, Any]]:
    """The claims that a page's cells made, in order, as their outputs' metadata tell."""
    return [
        output.metadata["deepbook"]["claim"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.get("outputs", [])
        if "claim" in output.get("metadata", {}).get("deepbook", {})
    ]


def claims_by_page(project: Project, pages: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Claims of the pages whose outputs are in the cache."""
    found = ((page, project.executed(page)) for page in pages)
    return {page: claims_in(executed[0]) for page, executed in found if executed is not None}


def write_report(
    project: Project,
    pages: Iterable[str],
    failed: Mapping[str, tuple[str, nbformat.NotebookNode]],
) -> dict[str, Any]:
    """Write ``_build/report.json``.

    Parameters
    ----------
    project : Project
    pages : iterable of str
    failed : mapping from page to (message, notebook)
        Pages that were executed and failed, with the cells as far as they came.

    Returns
    -------
    dict
        ``{"pages": {page: {"seconds", "cpu_seconds", "claims"}}}``; a page that failed has
        an ``"error"`` too, one that was never executed has only that.
    """
    entries: dict[str, Any] = {}
    for page in pages:
        executed = project.executed(page)
        if page in failed:
            message, notebook = failed[page]
            entries[page] = {"error": message, "claims": claims_in(notebook)}
        elif executed is None:
            entries[page] = {"error": "not executed"}
        else:
            notebook, data = executed
            entries[page] = {
                "seconds": round(data["execution_seconds"], 2),
                # only `execute` measures them, not plain jupyter-book
                "cpu_seconds": round(data["cpu_seconds"], 2) if "cpu_seconds" in data else None,
                "claims": claims_in(notebook),
            }
    report = {"pages": entries}
    project.report.parent.mkdir(parents=True, exist_ok=True)
    scratch = project.report.with_suffix(".json.new")
    scratch.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")
    scratch.replace(project.report)
    return report
