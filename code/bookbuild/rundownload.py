"""Run the downloaded notebooks as a reader would: from top to bottom, somewhere else.

Only what could have changed runs again: a record in the build folder says which code, with
which wheel, was seen to run.
"""

import asyncio
import hashlib
import json
import os
import sys
import tempfile
import zipfile
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

# what a reader's kernel gets, beside the environment of whoever runs the check
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "DEEPBOOK_CLAIMS": "strict", "DEEPBOOK_PROGRESS": "0"}


class DownloadFailed(Exception):
    """A downloaded notebook does not run from top to bottom."""


def run_notebook(
    path: Path,
    *,
    cwd: Path,
    timeout: float = 300,
    python: str | Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Execute a notebook from top to bottom in a fresh kernel.

    Parameters
    ----------
    path : Path
    cwd : Path
        The folder in which the kernel starts.
    timeout : float
        Seconds for each cell.
    python : path, optional
        The interpreter of the kernel; it must have ``ipykernel``. Else this one.
    env : mapping, optional
        Added to the environment of the kernel.

    Raises
    ------
    DownloadFailed
        If a cell raises, lasts too long or kills the kernel; with the name of the notebook,
        the cell and the end of the traceback.
    """
    notebook = nbformat.read(path, as_version=4)
    # A file of the checkout must not help: no PYTHONPATH but what the caller gives.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= _ENVIRONMENT | dict(env or {})
    manager = AsyncKernelManager(kernel_name="python3")
    assert manager.kernel_spec is not None  # it comes with ipykernel
    manager.kernel_spec.argv[0] = str(python or sys.executable)
    client = NotebookClient(
        notebook, km=manager, timeout=timeout, resources={"metadata": {"path": str(cwd)}}
    )
    try:
        # a kernel manager that it was given is otherwise left running
        asyncio.run(client.async_execute(env=environment, cleanup_kc=True))
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        where = f"{path.name}, code cell {client.code_cells_executed}: {type(error).__name__}"
        end = "\n".join(str(error).strip().splitlines()[-15:])
        raise DownloadFailed(f"{where}\n{end}") from error


def fingerprint(notebook: Path, *others: Path) -> str:
    """Hash of a notebook's code and of other files; prose does not make it run again."""
    cells = nbformat.read(notebook, as_version=4).cells
    state = hashlib.sha256(json.dumps([c.source for c in cells if c.cell_type == "code"]).encode())
    for file in others:
        state.update(hashlib.sha256(file.read_bytes()).digest())
    return state.hexdigest()


def check_downloads(
    site: Path, record: Path, *, names: Collection[str] | None = None, timeout: float = 300
) -> dict[str, str]:
    """Run the site's notebooks whose code or package changed since they last ran well.

    Each runs in an empty folder, two at a time, against the ``deepbook`` of the site's wheel.

    Parameters
    ----------
    site : Path
        The built site.
    record : Path
        JSON file: name of a notebook to the fingerprint of what ran well.
    names : collection of str, optional
        Only these notebooks.
    timeout : float
        Seconds for each cell.

    Returns
    -------
    dict
        Name of each notebook that fails to what went wrong.
    """
    downloads = site / "_downloads"
    (wheel,) = downloads.glob("deepbook-*.whl")
    good: dict[str, str] = json.loads(record.read_text()) if record.exists() else {}
    now = {
        path.name: fingerprint(path, wheel)
        for path in sorted(downloads.glob("notebooks/*.ipynb"))
        if names is None or path.name in names
    }
    stale = [name for name, state in now.items() if good.get(name) != state]
    failed = {}
    with tempfile.TemporaryDirectory() as package, ThreadPoolExecutor(2) as pool:
        zipfile.ZipFile(wheel).extractall(package)

        def problem(name: str) -> str:
            try:
                with tempfile.TemporaryDirectory() as empty:
                    run_notebook(
                        downloads / "notebooks" / name,
                        cwd=Path(empty),
                        timeout=timeout,
                        env={"PYTHONPATH": package},
                    )
            except DownloadFailed as error:
                return str(error)
            return ""

        for name, message in zip(stale, pool.map(problem, stale), strict=True):
            if message:
                failed[name] = message
                continue
            good[name] = now[name]
            write_record(record, good)
    return failed


def write_record(record: Path, good: Mapping[str, str]) -> None:
    """Write the record in one step: a check that is cut off leaves a whole one."""
    record.parent.mkdir(parents=True, exist_ok=True)
    scratch = record.with_suffix(".new")
    scratch.write_text(json.dumps(good, indent=1, sort_keys=True))
    scratch.replace(record)
