"""What a page's outputs depend on, and whether any of it has changed.

Its code cells; the source of the ``deepbook`` modules that were loaded when it ran; the data
that it fetched and the recorded tables that it read; the versions of the packages that it had
loaded; Python's minor version. The kernel tells at the end what it loaded and read
(:data:`PROBE`).

A package that loads its modules when they are asked for is known by what it names of those that
were loaded: a new module, or a new chapter, concerns no page that ran before it was there.
"""

import ast
import hashlib
import json
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import nbformat

from bookbuild.project import PACKAGE

# An expression that a kernel evaluates after a page's last cell.
PROBE = """__import__("json").dumps({
    "modules": sorted(__import__("sys").modules),
    "data": {
        name: digest
        for module, told in {
            "deepbook.data.fetching": "fetched", "deepbook.carried": "files_read"
        }.items()
        if module in __import__("sys").modules
        for name, digest in getattr(__import__("sys").modules[module], told)().items()
    },
})"""


@dataclass(frozen=True)
class Dependencies:
    """What a page ran with.

    Attributes
    ----------
    cells : str
        Hash of its code cells.
    modules : mapping from name of a ``deepbook`` module to hash of its source
    data : mapping from name of a data set, or of a file that ``deepbook`` carries, to its hash
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
        names = _module_names()
        self._modules = {name: hash_of_module(name) for name in names}
        self._tables = {name: table for name in names if (table := _table_of(name))}
        self._versions: dict[str, str] = {}

    @property
    def python(self) -> str:
        return f"{sys.version_info[0]}.{sys.version_info[1]}"

    def module(self, name: str, loaded: Collection[str] = ()) -> str:
        """Hash of a ``deepbook`` module's source; empty if there is none.

        Parameters
        ----------
        name : str
        loaded : collection of str
            The modules that were loaded with it. Of a package that loads its modules when they
            are asked for, the hash is of what it names of these.
        """
        digest = self._modules.get(name, "")
        named = {
            module: names
            for module, names in self._tables.get(name, {}).items()
            if f"{name}.{module}" in loaded
        }
        return _hash_of_text(digest + json.dumps(named, sort_keys=True)) if named else digest

    def data(self, name: str) -> str:
        """Hash of a data set's files as the registry gives it, or of a file that is carried.

        Empty if there is none.
        """
        folder = _package_folder()
        if folder is not None and "/" in name:
            file = folder.parent / name
            return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
        from deepbook.data import names
        from deepbook.data.registry import entry

        return entry(name).sha256 if name in names() else ""

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
        own = [n for n in told["modules"] if n == "deepbook" or n.startswith("deepbook.")]
        return Dependencies(
            cells=hash_of_cells(notebook),
            modules={name: self.module(name, own) for name in own},
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
            now = self.module(name, ran_with.modules)
            if now != before:
                return f"{name} changed" if now else f"{name} is gone"
        for name, before in ran_with.data.items():
            if self.data(name) != before:
                return f"the {'file' if '/' in name else 'data'} {name} changed"
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
    """Hash of a module's source and of what it carries; empty if there is no such module.

    Of a package that loads its modules when they are asked for, the table of what it names is
    left out.
    """
    source = file_of_module(name)
    if source is None:
        return ""
    package = source.name == "__init__.py"
    others = (
        _files_of_a_package(source.parent)
        if package
        else _files_of_a_module(source.with_suffix(""))
    )
    digest = hashlib.sha256(_without_table(source.read_bytes()))
    for path in others:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def is_lazy(source: str | bytes) -> bool:
    """Whether a package's source has its modules loaded when they are asked for."""
    text = source if isinstance(source, str) else source.decode("utf-8", "replace")
    return "lazy_loader.attach(" in text


class _Table(ast.NodeTransformer):
    """Takes out of a lazy package's source what it names: dictionaries of lists, submodules."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {}

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        try:
            table = ast.literal_eval(node)
        except ValueError:
            return self.generic_visit(node)
        if not all(isinstance(names, list) for names in table.values()):
            return node
        self.names |= table
        return ast.Dict([], [])

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if ast.unparse(node.func) == "lazy_loader.attach":
            node.keywords = [k for k in node.keywords if k.arg != "submodules"]
        return node


def _table_of(name: str) -> dict[str, list[str]]:
    """Module to the names that a lazy package takes from it; empty for other modules."""
    source = file_of_module(name)
    text = source.read_text("utf-8") if source is not None else ""
    try:
        return _read_table(text)[0] if is_lazy(text) else {}
    except SyntaxError:  # whoever imports it will say so
        return {}


@cache
def _read_table(text: str | bytes) -> tuple[dict[str, list[str]], str]:
    """The table of a lazy package's source, and the code without it."""
    found = _Table()
    rest = ast.dump(found.visit(ast.parse(text)))
    return found.names, rest


def _without_table(source: bytes) -> bytes:
    if not is_lazy(source):
        return source
    try:
        return _read_table(source)[1].encode()
    except SyntaxError:
        return source


def _files_of_a_module(base: Path) -> list[Path]:
    """What stands beside a module under its name: the script of a live figure."""
    beside = sorted(base.parent.glob(f"{base.name}.*"))
    return [path for path in beside if _is_carried(path) and path.stem == base.name]


def _files_of_a_package(folder: Path) -> list[Path]:
    """What lies beside a package's modules and belongs to none of them.

    Not what lies in folders: whoever reads a file there says so, as of data.
    """
    return [
        path
        for path in sorted(folder.iterdir())
        if _is_carried(path) and not path.with_suffix(".py").is_file()
    ]


def _is_carried(path: Path) -> bool:
    # of the data sets' registry a page depends on its own entries only
    return path.is_file() and path.suffix not in {".py", ".pyc"} and path.name != "registry.toml"


def _hash_of_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _package_folder() -> Path | None:
    spec = find_spec("deepbook")
    return Path(spec.origin).parent if spec is not None and spec.origin else None


def package_folders() -> list[Path]:
    """The folders of ``deepbook``, if it is installed, and of this package."""
    return [folder for folder in (_package_folder(), PACKAGE) if folder]


@cache
def _distributions() -> Mapping[str, list[str]]:
    ours = {"deepbook", "bookbuild"}
    found = metadata.packages_distributions()
    return {name: found[name] for name in found if name not in ours}
