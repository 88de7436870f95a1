"""Run one page from top to bottom in a kernel of its own."""

import ast
import asyncio
import os
import re
import signal
import tempfile
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty
from typing import Any, TypeVar

import nbformat
import psutil
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from traitlets.config import Config

from bookbuild.dependencies import PROBE
from bookbuild.forkserver import ForkedKernel
from bookbuild.project import KERNEL_ENVIRONMENT
from bookbuild.provisioner import NAME as FORK

T = TypeVar("T")
_COLOR = re.compile(r"\x1b\[[0-9;]*m")

_running: set[Any] = set()
_lock = threading.Lock()


@dataclass(frozen=True)
class Run:
    """One page that was executed.

    Attributes
    ----------
    page : str
    notebook : NotebookNode
        Its cells with outputs, as far as it came.
    seconds, cpu_seconds : float
        What it took: wall time, and CPU time of its kernel.
    probe : str
        What the kernel told of what it loaded (``bookbuild.dependencies.PROBE``).
    failure : str or None
        What went wrong: page, cell, the cell's source and the end of the traceback.
    """

    page: str
    notebook: nbformat.NotebookNode
    seconds: float
    cpu_seconds: float
    probe: str
    failure: str | None


def run_page(page: str, notebook: nbformat.NotebookNode, timeout: float, *, fork: bool) -> Run:
    """Execute one page in a fresh kernel and an empty folder.

    A cell that raises, writes to stderr or outlasts the page's time ends the page.

    Parameters
    ----------
    page : str
    notebook : NotebookNode
        Outputs are put into it.
    timeout : float
        Seconds for the whole page.
    fork : bool
        Fork the kernel from a process that has torch imported, instead of starting one.
    """
    return run_apart(_run_page(page, notebook, timeout, fork))


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread and a loop of its own: the caller's loop may be running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def stop_kernels() -> None:
    """Kill every kernel that runs a page in this process; its page then fails."""
    with _lock:
        for process in _running:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except (OSError, AttributeError):
                process.kill()


class _Client(AsyncKernelClient):
    """Waits for its kernel no longer than it has to."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """As in the parent class, which listens for 0.2 s more for messages nobody needs."""
        end = time.monotonic() + (timeout or 60)
        while time.monotonic() < end:
            self.kernel_info()
            # messages that come before this client listens are lost: then it asks again
            with suppress(Empty):
                reply = await self.get_shell_msg(timeout=1)
                if reply["msg_type"] == "kernel_info_reply":
                    await self.get_iopub_msg(timeout=0.05)
                    self._handle_kernel_info_reply(reply)
                    return
            if not await self.is_alive():
                raise RuntimeError("the kernel died while it started")
        raise RuntimeError("the kernel did not answer")


async def _run_page(page: str, notebook: nbformat.NotebookNode, timeout: float, fork: bool) -> Run:
    start = time.monotonic()
    failure, probe, cpu = None, "", float("nan")
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as sockets:
        manager = AsyncKernelManager(
            kernel_name="python3", config=_transport(sockets), client_factory=_Client
        )
        assert manager.kernel_spec is not None  # it comes with ipykernel
        if fork:
            manager.kernel_spec.metadata["kernel_provisioner"] = {"provisioner_name": FORK}
        client = NotebookClient(
            notebook,
            km=manager,
            resources={"metadata": {"path": folder}},
            # times in cells' metadata would make two builds differ
            record_timing=False,
            # printed text comes in pieces whose edges depend on the clock
            coalesce_streams=True,
            # also in a cell with the tag raises-exception
            force_raise_errors=True,
            # nothing of the kernel is needed any more, and a busy one would complain
            shutdown_kernel="immediate",
        )
        process: Any = None
        try:
            # a kernel manager that the client was given is otherwise left running
            async with client.async_setup_kernel(
                cleanup_kc=True, env=os.environ | KERNEL_ENVIRONMENT
            ):
                process = getattr(manager.provisioner, "process", None)
                with _lock:
                    _running.add(process)
                failure = await _run_cells(client, page, timeout, start)
                if failure is None:
                    probe = await _ask(client)
                if not isinstance(process, ForkedKernel):
                    cpu = _cpu_seconds(process.pid)
        except (RuntimeError, OSError, TimeoutError) as error:
            failure = failure or f"{page}: its kernel did not start or did not answer: {error}"
        finally:
            with _lock:
                _running.discard(process)
        if isinstance(process, ForkedKernel):
            process.wait(10)
            cpu = process.cpu_seconds
    return Run(page, notebook, time.monotonic() - start, cpu, probe, failure)


async def _run_cells(client: NotebookClient, page: str, timeout: float, start: float) -> str | None:
    number = 0
    for index, cell in enumerate(client.nb.cells):
        if cell.cell_type != "code":
            continue
        number += 1
        client.timeout = max(1, round(timeout - (time.monotonic() - start)))
        problem = await _run_cell(client, cell, index, timeout)
        if problem is not None:
            return f"{page}, code cell {number}:\n{_indent(cell.source)}\n{problem}"
    return None


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


async def _ask(client: NotebookClient) -> str:
    """Have the kernel evaluate the probe, without a trace in the notebook."""
    kc: Any = client.kc  # an asynchronous client, whose methods can wait for the reply
    number = kc.execute("", silent=True, user_expressions={"probe": PROBE})
    reply: Any = {"parent_header": {}}
    end = time.monotonic() + 60
    while reply["parent_header"].get("msg_id") != number:
        try:
            reply = await kc.get_shell_msg(timeout=1)
        except Empty:
            if time.monotonic() > end or not await kc.is_alive():
                raise RuntimeError("it is gone, or silent") from None
    answer = reply["content"]["user_expressions"]["probe"]
    if answer["status"] != "ok":
        raise RuntimeError(f"the kernel could not tell what it loaded: {answer}")
    return str(ast.literal_eval(answer["data"]["text/plain"]))


def _transport(folder: str) -> Config:
    """Sockets in the file system, where there are such: nobody else can listen to them."""
    if os.name == "nt":
        return Config()
    return Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/kernel"}})


def _cpu_seconds(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return float("nan")
    return float(times.user + times.system)


def _indent(text: str) -> str:
    return "\n".join("    " + line for line in text.splitlines())
