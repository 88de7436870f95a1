"""Run pages again under other seeds, and write down what their claims measure then."""

import json
import math
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bookbuild.execution.capacity import pages_at_once
from bookbuild.execution.execute import LIMITS
from bookbuild.execution.experiment import (
    experiment_at,
    experiment_of,
    modules_that_measure,
    read_measurement,
)
from bookbuild.execution.forkserver import can_fork, close_shared_server
from bookbuild.execution.interrupts import when_completed
from bookbuild.execution.kernel import Run, run_page, stop_kernels
from bookbuild.execution.store import Store, claims_in, numbers_glued_in
from bookbuild.room.record import (
    SEEDS,
    STRIDE,
    Room,
    RoomRecord,
    read_room,
    room_file,
    short,
    why_stale,
)


@dataclass(frozen=True)
class _Task:
    """A page under one seed."""

    page: str
    offset: int


def measure_room(
    store: Store, pages: Sequence[str], *, jobs: int | None = None, seeds: int = SEEDS
) -> list[str]:
    """Run those pages under other seeds whose record of room is stale; keep what is done.

    Whoever breaks it off loses the pages that were running: what has ended lies in the build
    folder, and the next call goes on from there.

    Parameters
    ----------
    store : Store
    pages : sequence of str
    jobs : int, optional
        Pages at a time; as many as the machine carries if not given.
    seeds : int

    Returns
    -------
    list of str
        What went wrong: page, seed, and the failure.
    """
    offsets = [STRIDE * (n + 1) for n in range(seeds)]
    stale = [page for page in pages if not _is_done(store, page, seeds)]
    stale = [page for page in stale if not _confirm_by_own_runs(store, page, seeds)]
    # the first seeds tell whether a change has changed what is measured: a figure's has not
    asked = {page: offsets[: _confirming(store, page, seeds)] for page in stale}
    failures = _run(store, [_Task(page, n) for page in asked for n in asked[page]], jobs)
    for page, first in asked.items():
        _confirm(store, page, first)
    stale = [page for page in stale if not _is_done(store, page, seeds)]
    failed = {
        page for page in asked if any(_kept(store, _Task(page, n)) is None for n in asked[page])
    }
    tasks = [_Task(page, n) for page in stale if page not in failed for n in offsets]
    tasks = [task for task in tasks if not _renewed(store, task.page, seeds)]
    failures += _run(store, tasks, jobs, lambda task: _write(store, task.page, offsets))
    for page in stale:
        if not _is_done(store, page, seeds):
            _write(store, page, offsets)
    return failures


def _run(
    store: Store,
    tasks: Sequence[_Task],
    jobs: int | None,
    then: Callable[[_Task], None] = lambda task: None,
) -> list[str]:
    """Do and keep what is not kept yet, and after each what is asked; tell what failed."""
    todo = [task for task in tasks if _kept(store, task) is None]
    failures: list[str] = []
    for number, (task, run) in enumerate(_run_all(store, todo, jobs or pages_at_once()), start=1):
        outcome = f"{run.cpu_seconds:.1f} CPU-seconds" if run.failure is None else "FAILED"
        print(f"[{number}/{len(todo)}] {task.page}, seeds + {task.offset}: {outcome}", flush=True)
        if run.failure is None:
            _keep(store, task, run)
            then(task)
        else:
            failures.append(f"under seeds shifted by {task.offset}: {run.failure}")
    return failures


def _confirming(store: Store, page: str, seeds: int) -> int:
    """How many seeds can tell that a page's whole record stands although it is stale.

    One where a module or a data set changed, of which the page may use another part; two where
    its own cells did. None where the record has to be measured in any case.
    """
    record, stale = _whole(store, page, seeds)
    if record is None or stale is None:
        return 0
    return 2 if record.code != experiment_at(store.project, page).code else 1


def _whole(
    store: Store, page: str, seeds: int
) -> tuple[RoomRecord | None, tuple[str, bool] | None]:
    """A page's record under the bounds of now, if it is whole; and why it is stale all the same."""
    record = read_room(store.project, page)
    if record is None or len(record.offsets) < seeds:
        return None, None
    record = replace(record, bounds=experiment_at(store.project, page).bounds)
    return record, why_stale(store.project, page, record, store.surroundings)


