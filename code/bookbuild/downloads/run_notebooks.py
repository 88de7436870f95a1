"""Run the downloaded notebooks as a reader would: from top to bottom, somewhere else.

A book's notebooks cost as much as its pages. A notebook has the code that the page ran, which
tests compare; so it is enough to run those whose pages changed, and of all others a share that
another commit draws anew. Only what could have changed runs again: a record in the build folder
says which code, with which wheel, was seen to run.
"""

import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from bookbuild.downloads.notebooks_of_site import told_values
from bookbuild.execution.capacity import pages_at_once
from bookbuild.execution.kernel import run_apart
from bookbuild.execution.store import claims_in

# what a reader's kernel gets, beside the environment of whoever runs the check
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "DEEPBOOK_CLAIMS": "show", "DEEPBOOK_PROGRESS": "0"}


def changed_pages(root: Path, landed: str = "") -> set[str] | None:
    """Pages whose sources differ from those of the last landing.

    Parameters
    ----------
    root : Path
        The repository.
    landed : str
        The commit of the last landing. Without it the upstream branch's, if there is one and it
        is not this commit itself, else the commit before this one.

    Returns
    -------
    set of str, or None
        Names of pages, ``"book/feedforward/digits"``; None where nobody can tell.
    """
    candidates = [landed] if landed else ["@{upstream}", "HEAD~1"]
    head = _git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    for name in candidates:
        base = _git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        if base and (base != head or landed):
            break
    else:
        return None
    committed = _git(root, "diff", "--name-only", "--no-renames", base, "--", "book")
    added = _git(root, "ls-files", "--others", "--exclude-standard", "--", "book")
    if committed is None or added is None:
        return None
    files = [Path(line) for line in (committed + "\n" + added).splitlines() if line]
    return {file.with_suffix("").as_posix() for file in files if file.suffix == ".md"}


def _git(root: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def drawn(names: Collection[str], seed: str, share: float = 0.2) -> set[str]:
    """A share of the names, rounded up, that ``seed`` alone decides: a commit's hash, say."""
    order = sorted(names, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())
    return set(order[: math.ceil(share * len(order))])


class DownloadFailed(Exception):
    """A downloaded notebook does not run from top to bottom."""


def run_notebook(
    path: Path,
    *,
    cwd: Path,
    timeout: float = 3600,
    python: str | Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Execute a notebook from top to bottom in a fresh kernel.

    A claim may not hold if it does not hold in the book either: the set-up cell tells what the
    book's build measured.

    Parameters
    ----------
    path : Path
    cwd : Path
        The folder in which the kernel starts.
    timeout : float
        Seconds for each cell: so many that only one which hangs is stopped.
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
        run_apart(client.async_execute(env=environment, cleanup_kc=True))
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        where = f"{path.name}, code cell {client.code_cells_executed}: {type(error).__name__}"
        end = "\n".join(str(error).strip().splitlines()[-15:])
        raise DownloadFailed(f"{where}\n{end}") from error
    in_book = told_values(notebook)
    for claim in claims_in(notebook):
        if not claim["holds"] and not _breaks(claim, in_book.get(claim["name"])):
            raise DownloadFailed(
                f"{path.name}: the claim {claim['name']} holds in the book and not here: "
                f"promised {claim['bound']}, got {claim['value']}"
            )


def _breaks(claim: Mapping[str, Any], value: float | str | None) -> bool:
    """Whether the value that the book measured breaks the claim too."""
    if value is None:
        return False
    low, high, number = claim["low"], claim["high"], float(value)
    inside = (low is None or number >= low) and (high is None or number <= high)
    return not (inside and math.isfinite(number))


def fingerprint(notebook: Path, *others: Path) -> str:
    """Hash of a notebook's code and of other files; prose does not make it run again."""
    cells = nbformat.read(notebook, as_version=4).cells
    state = hashlib.sha256(json.dumps([c.source for c in cells if c.cell_type == "code"]).encode())
    for file in others:
        state.update(hashlib.sha256(file.read_bytes()).digest())
    return state.hexdigest()


def check_downloads(
    site: Path, record: Path, *, names: Collection[str] | None = None, timeout: float = 3600
) -> dict[str, str]:
    """Run the site's notebooks whose code or package changed since they last ran well.

    Each runs in an empty folder, as many at once as the machine carries, against the
    ``deepbook`` of the site's wheel.

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
    paths = [
        path
        for path in sorted(downloads.glob("notebooks/*.ipynb"))
        if names is None or path.name in names
    ]
    log = _Record(record, {path: fingerprint(path, wheel) for path in paths})
    with tempfile.TemporaryDirectory() as package, ThreadPoolExecutor(pages_at_once()) as pool:
        zipfile.ZipFile(wheel).extractall(package)

        def run(path: Path) -> str:
            with tempfile.TemporaryDirectory() as empty:
                return _problem(path, Path(empty), timeout, env={"PYTHONPATH": package})

        for path, problem in zip(log.stale, pool.map(run, log.stale), strict=True):
            log.note(path, problem)
    return log.failed


def check_fresh(
    site: Path, record: Path, names: Collection[str], requirements: Path, *, timeout: float = 3600
) -> dict[str, str]:
    """Run notebooks in a new virtual environment that holds nothing but a Jupyter kernel.

    They lie beside the wheel, as readers find them in the zip, and their first cell installs
    it with what it declares.

    Parameters
    ----------
    site, record : Path
        As in :func:`check_downloads`.
    names : collection of str
        The notebooks to run.
    requirements : Path
        The versions that pip has to keep to.
    timeout : float
        Seconds for each cell, also for the one that installs.

    Returns
    -------
    dict
        Name of each notebook that fails to what went wrong.
    """
    downloads = site / "_downloads"
    (wheel,) = downloads.glob("deepbook-*.whl")
    paths = [downloads / "notebooks" / name for name in names]
    log = _Record(record, {path: fingerprint(path, wheel, requirements) for path in paths})
    if not log.stale:
        return {}
    with tempfile.TemporaryDirectory() as temporary:
        folder, environment = Path(temporary) / "notebooks", Path(temporary) / "environment"
        folder.mkdir()
        shutil.copy(wheel, folder)
        venv.create(environment, with_pip=True)
        python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        constraint = {"PIP_CONSTRAINT": str(requirements.resolve())}
        command = [str(python), "-m", "pip", "install", "--quiet", "ipykernel"]
        subprocess.run(command, env=os.environ | constraint, check=True)
        for path in log.stale:
            log.note(path, _problem(path, folder, timeout, env=constraint, python=python))
    return log.failed


def _problem(
    path: Path, cwd: Path, timeout: float, env: Mapping[str, str], python: Path | None = None
) -> str:
    try:
        run_notebook(path, cwd=cwd, timeout=timeout, env=env, python=python)
    except DownloadFailed as error:
        return str(error)
    return ""


class _Record:
    """What ran well: name of a notebook to its fingerprint, in a JSON file."""

    def __init__(self, file: Path, now: Mapping[Path, str]) -> None:
        self.file = file
        self.now = now
        self.good: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        self.stale = [path for path, state in now.items() if self.good.get(path.name) != state]
        self.failed: dict[str, str] = {}

    def note(self, path: Path, problem: str) -> None:
        """Write down at once how a notebook ran: a check that is cut off loses nothing."""
        if problem:
            self.failed[path.name] = problem
            return
        self.good[path.name] = self.now[path]
        self.file.parent.mkdir(parents=True, exist_ok=True)
        scratch = self.file.with_suffix(".new")
        scratch.write_text(json.dumps(self.good, indent=1, sort_keys=True))
        scratch.replace(self.file)
