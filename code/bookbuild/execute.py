"""Run the pages that are stale, the longest first, as many at once as there are cores."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from datetime import UTC, datetime

import nbformat

from bookbuild.dependencies import Dependencies
from bookbuild.forkserver import can_fork, close_shared_server
from bookbuild.kernel import Run, run_page, stop_kernels
from bookbuild.project import KERNEL_ENVIRONMENT, BuildFailed
from bookbuild.store import Record, Store

PAGE_TIMEOUT = 150.0


def execute(
    store: Store,
    pages: Sequence[str],
    *,
    jobs: int | None = None,
    force: bool = False,
    fork: bool | None = None,
    executor: Executor | None = None,
    show: Callable[[str], object] = print,
) -> list[Run]:
    """Execute the stale ones of these pages, and keep the outputs of those that succeed.

    Parameters
    ----------
    store : Store
    pages : sequence of str
    jobs : int, optional
        Pages at a time; as many as there are cores if not given.
    force : bool
        Execute the fresh ones too.
    fork : bool, optional
        Fork kernels; by default where the system can.
    executor : concurrent.futures.Executor, optional
        Where the pages run, for example on a cluster; in this process if not given.
    show : callable
        Takes one line for each page.

    Returns
    -------
    list of Run
        Of the pages that were executed, also of those that failed.
    """
    os.environ.update(KERNEL_ENVIRONMENT)
    stale = [page for page in pages if force or _is_stale(store, page)]
    runs: list[Run] = []
    readable: list[tuple[str, nbformat.NotebookNode]] = []
    for page in sorted(stale, key=lambda page: -_expected_seconds(store, page)):
        try:
            readable.append((page, store.project.notebook(page)))
        except BuildFailed as error:
            runs.append(Run(page, nbformat.v4.new_notebook(), 0.0, 0.0, "", str(error)))
            show(f"{page}: FAILED\n{error}")
    pool = executor or ThreadPoolExecutor(max_workers=jobs or os.cpu_count() or 1)
    forking = can_fork() if fork is None else fork
    waiting: list[Future[Run]] = []
    try:
        waiting = [
            pool.submit(run_page, page, notebook, PAGE_TIMEOUT, fork=forking)
            for page, notebook in readable
        ]
        for done in as_completed(waiting):
            run = done.result()
            runs.append(run)
            if run.failure is None:
                keep(store, run)
                cost = f"{run.cpu_seconds:.1f} CPU-seconds"
                show(f"[{len(runs)}/{len(stale)}] {run.page}: {cost}")
            else:
                show(f"[{len(runs)}/{len(stale)}] {run.page}: FAILED\n{run.failure}")
    finally:
        # on Ctrl-C too: what has finished is kept, what runs is not waited for
        for future in waiting:
            future.cancel()
        if any(not future.done() for future in waiting):
            stop_kernels()
        if executor is None:
            pool.shutdown()
            close_shared_server()
    return runs


def keep(store: Store, run: Run) -> Record:
    """Put a page that ran well into the store."""
    ran_with: Dependencies = store.surroundings.describe(run.notebook, run.probe)
    finished = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    record = Record(ran_with, "", "", run.seconds, run.cpu_seconds, finished)
    return store.put(run.page, run.notebook, record)


def _is_stale(store: Store, page: str) -> bool:
    try:
        return store.why(page) is not None
    except BuildFailed:
        return True


def _expected_seconds(store: Store, page: str) -> float:
    record = store.record(page)
    return record.seconds if record is not None else float("inf")
