"""A process that has imported what every page needs, and forks a kernel from itself for each.

Starting a kernel costs seconds of CPU, nearly all of them spent importing torch, matplotlib
and IPython; a fork costs milliseconds. The parent imports them and does nothing else: it runs
no torch operation (a child of a process with OpenMP threads hangs), makes no figure, opens no
socket of a kernel, and never imports ``deepbook``, which each page imports for itself.

``ForkServer`` is the builder's side; running this module as a program is the other.

The fork server of :mod:`multiprocessing` takes half the lines, but with it what a page has
started outlives a builder that is killed, and a kernel imports the program that asked for it
unless that is a package's own.
"""

import ctypes
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

# what each kernel imports when it starts
OF_KERNELS = (
    "IPython.extensions.storemagic",
    "ipykernel.kernelapp",
    "ipykernel.debugger",
    "sqlite3",
)

PRELOADED = (
    *("torch", "numpy.random", "matplotlib.pyplot", "matplotlib.backends.backend_agg"),
    # what torch imports when a page makes its first optimizer: as much as torch itself
    "torch._dynamo",
    *OF_KERNELS,
)

_PR_SET_PDEATHSIG = 1


class ForkServer:
    """Starts the parent process and talks to it, from any number of threads.

    Raises
    ------
    OSError
        If this system cannot fork (:func:`can_fork` says so beforehand).
    """

    def __init__(self) -> None:
        # not at the top: the process that forks has no use for what this imports
        from bookbuild.project import KERNEL_ENVIRONMENT, PACKAGE

        if not can_fork():
            raise OSError("this system cannot fork")
        self._socket, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno()), *PRELOADED],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            # matplotlib reads a file of settings in the folder where it is first imported
            cwd=PACKAGE,
            env=os.environ | KERNEL_ENVIRONMENT,
        )
        theirs.close()
        self._changed = threading.Condition()
        self._sending = threading.Lock()
        self._forked: dict[int, int] = {}
        self._ended: dict[int, tuple[int, float]] = {}
        self._requests = 0
        self._lost = False
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def fork(self, argv: Sequence[str], *, cwd: str, env: Mapping[str, str]) -> "ForkedKernel":
        """Fork a kernel; ``argv`` are the arguments of ``ipykernel_launcher``."""
        with self._changed:
            self._requests += 1
            number = self._requests
        message = {"number": number, "argv": list(argv), "cwd": cwd, "env": dict(env)}
        with self._sending:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        with self._changed:
            self._changed.wait_for(lambda: number in self._forked or self._lost)
            if number not in self._forked:
                raise ChildProcessError("the process that forks kernels has died")
            return ForkedKernel(self, self._forked.pop(number))

    def ended(self, pid: int, timeout: float | None = 0) -> tuple[int, float] | None:
        """Exit status and CPU-seconds of a kernel that has ended; None while it runs."""
        with self._changed:
            self._changed.wait_for(lambda: pid in self._ended or self._lost, timeout)
            # a parent that dies takes its kernels along
            return self._ended.get(pid, (-signal.SIGKILL, float("nan")) if self._lost else None)

    def close(self) -> None:
        """End the parent and every kernel that still runs."""
        # not `close` alone: the listening thread holds the socket too
        self._socket.shutdown(socket.SHUT_RDWR)
        self._process.wait()
        self._listener.join()
        self._socket.close()

    def _listen(self) -> None:
        with self._socket.makefile("rb") as lines, suppress(OSError, ValueError):
            for line in lines:
                message = json.loads(line)
                with self._changed:
                    if "number" in message:
                        self._forked[message["number"]] = message["pid"]
                    else:
                        self._ended[message["pid"]] = (message["status"], message["cpu"])
                    self._changed.notify_all()
        with self._changed:
            self._lost = True
            self._changed.notify_all()


class ForkedKernel:
    """A kernel's process, with the face of :class:`subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, server: ForkServer, pid: int) -> None:
        self._server = server
        self.pid = pid
        self.returncode: int | None = None
        self.cpu_seconds = float("nan")

    def poll(self) -> int | None:
        """Exit status, or None while the kernel runs."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; its exit status."""
        status = self._look(timeout)
        if status is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired("kernel", timeout)
        return status

    def send_signal(self, signum: int) -> None:
        """Send a signal, unless the kernel has ended."""
        if self.poll() is None:
            os.kill(self.pid, signum)

    def terminate(self) -> None:
        """Ask the kernel to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the kernel."""
        self.send_signal(signal.SIGKILL)

    def _look(self, timeout: float | None) -> int | None:
        if self.returncode is None and (end := self._server.ended(self.pid, timeout)):
            self.returncode, self.cpu_seconds = end
        return self.returncode


