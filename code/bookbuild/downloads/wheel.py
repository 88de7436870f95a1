"""The wheel of ``deepbook`` that the site carries: same sources, same bytes."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from importlib.metadata import version
from pathlib import Path

# The first date that a zip can hold.
EPOCH = 315532800


def wheel_name(root: Path) -> str:
    """File name of the wheel of the package that ``root/pyproject.toml`` describes."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return f"{project['name']}-{project['version']}-py3-none-any.whl"


def build_wheel(root: Path, folder: Path) -> Path:
    """Build the wheel into ``folder``, or take the one that lies there if nothing changed.

    It is built in a temporary copy: nothing appears in the checkout, and nothing but
    ``deepbook`` can get into it.

    Parameters
    ----------
    root : Path
        The checkout, with ``pyproject.toml``, ``README.md``, ``LICENSE`` and ``code/deepbook``.
    folder : Path

    Raises
    ------
    RuntimeError
        If the wheel cannot be built; the message ends with what the build said last.
    """
    files = [root / name for name in ("pyproject.toml", "README.md", "LICENSE")]
    package = (root / "code" / "deepbook").rglob("*")
    files += sorted(f for f in package if f.is_file() and "__pycache__" not in f.parts)
    state = hashlib.sha256(f"{sys.version} setuptools {version('setuptools')}".encode())
    for file in files:
        state.update(f"\0{file.relative_to(root)}\0".encode() + file.read_bytes())
    wheel, mark = folder / wheel_name(root), folder / "sources.sha256"
    if wheel.exists() and mark.exists() and mark.read_text() == state.hexdigest():
        return wheel

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as temporary:
        for file in files:
            copy = Path(temporary) / file.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
            copy.chmod(0o644)
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(folder)]
        environment = os.environ | {"SOURCE_DATE_EPOCH": str(EPOCH)}
        run = subprocess.run(
            command,
            cwd=temporary,
            env=environment,
            umask=0o022,  # a wheel keeps the files' modes
            capture_output=True,
            text=True,
            check=False,
        )
    if run.returncode or not wheel.exists():
        last = "\n".join((run.stdout + run.stderr).splitlines()[-10:])
        raise RuntimeError(f"cannot build {wheel.name}:\n{last}")
    mark.write_text(state.hexdigest())
    return wheel
