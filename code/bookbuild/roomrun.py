"""Run pages again under other seeds, and write down what their claims measure then."""

import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bookbuild.capacity import pages_at_once
from bookbuild.execute import LIMITS
from bookbuild.experiment import bounds_of, hash_of_experiment, modules_that_measure
from bookbuild.forkserver import can_fork, close_shared_server
from bookbuild.kernel import Run, run_page, stop_kernels
from bookbuild.project import KERNEL_ENVIRONMENT
from bookbuild.room import SEEDS, STRIDE, Room, RoomRecord, read_room, room_file, why_stale
from bookbuild.store import Store, claims_in


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
    os.environ.update(KERNEL_ENVIRONMENT)
    project = store.project
    offsets = [STRIDE * (n + 1) for n in range(seeds)]
    wanted: dict[str, list[int]] = {}
    for page in pages:
        record = read_room(project, page)
        stale = why_stale(project, page, record, store.surroundings)
        if stale is None and record is not None and len(record.offsets) >= seeds:
            continue
        # new bounds on old values: one run tells them
        bounds_only = stale is not None and record is not None and _same_values(store, page, record)
        wanted[page] = offsets[:1] if bounds_only else offsets
    tasks = [_Task(page, offset) for page, each in wanted.items() for offset in each]
    todo = [task for task in tasks if _kept(store, task) is None]
    failures: list[str] = []
    done = len(tasks) - len(todo)
    for task, run in _run_all(store, todo, jobs or pages_at_once()):
        done += 1
        outcome = f"{run.cpu_seconds:.1f} CPU-seconds" if run.failure is None else "FAILED"
        print(f"[{done}/{len(tasks)}] {task.page}, seeds + {task.offset}: {outcome}", flush=True)
        if run.failure is None:
            _keep(store, task, run)
        else:
            failures.append(f"under seeds shifted by {task.offset}: {run.failure}")
        if all(_kept(store, _Task(task.page, offset)) for offset in wanted[task.page]):
            _write(store, task.page, wanted[task.page])
    for page, each in wanted.items():  # those of which every run had been kept
        if all(_kept(store, _Task(page, offset)) for offset in each):
            _write(store, page, each)
    return failures


def _same_values(store: Store, page: str, record: RoomRecord) -> bool:
    """Whether nothing but the numbers of bounds changed, and these do not depend on the seed."""
    with_these = replace(record, bounds=bounds_of(store.project.notebook(page)))
    fixed = all(
        len({run[side] for run in runs}) == 1
        for runs in record.runs.values()
        for side in ("low", "high")
    )
    return fixed and why_stale(store.project, page, with_these, store.surroundings) is None


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
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    finally:
        for future in waiting:
            future.cancel()
        stop_kernels()
        pool.shutdown()
        close_shared_server()


def _path(store: Store, task: _Task) -> Path:
    notebook = store.project.notebook(task.page)
    version = f"{hash_of_experiment(notebook)}-{bounds_of(notebook)}"
    return store.project.build / "room" / task.page / version / f"{task.offset}.json"


def _keep(store: Store, task: _Task, run: Run) -> None:
    ran_with = store.surroundings.describe(run.notebook, run.probe)
    content = {
        "modules": modules_that_measure(ran_with.modules),
        "data": dict(ran_with.data),
        "claims": claims_in(run.notebook),
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
    contents = [kept for n in offsets if (kept := _kept(store, _Task(page, n))) is not None]
    runs: dict[str, list[dict[str, Any]]] = {}
    for content in contents:
        for claim in content["claims"]:
            runs.setdefault(claim["name"], []).append(
                {key: claim[key] for key in ("bound", "low", "high")}
                | {"value": float(claim["value"])}
            )
    before = read_room(store.project, page)
    if before is not None and len(offsets) < len(before.offsets):
        # the values of before, under the bounds of now
        runs = {
            name: [{**old, **_bound(runs[name][0])} for old in olds]
            for name, olds in before.runs.items()
            if name in runs
        }
        offsets = before.offsets
    lost = [name for name, each in runs.items() if len(each) != len(offsets)]
    for name in lost:
        print(f"{page}: the claim {name} is not made under every seed", file=sys.stderr)
        del runs[name]
    notebook = store.project.notebook(page)
    record = RoomRecord(
        hash_of_experiment(notebook),
        bounds_of(notebook),
        contents[0]["modules"],
        contents[0]["data"],
        list(offsets),
        runs,
    )
    record.write(room_file(store.project, page))


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
