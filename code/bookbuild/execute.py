"""Run the pages whose outputs are not in the cache, as many at once as there are cores."""

import asyncio
import os
import re
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, TypeVar

import nbformat
import psutil
from jupyter_cache.base import CacheBundleIn
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from traitlets.config import Config

from bookbuild.project import KERNEL_ENVIRONMENT, BuildFailed, Project

PAGE_TIMEOUT = 150.0
T = TypeVar("T")
_COLOR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Run:
    """One page that was executed: its cells with outputs, what it cost, what went wrong."""

    page: str
    notebook: nbformat.NotebookNode
    seconds: float
    cpu_seconds: float
    failure: str | None


def execute(
    project: Project,
    pages: Sequence[str],
    *,
    jobs: int | None = None,
    show: Callable[[str], object] = print,
) -> list[Run]:
    """Execute the pages that are not in the cache and put those that succeed into it.

    Parameters
    ----------
    project : Project
    pages : sequence of str
    jobs : int, optional
        Pages at a time; as many as there are cores if not given.
    show : callable
        Takes one line for each page.

    Returns
    -------
    list of Run
        Of the pages that were executed, also of those that failed.
    """
    os.environ.update(KERNEL_ENVIRONMENT)
    stale = [page for page in pages if project.executed(page) is None]
    runs: list[Run] = []
    with ThreadPoolExecutor(max_workers=jobs or os.cpu_count() or 1) as pool:
        waiting = [pool.submit(_read_and_run, project, page) for page in stale]
        try:
            for done in as_completed(waiting):
                run = done.result()
                runs.append(run)
                if run.failure is None:
                    _store(project, run)
                    show(
                        f"[{len(runs)}/{len(stale)}] {run.page}: {run.cpu_seconds:.1f} CPU-seconds"
                    )
                else:
                    show(f"[{len(runs)}/{len(stale)}] {run.page}: FAILED\n{run.failure}")
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return runs


def _read_and_run(project: Project, page: str) -> Run:
    try:
        notebook = project.notebook(page)
    except BuildFailed as error:
        return Run(page, nbformat.v4.new_notebook(), 0.0, 0.0, str(error))
    return run_page(page, notebook)


def run_page(page: str, notebook: nbformat.NotebookNode, timeout: float = PAGE_TIMEOUT) -> Run:
    """Execute one page from top to bottom in a fresh kernel and an empty folder.

    A cell that raises, writes to stderr or outlasts the page's time ends the page; the
    failure names page, cell, the cell's source and the traceback's end.
    """
    return run_apart(_run_page(page, notebook, timeout))


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread and a loop of its own: the caller's loop may be running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def _run_page(page: str, notebook: nbformat.NotebookNode, timeout: float) -> Run:
    start = time.monotonic()
    cpu = 0.0
    failure = None
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as sockets:
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            # times in cells' metadata would make two builds differ
            record_timing=False,
            # also in a cell with the tag raises-exception
            force_raise_errors=True,
            # nothing of the kernel is needed any more, and a busy one would complain
            shutdown_kernel="immediate",
            config=_transport(sockets),
        )
        number = 0
        async with client.async_setup_kernel():
            for index, cell in enumerate(notebook.cells):
                if cell.cell_type != "code":
                    continue
                number += 1
                client.timeout = max(1, round(timeout - (time.monotonic() - start)))
                problem = await _run_cell(client, cell, index, timeout)
                if problem is not None:
                    failure = f"{page}, code cell {number}:\n{_indent(cell.source)}\n{problem}"
                    break
            cpu = _cpu_seconds(client)
    return Run(page, notebook, time.monotonic() - start, cpu, failure)


async def _run_cell(
    client: NotebookClient, cell: nbformat.NotebookNode, index: int, timeout: float
) -> str | None:
    try:
        await client.async_execute_cell(cell, index)
    except CellExecutionError:
        traceback = next(o.traceback for o in cell.outputs if o.output_type == "error")
        lines = _COLOR.sub("", "\n".join(traceback)).strip().splitlines()
        return _indent("\n".join(lines[-12:]))
    except CellTimeoutError:
        return f"    the page took longer than its {timeout:g} seconds"
    except DeadKernelError:
        return "    the kernel died"
    written = "".join(
        output.text
        for output in cell.outputs
        if output.output_type == "stream" and output.name == "stderr"
    )
    return f"    wrote to stderr:\n{_indent(written.rstrip())}" if written else None


def _transport(folder: str) -> Config:
    """Sockets in the file system, where there are such: nobody else can listen to them."""
    if os.name == "nt":
        return Config()
    return Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/kernel"}})


def _cpu_seconds(client: NotebookClient) -> float:
    provisioner = client.km.provisioner if client.km is not None else None
    try:
        times = psutil.Process(getattr(provisioner, "pid", None)).cpu_times()
    except psutil.Error:
        return float("nan")
    return float(times.user + times.system)


def _store(project: Project, run: Run) -> None:
    data = {"execution_seconds": run.seconds, "cpu_seconds": run.cpu_seconds}
    bundle = CacheBundleIn(run.notebook, str(project.source(run.page)), data=data)
    project.cache().cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def _indent(text: str) -> str:
    return "\n".join("    " + line for line in text.splitlines())