def can_fork() -> bool:
    """Whether kernels can be forked here: not on Windows, and not safely on macOS."""
    return sys.platform.startswith("linux")


_server: ForkServer | None = None
_starting = threading.Lock()


def shared_server() -> ForkServer:
    """The one server of this process, started when it is first needed."""
    global _server
    with _starting:
        if _server is not None and _server._lost:
            _server.close()
            _server = None
        if _server is None:
            _server = ForkServer()
        return _server


def close_shared_server() -> None:
    """End the shared server, if there is one, and every kernel that still runs."""
    global _server
    with _starting:
        if _server is not None:
            _server.close()
            _server = None


def serve(control: socket.socket, preloaded: Sequence[str]) -> None:
    """Fork kernels as the builder asks, until it hangs up; then end all that still run.

    Parameters
    ----------
    control : socket
        To the builder.
    preloaded : sequence of str
        Names of the modules that each kernel has from the start.
    """
    # the debugger, which no page uses, otherwise warns when it is imported
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    for name in preloaded:
        __import__(name)
    # a kernel's garbage collector would touch, and so copy, all that the parent has
    gc.collect()
    gc.freeze()
    children: set[int] = set()
    wake, alarm = socket.socketpair()
    alarm.setblocking(False)
    signal.set_wakeup_fd(alarm.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    # Ctrl-C in the terminal is the builder's to handle
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    buffer = b""
    while True:
        ready, _, _ = select.select([control, wake], [], [])
        if wake in ready:
            wake.recv(4096)
            _report_ended(control, children)
        if control in ready:
            received = control.recv(1 << 16)
            if not received:
                break
            *lines, buffer = (buffer + received).split(b"\n")
            for line in lines:
                request = {**json.loads(line), "parent": os.getpid()}
                pid = os.fork()
                if pid == 0:
                    for inherited in (control, wake, alarm):
                        inherited.close()
                    _become_kernel(request)
                children.add(pid)
                _tell(control, {"number": request["number"], "pid": pid})
    # their ends are nobody's news any more
    signal.set_wakeup_fd(-1)
    for pid in children:
        # each kernel leads a process group of its own, with what it started
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        with suppress(ProcessLookupError):  # one that was forked just now does not yet
            os.kill(pid, signal.SIGKILL)


def _report_ended(control: socket.socket, children: set[int]) -> None:
    while children:
        pid, status, usage = os.wait4(-1, os.WNOHANG)
        if pid == 0:
            return
        children.discard(pid)
        _tell(
            control,
            {
                "pid": pid,
                "status": os.waitstatus_to_exitcode(status),
                "cpu": usage.ru_utime + usage.ru_stime,
            },
        )


def _tell(control: socket.socket, message: Mapping[str, Any]) -> None:
    with suppress(OSError):  # the builder hung up: the loop sees it next
        control.sendall(json.dumps(message).encode() + b"\n")


def _become_kernel(request: Mapping[str, Any]) -> None:
    """What happens in the child: a clean process becomes the kernel of one page."""
    status = 1
    try:
        os.setsid()
        # also a kernel that is deep in a loop, and looks around for its parent no more
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT):
            signal.signal(
                number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            )
        os.environ.clear()
        os.environ.update(request["env"])
        os.chdir(request["cwd"])
        # with a parent, the kernel ends when that does, and tells nobody how to connect
        arguments = [*request["argv"], f"--IPKernelApp.parent_handle={request['parent']}"]
        sys.argv = ["ipykernel_launcher", *arguments]
        sys.path[0] = ""
        _seed_from_entropy()
        from ipykernel.kernelapp import IPKernelApp

        IPKernelApp.launch_instance(arguments)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _seed_from_entropy() -> None:
    """A page that forgets its seed must not seem to be seeded: no state of the parent's."""
    import random

    import numpy as np
    import torch

    random.seed()
    np.random.seed()  # noqa: NPY002
    torch.default_generator.seed()  # drawn once, when the parent imported torch


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
