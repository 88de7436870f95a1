"""A real scheduler and two worker processes, on this machine."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from bookbuild.execution import cluster as cluster_module
from bookbuild.execution.store import Store
from bookbuild.project import KERNEL_ENVIRONMENT

PAGES = ["book/one", "book/two"]


class Cluster:
    """A Dask cluster of processes."""

    def __init__(self, folder: Path):
        self.file = folder / "scheduler.json"
        self.log = (folder / "log").open("w")
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0")
        self.workers: list[subprocess.Popen] = []

    def _start(self, kind: str, *arguments: str) -> subprocess.Popen:
        # a worker on another machine knows nothing of the builder's environment
        environment = {k: v for k, v in os.environ.items() if k not in KERNEL_ENVIRONMENT}
        common = ["--no-dashboard", "--scheduler-file", str(self.file)]
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{kind}", *common, *arguments],
            env=environment | {"MPLBACKEND": "agg"},
            stdout=self.log,
            stderr=self.log,
        )

    def two_workers(self) -> str:
        """See to it that two workers are there; the scheduler's address."""
        from distributed import Client

        self.workers = [worker for worker in self.workers if worker.poll() is None]
        while len(self.workers) < 2:
            self.workers.append(
                self._start("worker", "--no-nanny", "--nthreads", "1", "--host", "127.0.0.1")
            )
        while not self.file.exists() and self.scheduler.poll() is None:
            time.sleep(0.05)
        with Client(scheduler_file=str(self.file), timeout=600) as client:
            client.wait_for_workers(2, timeout=600)
            return client.scheduler.address

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
        for process in (*self.workers, self.scheduler):
            process.wait(10)
        self.log.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    yield made
    made.close()


def records(book):
    store = Store(book.project)
    return {page: (store.record(page).outputs, store.record(page).ran_with) for page in PAGES}


def test_a_cluster_gives_the_outputs_and_dependencies_of_this_machine(
    cluster, first_build, fresh_book
):
    outcome = fresh_book.run("execute", "--cluster", cluster.two_workers())
    assert outcome.code == 0, outcome.text
    assert outcome.kernels == 0
    assert records(fresh_book) == records(first_build[0])


def test_pages_run_under_the_builds_environment_whatever_the_workers_is(cluster, fresh_book, cell):
    names = [*KERNEL_ENVIRONMENT]
    source = fresh_book.project.source("book/two")
    source.write_text(
        source.read_text()
        + cell(f"import os; print(*[os.environ[n] for n in {names}])")
        + cell("import matplotlib; print(matplotlib.get_backend(), hash('text'))")
    )
    outcome = fresh_book.run("execute", "--cluster", cluster.two_workers())
    assert outcome.code == 0, outcome.text
    there = records(fresh_book)["book/two"]
    assert fresh_book.run("execute", "--force").code == 0
    assert there == records(fresh_book)["book/two"]


def test_a_lost_workers_pages_run_elsewhere(cluster, fresh_book, cell, tmp_path):
    address, starts = cluster.two_workers(), tmp_path / "starts"
    for page in PAGES:
        source = fresh_book.project.source(page)
        source.write_text(
            source.read_text()
            + cell(f"""
                import os, time
                with open({str(starts)!r}, "a") as file:
                    print("{page}", os.getppid(), file=file)
                time.sleep(1)
            """)
        )
    victim, lost = cluster.workers[0], []

    def kill_when_it_runs_a_page() -> None:
        while not lost:
            time.sleep(0.02)
            for page, parent in started(starts):
                if psutil.Process(parent).ppid() == victim.pid:
                    lost.append((page, parent))
                    victim.send_signal(signal.SIGKILL)
                    return

    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(kill_when_it_runs_a_page)
        outcome = fresh_book.run("execute", "--cluster", address)
        lost.append(None)
        killing.result()
    assert outcome.code == 0, outcome.text
    (page, parent), _ = lost
    assert victim.wait(5) == -signal.SIGKILL
    assert {p for name, p in started(starts) if name == page} > {parent}
    store = Store(fresh_book.project)
    assert [store.why(page) for page in PAGES] == [None, None]


def started(file: Path) -> list[tuple[str, int]]:
    lines = file.read_text().splitlines() if file.exists() else []
    return [(page, int(parent)) for page, parent in map(str.split, lines)]


def test_a_scheduler_that_does_not_answer_is_named(fresh_book, monkeypatch):
    monkeypatch.setattr(cluster_module, "PATIENCE", 0.5)
    outcome = fresh_book.run("execute", "--cluster", "tcp://127.0.0.1:9")
    assert outcome.code == 1
    assert "not built: no Dask scheduler answers at tcp://127.0.0.1:9" in outcome.text
    assert "Traceback" not in outcome.text


def test_an_address_that_is_none_is_named(fresh_book):
    outcome = fresh_book.run("execute", "--cluster", "nonsense://x")
    assert outcome.code == 1
    assert "no Dask scheduler answers at nonsense://x" in outcome.text
