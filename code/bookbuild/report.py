"""What the pages promise and what this build measured, for people and for machines."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from statistics import median
from typing import Any

import nbformat

from bookbuild.execution.store import Record, Store, claims_in

# seconds between pages that ran at about the same time
NEAR = 120.0


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
        the median of those that ran at about the same time; None for a time that could not be
        taken, and for the speed of a machine on which the page was too short to ask. A page that
        failed has an ``"error"`` too; one that was never executed has only that.
    """
    entries: dict[str, Any] = {}
    pages = list(pages)
    speeds = _speeds(store, pages)
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
                "reference_seconds": _rounded(record.cpu_seconds * speeds(record), 2),
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


def _speeds(store: Store, pages: Iterable[str]) -> Callable[[Record], float]:
    """The machine's speed when a page ran, from all that ended within two minutes of it.

    One calibration alone errs by as much as a half; and with other work on it the same machine is
    half as fast a few minutes later.
    """
    records = [record for page in pages if (record := store.fresh(page)) is not None]
    known = [(_when(r), r.speed) for r in records if not math.isnan(r.speed)]

    def speed(record: Record) -> float:
        near = [speed for time, speed in known if abs(time - _when(record)) <= NEAR]
        return median(near or [speed for _, speed in known] or [1.0])

    return speed


def _when(record: Record) -> float:
    """When the page had run, in seconds; 0 if the record does not say."""
    return datetime.fromisoformat(record.finished).timestamp() if record.finished else 0.0


def _rounded(number: float, digits: int) -> float | None:
    """As JSON has it, which knows no NaN."""
    return None if math.isnan(number) else round(number, digits)
