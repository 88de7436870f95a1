"""What a page's outputs depend on, and whether any of it has changed.

Its code cells; the source of the ``deepbook`` modules that were loaded when it ran; the data
that it fetched; the versions of the packages that it had loaded; Python's minor version. The
kernel tells at the end what it loaded and fetched (:data:`PROBE`).
"""

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import nbformat

# An expression that a kernel evaluates after a page's last cell.
PROBE = """__import__("json").dumps({
    "modules": sorted(__import__("sys").modules),
    "data": __import__("sys").modules["deepbook.data.fetching"].fetched()
        if "deepbook.data.fetching" in __import__("sys").modules else {},
})"""


@dataclass(frozen=True)
class Dependencies:
    """What a page ran with.

    Attributes
    ----------
    cells : str
        Hash of its code cells.
    modules : mapping from name of a ``deepbook`` module to hash of its source
    data : mapping from name of a data set to hash of its file
    packages : mapping from name of a distribution to its version
    python : str
        ``"3.11"``.
    """

    cells: str
    modules: Mapping[str, str]
    data: Mapping[str, str]
    packages: Mapping[str, str]
    python: str


class Surroundings:
    """The code, data and packages of now; each thing is looked up once."""

    def __init__(self) -> None:
        # all at once and before any page runs: a module that is edited while a page runs is
        # then another one than the page's record says
        self._modules = {name: hash_of_module(name) for name in _module_names()}
        self._versions: dict[str, str] = {}

    @property
    def python(self) -> str:
        return f"{sys.version_info[0]}.{sys.version_info[1]}"

    def module(self, name: str) -> str:
        """Hash of a ``deepbook`` module's source; empty if there is none."""
        return self._modules.get(name, "")

    def data(self, name: str) -> str:
        """Hash that the registry gives for a data set's file; empty if it has none."""
        from deepbook.data import names
        from deepbook.data.registry import entry

        return entry(name).member_sha256 if name in names() else ""

    def version(self, distribution: str) -> str:
        """Installed version; empty if it is not installed."""
        if distribution not in self._versions:
            try:
                self._versions[distribution] = metadata.version(distribution)
            except metadata.PackageNotFoundError:
                self._versions[distribution] = ""
        return self._versions[distribution]

    def describe(self, notebook: nbformat.NotebookNode, probe: str) -> Dependencies:
        """Turn what the kernel told into the dependencies of the page that it ran."""
        told = json.loads(probe)
        top_levels = {name.partition(".")[0] for name in told["modules"]}
        distributions = {
            distribution for name in top_levels for distribution in _distributions().get(name, ())
        }
        return Dependencies(
            cells=hash_of_cells(notebook),
            modules={
                name: self.module(name)
                for name in told["modules"]
                if name == "deepbook" or name.startswith("deepbook.")
            },
            data=told["data"],
            packages={name: self.version(name) for name in sorted(distributions)},
            python=self.python,
        )

    def change(self, ran_with: Dependencies, cells: str) -> str | None:
        """The first thing that differs from what a page with these cells ran with.

        Parameters
        ----------
        ran_with : Dependencies
        cells : str
            As :func:`hash_of_cells` gives it.

        Returns
        -------
        str or None
            None if nothing differs.
        """
        if ran_with.cells != cells:
            return "its code cells changed"
        if ran_with.python != self.python:
            return f"Python {ran_with.python} became {self.python}"
        for name, before in ran_with.modules.items():
            if self.module(name) != before:
                return f"{name} changed" if self.module(name) else f"{name} is gone"
        for name, before in ran_with.data.items():
            if self.data(name) != before:
                return f"the data {name} changed"
        for name, before in ran_with.packages.items():
            if self.version(name) != before:
                return f"{name} {before} became {self.version(name) or 'absent'}"
        return None


def hash_of_cells(notebook: nbformat.NotebookNode) -> str:
    """Hash of the code cells: not of captions, alternative texts or prose."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def _module_names() -> list[str]:
    folder = _package_folder()
    if folder is None:
        return []
    paths = [path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py")]
    names = [["deepbook", *path.parts] for path in paths]
    return [".".join(name[:-1] if name[-1] == "__init__" else name) for name in names]


def file_of_module(name: str) -> Path | None:
    """The source of a ``deepbook`` module; None if there is none."""
    folder = _package_folder()
    if folder is None:
        return None
    base = folder.joinpath(*name.split(".")[1:])
    if base != folder and base.with_suffix(".py").is_file():
        return base.with_suffix(".py")
    return base / "__init__.py" if (base / "__init__.py").is_file() else None


def hash_of_module(name: str) -> str:
    """Hash of a module's source and of what it carries; empty if there is no such module."""
    source = file_of_module(name)
    if source is None:
        return ""
    package = source.name == "__init__.py"
    others = (
        _files_of_a_package(source.parent)
        if package
        else _files_of_a_module(source.with_suffix(""))
    )
    digest = hashlib.sha256(source.read_bytes())
    for path in others:
        name_there = path.relative_to(source.parent).as_posix()
        digest.update(name_there.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _files_of_a_module(base: Path) -> list[Path]:
    """What stands beside a module under its name: the script of a live figure."""
    beside = sorted(base.parent.glob(f"{base.name}.*"))
    return [path for path in beside if _is_carried(path) and path.stem == base.name]


def _files_of_a_package(folder: Path) -> list[Path]:
    """What a package carries that belongs to none of its modules, also in folders of it."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not (path / "__init__.py").is_file():
            found += _files_of_a_package(path)
        elif path.is_file() and _is_carried(path) and not path.with_suffix(".py").is_file():
            found.append(path)
    return found


def _is_carried(path: Path) -> bool:
    # of the data sets' registry a page depends on its own entries only
    return path.is_file() and path.suffix not in {".py", ".pyc"} and path.name != "registry.toml"


@cache
def _package_folder() -> Path | None:
    spec = find_spec("deepbook")
    return Path(spec.origin).parent if spec is not None and spec.origin else None


def package_folders() -> list[Path]:
    """The folders of ``deepbook``, if it is installed, and of this package."""
    return [folder for folder in (_package_folder(), Path(__file__).parent) if folder]


@cache
def _distributions() -> Mapping[str, list[str]]:
    ours = {"deepbook", "bookbuild"}
    found = metadata.packages_distributions()
    return {name: found[name] for name in found if name not in ours}
