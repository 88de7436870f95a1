"""Run the pages that are stale, the longest first, as many at once as the machine carries."""

from collections.abc import Generator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import closing
from datetime import UTC, datetime

import nbformat

from bookbuild.budget import is_long
from bookbuild.execution.capacity import pages_at_once
from bookbuild.execution.dependencies import Dependencies
from bookbuild.execution.forkserver import can_fork, close_shared_server
from bookbuild.execution.interrupts import when_completed
from bookbuild.execution.kernel import Limits, Run, run_page, stop_kernels
from bookbuild.execution.progress_display import Show, make_show
from bookbuild.execution.store import Record, Store
from bookbuild.project import BuildFailed

LIMITS = Limits()


def execute(
    store: Store,
    pages: Sequence[str],
    *,
    jobs: int | None = None,
    force: bool = False,
    fork: bool | None = None,
    executor: Executor | None = None,
    show: Show | None = None,
) -> list[Run]:
    """Execute the stale ones of these pages, and keep the outputs of those that succeed.

    Parameters
    ----------
    store : Store
    pages : sequence of str
    jobs : int, optional
        Pages at a time; as many as the machine carries if not given.
    force : bool
        Execute the fresh ones too.
    fork : bool, optional
        Fork kernels; by default where the system can.
    executor : concurrent.futures.Executor, optional
        Where the pages run, for example on a cluster; in this process if not given.
    show : Show, optional
        What a person sees meanwhile; fit for the terminal if not given.

    Returns
    -------
    list of Run
        Of the pages that were executed, also of those that failed.
    """
    stale = [page for page in pages if force or store.fresh(page) is None]
    expected = {page: _expected_seconds(store, page) for page in stale}
    stale.sort(key=lambda page: _place(store, page, expected[page]))
    workers = jobs or pages_at_once()
    with show or make_show() as shown:
        shown.start(
            {page: expected[page] for page in stale}, workers, fresh=len(pages) - len(stale)
        )
        runs = []
        # closed at once, whatever happens here: kernels must not outlive the build
        with closing(_run_all(store, stale, workers, fork, executor, shown)) as finished:
            for run in finished:
                runs.append(run)
                if run.failure is None:
                    keep(store, run)
                shown.done(run.page, run.seconds, run.cpu_seconds, run.failure)
        shown.finish()
    return runs


def _run_all(
    store: Store,
    pages: Sequence[str],
    workers: int,
    fork: bool | None,
    executor: Executor | None,
    show: Show,
) -> Generator[Run, None, None]:
    """Run the pages and yield each when it is done."""
    pool = executor or ThreadPoolExecutor(max_workers=workers)
    forking = can_fork() if fork is None else fork
    waiting: list[Future[Run]] = []

    def here(page: str, notebook: nbformat.NotebookNode) -> Run:
        show.running(page)
        return run_page(page, notebook, LIMITS, fork=forking)

    try:
        for page in pages:
            try:
                notebook = store.project.notebook(page)
            except BuildFailed as error:
                yield Run.never(page, str(error))
                continue
            if executor is None:
                waiting.append(pool.submit(here, page, notebook))
            else:
                waiting.append(pool.submit(run_page, page, notebook, LIMITS, fork=forking))
        for done in when_completed(waiting):
            yield done.result()
    finally:
        # on Ctrl-C too: what has finished is kept, what runs is not waited for
        for future in waiting:
            future.cancel()
        if executor is None:
            # again and again: some kernel may just be starting
            while running := [future for future in waiting if not future.done()]:
                stop_kernels()
                wait(running, timeout=0.2)
            pool.shutdown()
            close_shared_server()


def keep(store: Store, run: Run) -> None:
    """Put a page that ran well into the store."""
    ran_with: Dependencies = store.surroundings.describe(run.notebook, run.probe)
    finished = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    record = Record(ran_with, run.seconds, run.cpu_seconds, run.speed, finished)
    store.put(run.page, run.notebook, record)


def _place(store: Store, page: str, expected: float | None) -> tuple[int, float]:
    """The longest first; before them those of which nothing is known, the long ones ahead."""
    if expected is not None:
        return 2, -expected
    try:
        return (0 if is_long(store.project.text(page)) else 1), 0.0
    except ValueError:
        return 1, 0.0  # the checks will tell


def _expected_seconds(store: Store, page: str) -> float | None:
    record = store.record(page)
    return record.seconds if record is not None else None