def _confirm_by_own_runs(store: Store, page: str, seeds: int) -> bool:
    """Note code, modules and data of now in a record, if the page's own run measures the same.

    It does if the page ran in this folder with the code that the record is of, and runs with
    that of now, and each claim has the same value to the last digit.
    """
    record, stale = _whole(store, page, seeds)
    now = store.fresh(page)
    if record is None or stale is None or now is None:
        return False
    before = read_measurement(store.project, page, record.code, record.modules, record.data)
    claims = {claim["name"]: claim for claim in store.claims(page) or []}
    if before is None or not claims.keys() <= record.runs.keys():
        return False
    experiment = experiment_at(store.project, page)
    measured = {claim["name"]: claim for claim in before.claims}
    for name, claim in claims.items():
        keys = ("value",) if name in experiment.written_out else ("value", "low", "high")
        if name not in measured or any(claim[key] != measured[name][key] for key in keys):
            return False
    replace(
        record,
        code=experiment.code,
        modules=modules_that_measure(now.ran_with.modules),
        data=dict(now.ran_with.data),
        runs={name: record.runs[name] for name in record.runs if name in claims},
    ).write(room_file(store.project, page))
    print(f"{page}: it measures here what it did, to the last digit: the record stands", flush=True)
    return True


def _confirm(store: Store, page: str, offsets: Sequence[int]) -> None:
    """Note code, modules and data of now in a record whose first seeds measure what they did."""
    record = read_room(store.project, page)
    contents = [kept for n in offsets if (kept := _kept(store, _Task(page, n))) is not None]
    if record is None or not contents or len(contents) < len(offsets):
        return
    if record.offsets[: len(offsets)] != list(offsets):
        return
    experiment = experiment_at(store.project, page)
    promised: set[str] = set()
    for nth, content in enumerate(contents):
        promised |= {claim["name"] for claim in content["claims"]}
        if (other := _differs(record, nth, content, experiment.written_out)) is not None:
            print(f"{page}: {other} is another number now: all seeds run again", flush=True)
            return
    if new := sorted(promised - record.runs.keys()):
        print(f"{page}: {new[0]} is a new claim: all seeds run again", flush=True)
        return
    runs = {name: record.runs[name] for name in record.runs if name in promised}
    modules, data = contents[0]["modules"], contents[0]["data"]
    record = replace(record, code=experiment.code, modules=modules, data=data, runs=runs)
    record.write(room_file(store.project, page))
    print(f"{page}: the first seeds measure what they did, so the record stands", flush=True)


def _differs(
    record: RoomRecord, nth: int, content: dict[str, Any], written_out: Collection[str]
) -> str | None:
    """A claim of which a seed measures now what it did not measure then."""
    for name, runs in record.runs.items():
        now = _measured(content, name)
        keys = ("value",) if name in written_out else ("value", "low", "high")
        if now is None or any(short(now[key]) != short(runs[nth][key]) for key in keys):
            return name
    return None


def _is_done(store: Store, page: str, seeds: int) -> bool:
    record = read_room(store.project, page)
    stale = why_stale(store.project, page, record, store.surroundings)
    return stale is None and record is not None and len(record.offsets) >= seeds


def _renewed(store: Store, page: str, seeds: int) -> RoomRecord | None:
    """A page's record under the bounds of now, where the values that it has are all it takes."""
    record, stale = _whole(store, page, seeds)
    if record is None or stale is not None:
        return None
    offsets = record.offsets
    claims = {claim["name"]: claim for claim in _claims_of_now(store, page, offsets) or []}
    written_out = experiment_at(store.project, page).written_out
    if not claims or not claims.keys() <= record.runs.keys() & written_out:
        return None
    runs = {n: [{**run, **_bound(claims[n])} for run in record.runs[n]] for n in claims}
    return replace(record, runs=runs)


