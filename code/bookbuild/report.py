"""What the pages promise and what this build measured, for people and for machines."""

import json
import math
from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

import nbformat

from bookbuild.execution.store import Store, claims_in


def claims_by_page(store: Store, pages: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Claims of the pages that are fresh."""
    found = ((page, store.claims(page)) for page in pages)
    return {page: claims for page, claims in found if claims is not None}


def write_report(
    store: Store,
    pages: Iterable[str],
    failed: Mapping[str, tuple[str, nbformat.NotebookNode]],
) -> dict[str, Any]:
    """Write ``_build/report.json``.

    Parameters
    ----------
    store : Store
    pages : iterable of str
    failed : mapping from page to (message, notebook)
        Pages that were executed and failed, with the cells as far as they came.

    Returns
    -------
    dict
        ``{"pages": {page: {"seconds", "cpu_seconds", "reference_seconds", "speed", "finished",
        "claims"}}}``: CPU-seconds, and these times the speed that was found behind the pages, in
        the median of all; None for a time that could not be taken, and for the speed of a machine
        on which the page was too short to ask. A page that failed has an ``"error"`` too; one
        that was never executed has only that.
    """
    entries: dict[str, Any] = {}
    pages = list(pages)
    speed = _speed(store, pages)
    for page in pages:
        record, claims = store.fresh(page), store.claims(page)
        if page in failed:
            message, notebook = failed[page]
            entries[page] = {"error": message, "claims": claims_in(notebook)}
        elif record is None:
            entries[page] = {"error": "not executed"}
        else:
            entries[page] = {
                "seconds": _rounded(record.seconds, 2),
                "cpu_seconds": _rounded(record.cpu_seconds, 2),
                "reference_seconds": _rounded(record.cpu_seconds * speed, 2),
                "speed": _rounded(record.speed, 3),
                "finished": record.finished,
                "claims": claims,
            }
    report = {"pages": entries}
    path = store.project.report
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".json.new")
    scratch.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")
    scratch.replace(path)
    return report


def _speed(store: Store, pages: Iterable[str]) -> float:
    """The machine's, from all pages: one calibration alone errs by as much as a half."""
    records = [record for page in pages if (record := store.fresh(page)) is not None]
    known = [record.speed for record in records if not math.isnan(record.speed)]
    return median(known) if known else 1.0


def _rounded(number: float, digits: int) -> float | None:
    """As JSON has it, which knows no NaN."""
    return None if math.isnan(number) else round(number, digits)
