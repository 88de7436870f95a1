"""Run one page from top to bottom in a kernel of its own."""

import ast
import asyncio
import os
import re
import signal
import tempfile
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from typing import Any, TypeVar

import nbformat
import psutil
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from traitlets.config import Config

from bookbuild.execution.calibration import CALIBRATION, WORTH_CALIBRATING
from bookbuild.execution.dependencies import PROBE
from bookbuild.execution.forkserver import ForkedKernel
from bookbuild.execution.kernel_provisioner import NAME as FORK
from bookbuild.project import KERNEL_ENVIRONMENT

T = TypeVar("T")
_COLOR = re.compile(r"\x1b\[[0-9;]*m")

_running: set[Any] = set()
_lock = threading.Lock()


# longer than this many characters, the name of a socket is refused by the system
_LONGEST_SOCKET = 100


@dataclass(frozen=True)
class Limits:
    """When a page counts as hanging: never because the machine is slow or busy.

    Attributes
    ----------
    silence : float
        Seconds in which the kernel neither uses the processor nor shows anything. At less
        than a hundredth of a core it counts as idle.
    whole : float
        Seconds for the page, for one that is caught in a loop: so many that load 10 on two
        cores of a slow machine passes.
    """

    silence: float = 240.0
    whole: float = 3600.0


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
    speed : float
        Reference seconds that the machine did in a CPU-second just then; NaN for a page too
        short to ask (:mod:`bookbuild.execution.calibration`).
    probe : str
        What the kernel told of what it loaded (``bookbuild.execution.dependencies.PROBE``).
    failure : str or None
        What went wrong: page, cell, the cell's source and the end of the traceback.
    """

    page: str
    notebook: nbformat.NotebookNode
    seconds: float
    cpu_seconds: float
    speed: float
    probe: str
    failure: str | None

    @classmethod
    def never(cls, page: str, failure: str) -> "Run":
        """A page that could not even start."""
        return cls(page, nbformat.v4.new_notebook(), 0.0, 0.0, float("nan"), "", failure)


def run_page(
    page: str,
    notebook: nbformat.NotebookNode,
    limits: Limits = Limits(),
    *,
    fork: bool,
    environment: Mapping[str, str] | None = None,
) -> Run:
    """Execute one page in a fresh kernel and an empty folder.

    A cell that raises, writes to stderr or hangs ends the page. The kernel knows nothing of
    the person's own start-up files and settings.

    Parameters
    ----------
    page : str
    notebook : NotebookNode
        Outputs are put into it.
    limits : Limits
        When the page counts as hanging.
    fork : bool
        Fork the kernel from a process that has torch imported, instead of starting one.
    environment : mapping, optional
        What the kernel shall have in its environment in place of the book's own.
    """
    return run_apart(_run_page(page, notebook, limits, fork, environment or {}))


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread and a loop of its own: the caller's loop may be running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def stop_kernels() -> None:
    """Kill every kernel that runs a page in this process; its page then fails."""
    with _lock:
        for process in _running:
            _kill(process)


def _kill(process: Any) -> None:
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


async def _run_page(
    page: str,
    notebook: nbformat.NotebookNode,
    limits: Limits,
    fork: bool,
    environment: Mapping[str, str],
) -> Run:
    start = time.monotonic()
    failure, probe, cpu, speed, calibrating = None, "", float("nan"), float("nan"), 0.0
    with tempfile.TemporaryDirectory() as folder, _short_folder() as sockets:
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
            # a cell may take its time: `_until_it_hangs` watches the page
            timeout=None,
            # what goes around Python's own streams would come in between at random
            extra_arguments=["--IPKernelApp.capture_fd_output=False"],
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
                cleanup_kc=True,
                env={
                    **os.environ,
                    **KERNEL_ENVIRONMENT,
                    # an author's start-up files run for the author alone
                    "IPYTHONDIR": str(Path(sockets, "ipython")),
                    **environment,
                },
            ):
                process = getattr(manager.provisioner, "process", None)
                with _lock:
                    _running.add(process)
                failure = await _run_cells(client, page, limits, process)
                if failure is None:
                    probe = await _ask(client, PROBE)
                    if _cpu_seconds(process.pid) > WORTH_CALIBRATING:
                        speed, calibrating = ast.literal_eval(await _ask(client, CALIBRATION))
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
    seconds = time.monotonic() - start
    return Run(page, notebook, seconds, cpu - calibrating, speed, probe, failure)


async def _run_cells(client: NotebookClient, page: str, limits: Limits, process: Any) -> str | None:
    number, clock = 0, _Clock()
    for index, cell in enumerate(client.nb.cells):
        if cell.cell_type != "code":
            continue
        number += 1
        running = asyncio.ensure_future(_run_cell(client, cell, index))
        watching = asyncio.ensure_future(_until_it_hangs(client, limits, clock, process.pid))
        try:
            done, _ = await asyncio.wait({running, watching}, return_when=asyncio.FIRST_COMPLETED)
            if running in done:
                problem = running.result()
            else:
                problem = watching.result()
                _kill(process)
        finally:
            for task in (running, watching):
                task.cancel()
            await asyncio.wait({running, watching})
        if problem is not None:
            return f"{page}, code cell {number}:\n{_indent(cell.source)}\n{problem}"
    return None


async def _until_it_hangs(client: NotebookClient, limits: Limits, clock: "_Clock", pid: int) -> str:
    """Return, with what to say, when the page does nothing any more or lasts far too long."""
    since, before = clock.now(), (-1.0, "")
    while True:
        now, (cpu, shown) = clock.now(), (_cpu_of_all(pid), _shown(client))
        if now > limits.whole:
            return f"    the page took longer than {limits.whole:g} seconds"
        if cpu - before[0] > 0.01 * limits.silence or shown != before[1]:
            since, before = now, (cpu, shown)
        elif now - since > limits.silence:
            return (
                f"    the page hangs: for {limits.silence:g} seconds it neither used the "
                "processor nor showed anything"
            )
        await asyncio.sleep(min(1.0, limits.silence / 5))


class _Clock:
    """Seconds since the page began, without those in which this process was stopped too.

    A machine that slept, or a build that was stopped and goes on, says nothing of the page.
    """

    LONGEST_STEP = 5.0

    def __init__(self) -> None:
        self._seen, self._seconds = time.monotonic(), 0.0

    def now(self) -> float:
        seen = time.monotonic()
        self._seconds += min(seen - self._seen, self.LONGEST_STEP)
        self._seen = seen
        return self._seconds


def _shown(client: NotebookClient) -> str:
    """Something that changes whenever a cell shows more."""
    outputs = [cell.get("outputs", []) for cell in client.nb.cells]
    return f"{sum(map(len, outputs))} {sum(len(str(o[-1])) for o in outputs if o)}"


async def _run_cell(client: NotebookClient, cell: nbformat.NotebookNode, index: int) -> str | None:
    try:
        await client.async_execute_cell(cell, index)
    except CellExecutionError:
        traceback = next(o.traceback for o in cell.outputs if o.output_type == "error")
        lines = _COLOR.sub("", "\n".join(traceback)).strip().splitlines()
        return _indent("\n".join(lines[-12:]))
    except DeadKernelError:
        return "    the kernel died"
    written = "".join(
        output.text
        for output in cell.outputs
        if output.output_type == "stream" and output.name == "stderr"
    )
    return f"    wrote to stderr:\n{_indent(written.rstrip())}" if written else None


async def _ask(client: NotebookClient, expression: str) -> str:
    """Have the kernel evaluate something, without a trace in the notebook."""
    kc: Any = client.kc  # an asynchronous client, whose methods can wait for the reply
    number = kc.execute("", silent=True, user_expressions={"asked": expression})
    reply: Any = {"parent_header": {}}
    end = time.monotonic() + 60
    while reply["parent_header"].get("msg_id") != number:
        try:
            reply = await kc.get_shell_msg(timeout=1)
        except Empty:
            if time.monotonic() > end or not await kc.is_alive():
                raise RuntimeError("it is gone, or silent") from None
    answer = reply["content"]["user_expressions"]["asked"]
    if answer["status"] != "ok":
        raise RuntimeError(f"the kernel could not tell what it loaded: {answer}")
    return str(ast.literal_eval(answer["data"]["text/plain"]))


@contextmanager
def _short_folder() -> Iterator[str]:
    """A temporary folder with a short name, if there is a place for one."""
    places = [tempfile.gettempdir(), "/tmp", os.environ.get("XDG_RUNTIME_DIR", "")]
    # "/tmpabcdefgh/kernel-1" comes behind it
    short = [p for p in places if len(p) < _LONGEST_SOCKET - 25 and os.access(p, os.W_OK)]
    with tempfile.TemporaryDirectory(dir=short[0] if short else None) as folder:
        yield folder


def _transport(folder: str) -> Config:
    """Sockets in the file system, where there are such: nobody else can listen to them."""
    if os.name == "nt" or len(f"{folder}/kernel-1") > _LONGEST_SOCKET:
        return Config()
    return Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/kernel"}})


def _cpu_of_all(pid: int) -> float:
    """CPU-seconds of a kernel and of what it has started."""
    try:
        started = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        started = []
    return sum(cpu for p in [pid, *(c.pid for c in started)] if (cpu := _cpu_seconds(p)) >= 0)


def _cpu_seconds(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return float("nan")
    return float(times.user + times.system)


def _indent(text: str) -> str:
    return "\n".join("    " + line for line in text.splitlines())