def _run_all(store: Store, tasks: Sequence[_Task], jobs: int) -> Iterator[tuple[_Task, Run]]:
    pool = ThreadPoolExecutor(max_workers=jobs)
    waiting = {}
    try:
        for task in tasks:
            notebook = store.project.notebook(task.page)
            shifted = {"DEEPBOOK_SEED_OFFSET": str(task.offset)}
            future = pool.submit(
                run_page, task.page, notebook, LIMITS, fork=can_fork(), environment=shifted
            )
            waiting[future] = task
        for future in when_completed(waiting):
            yield waiting[future], future.result()
    finally:
        for future in waiting:
            future.cancel()
        stop_kernels()
        pool.shutdown()
        close_shared_server()


def _path(store: Store, task: _Task) -> Path:
    code = experiment_at(store.project, task.page).code
    return store.project.build / "room" / task.page / code / f"{task.offset}.json"


def _keep(store: Store, task: _Task, run: Run) -> None:
    ran_with = store.surroundings.describe(run.notebook, run.probe)
    content = {
        "bounds": experiment_of(run.notebook).bounds,
        "modules": modules_that_measure(ran_with.modules),
        "data": dict(ran_with.data),
        "claims": claims_in(run.notebook),
        "glued": numbers_glued_in(run.notebook),
    }
    path = _path(store, task)
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".new")
    scratch.write_text(json.dumps(content), "utf-8")
    scratch.replace(path)


def _kept(store: Store, task: _Task) -> dict[str, Any] | None:
    """What a run gave that was made with the code and data of now."""
    try:
        content: dict[str, Any] = json.loads(_path(store, task).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    same = content["modules"] == modules_that_measure(content["modules"]) and all(
        store.surroundings.data(name) == before for name, before in content["data"].items()
    )
    return content if same else None


def _write(store: Store, page: str, offsets: Sequence[int]) -> None:
    """Write a page's record, if all runs are there that it takes."""
    experiment = experiment_at(store.project, page)
    contents = [kept for n in offsets if (kept := _kept(store, _Task(page, n))) is not None]
    if len(contents) < len(offsets):
        if (renewed := _renewed(store, page, len(offsets))) is not None:
            renewed.write(room_file(store.project, page))
        return
    claims = _claims_of_now(store, page, offsets)
    if claims is None:
        print(f"{page}: its bounds changed; execute it, and call this again", file=sys.stderr)
        return
    runs: dict[str, list[dict[str, Any]]] = {}
    for claim in claims:
        name = claim["name"]
        each = [_measured(content, name) for content in contents]
        if any(run is None for run in each):
            print(f"{page}: not every seed measures {name}", file=sys.stderr)
        elif name in experiment.written_out:
            runs[name] = [{**run, **_bound(claim)} for run in each if run is not None]
        else:
            runs[name] = [run for run in each if run is not None]
    record = RoomRecord(
        experiment.code,
        experiment.bounds,
        contents[0]["modules"],
        contents[0]["data"],
        list(offsets),
        runs,
    )
    record.write(room_file(store.project, page))


def _claims_of_now(store: Store, page: str, offsets: Sequence[int]) -> list[dict[str, Any]] | None:
    """What a page claims under its bounds of now: its own run tells, or one made under them."""
    if (claims := store.claims(page)) is not None:
        return claims
    bounds = experiment_at(store.project, page).bounds
    contents = (_kept(store, _Task(page, n)) for n in offsets)
    return next((c["claims"] for c in contents if c and c["bounds"] == bounds), None)


def _measured(content: dict[str, Any], name: str) -> dict[str, Any] | None:
    for claim in content["claims"]:
        if claim["name"] == name:
            return {"value": float(claim["value"]), **_bound(claim)}
    if name not in content["glued"]:
        return None
    return {"value": float(content["glued"][name]), "bound": "", "low": None, "high": None}


def _bound(run: dict[str, Any]) -> dict[str, Any]:
    return {key: run[key] for key in ("bound", "low", "high")}


def summary(rooms: Sequence[Room]) -> str:
    """How many claims are exact, how many have room, and the least room."""
    moving = [room for room in rooms if not room.exact]
    least = min((room.room for room in moving), default=math.inf)
    enough = sum(room.enough for room in moving)
    text = f"{len(rooms) - len(moving)} exact claims, {enough} with room, the least {least:.1f}"
    lacking = sum(not room.enough for room in rooms)
    return text + (f"; {lacking} without room" if lacking else "")
