"""Make the virtual environment and install into it what requirements.txt names.

Called by ``make`` with whatever Python there is, so it uses nothing but the standard library.

On Linux pip takes torch with CUDA, several gigabytes, also where there is no GPU. uv chooses the
build that fits the machine, if it can be had: ``TORCH=cpu`` or ``TORCH=cuda`` says which. Where uv
is not there, or finds no such build (no network beyond the package index), pip installs what it
finds.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
BACKENDS = {"": "auto", "cpu": "cpu", "cuda": "auto"}
# uv waits half a minute and tries three times where nobody answers
IMPATIENT = {"UV_HTTP_TIMEOUT": "5", "UV_HTTP_RETRIES": "0"}


class NotInstalled(Exception):
    """The environment could not be made as it was asked for; the message says what to do."""


def install(root: Path, torch: str, *, linux: bool) -> None:
    """Make ``.venv`` if there is none, and bring it up to date.

    Parameters
    ----------
    root : Path
        The folder with requirements.txt.
    torch : {"", "cpu", "cuda"}
        Which build of torch; without a word of it the one that fits the machine.
    linux : bool
        Whether pip would take torch with CUDA.

    Raises
    ------
    NotInstalled
        If ``torch`` is none of these, or cannot be had.
    """
    if torch not in BACKENDS:
        raise NotInstalled(f"expected TORCH=cpu or TORCH=cuda, got TORCH={torch}")
    folder = root / ".venv"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        _run([sys.executable, "-m", "venv", str(folder)])
    requirements = str(root / "requirements.txt")
    uv = _uv(python) if linux and torch != "cuda" else None
    chosen = ["--torch-backend", BACKENDS[torch]]
    if uv is not None and _can_be_had(uv, python, chosen, requirements):
        _run([*uv, "pip", "install", "--python", str(python), *chosen, "-r", requirements])
    elif torch == "cpu" and linux:
        raise NotInstalled(
            "torch's build for CPUs cannot be had here: it takes uv and a network beyond the "
            "package index. Without TORCH=cpu pip installs what it finds"
        )
    else:
        _run([str(python), "-m", "pip", "install", "--quiet", "--requirement", requirements])
    own = ["--editable", str(root), "--editable", str(root / "code" / "bookbuild")]
    options = ["--quiet", "--no-deps", "--no-build-isolation"]
    _run([str(python), "-m", "pip", "install", *options, *own])


def _uv(python: Path) -> list[str] | None:
    """The command that calls uv; None if there is none and pip cannot bring it."""
    if (found := shutil.which("uv")) is not None:
        return [found]
    command = [str(python), "-m", "pip", "install", "--quiet", "uv"]
    return [str(python), "-m", "uv"] if _works(command) else None


def _can_be_had(uv: Sequence[str], python: Path, chosen: Sequence[str], requirements: str) -> bool:
    """Whether uv finds all of it: it looks and installs nothing."""
    looking = ["pip", "install", "--dry-run", "--quiet", "--python", str(python)]
    return _works([*uv, *looking, *chosen, "-r", requirements])


def _works(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(command, env=os.environ | IMPATIENT, capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, check=False)
    if done.returncode:
        raise NotInstalled(f"this failed: {' '.join(command)}")


def main() -> int:
    """Install, and say what went wrong if something does."""
    try:
        install(ROOT, os.environ.get("TORCH", ""), linux=sys.platform == "linux")
    except NotInstalled as error:
        print(f"not installed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
