"""What of a page's code, and of the package's, decides what the page measures.

Not what it promises of a number, not comments or line breaks; not docstrings, and not the modules
that only show things. So a record of many runs outlives what cannot have changed them.
"""

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import nbformat

from bookbuild.execution.dependencies import file_of_module, hash_of_module, is_lazy
from bookbuild.project import Project

# they draw, write, read, watch and fetch, and measure nothing: what is fetched has its own hash
_SHOWING = (
    *("deepbook._version", "deepbook.carried", "deepbook.claims", "deepbook.data.contents"),
    *("deepbook.data.errors", "deepbook.data.fetching", "deepbook.data.registry"),
    *("deepbook.data.summaries", "deepbook.data.wheels"),
    *("deepbook.figures", "deepbook.live", "deepbook.progress", "deepbook.tables"),
)


class _Measurements(ast.NodeTransformer):
    """Makes one of claims and glued numbers: what is promised of a number measures nothing."""

    def __init__(self) -> None:
        self.bounds: list[str] = []
        self.written_out: set[str] = set()

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if name not in ("claim", "glue") or len(node.args) != 2:
            return node
        kept: list[ast.keyword] = []
        taken: list[ast.keyword] = []
        for keyword in node.keywords:
            (taken if _is_written_out(keyword.value) else kept).append(keyword)
        called_by = node.args[0]
        if name == "claim":
            self.bounds.append(ast.unparse(node))
            if not kept and isinstance(called_by, ast.Constant):
                self.written_out.add(str(called_by.value))
        return ast.Call(ast.Name("measured", ast.Load()), node.args, kept)


def _is_written_out(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return isinstance(node, ast.Constant)


@dataclass(frozen=True)
class Experiment:
    """What decides a page's measurements, and what it promises of them.

    Attributes
    ----------
    code : str
        Hash of the code cells. Whether a number is claimed or only glued, and the numbers of
        its bounds, are left out.
    bounds : str
        Hash of what is claimed, with its bounds.
    written_out : frozenset of str
        Claims whose bounds stand in the page as numbers, and so do not depend on the run.
    """

    code: str
    bounds: str
    written_out: frozenset[str]


def experiment_of(notebook: nbformat.NotebookNode) -> Experiment:
    """Read the code cells of a page."""
    code, bounds, written_out = [], [], set()
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        found = _Measurements()
        try:
            # statement by statement: where one cell ends and the next begins does not matter
            code += [ast.dump(node) for node in found.visit(ast.parse(cell.source)).body]
        except SyntaxError:  # a magic command
            code.append(cell.source)
        bounds += found.bounds
        written_out |= found.written_out
    return Experiment(_hash(code), _hash(bounds), frozenset(written_out))


def experiment_at(project: Project, page: str) -> Experiment:
    """Read the code cells of a page from its source.

    Raises
    ------
    BuildFailed
        If the source cannot be read as a page.
    """
    text = project.text(page)
    if ":load:" in text:  # the text is not all of it
        return experiment_of(project.notebook(page))
    return _experiment_in(project, page, text)


@cache
def _experiment_in(project: Project, page: str, text: str) -> Experiment:
    # a run under many seeds asks many times, and a page takes a third of a second to parse
    return experiment_of(project.notebook(page))


@dataclass(frozen=True)
class Measurement:
    """What a page measured under its own seeds, and with what.

    Attributes
    ----------
    code : str
        Of the page's :class:`Experiment`.
    modules : mapping from name to hash
        As :func:`modules_that_measure` gives it.
    data : mapping from name to hash
    claims : list of dict
    """

    code: str
    modules: Mapping[str, str]
    data: Mapping[str, str]
    claims: list[dict[str, Any]]

    def keep(self, project: Project, page: str) -> None:
        """Write it into the build folder, beside those that the page made with other code."""
        file = _measurement_file(project, page, self.code, self.modules, self.data)
        file.parent.mkdir(parents=True, exist_ok=True)
        scratch = file.with_suffix(".new")
        scratch.write_text(json.dumps(asdict(self)), "utf-8")
        scratch.replace(file)


def read_measurement(
    project: Project, page: str, code: str, modules: Mapping[str, str], data: Mapping[str, str]
) -> Measurement | None:
    """What a page measured in this folder with this code; None if it never ran with it."""
    file = _measurement_file(project, page, code, modules, data)
    try:
        return Measurement(**json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _measurement_file(
    project: Project, page: str, code: str, modules: Mapping[str, str], data: Mapping[str, str]
) -> Path:
    name = _hash([code, sorted(modules.items()), sorted(data.items())])
    return project.build / "measured" / page / f"{name}.json"


def modules_that_measure(names: Iterable[str]) -> dict[str, str]:
    """Name to hash of those ``deepbook`` modules that can change what a page measures."""
    found = {name: _hash_of_code(name) for name in names if not name.startswith(_SHOWING)}
    return {name: digest for name, digest in found.items() if digest}


@cache
def _hash_of_code(name: str) -> str:
    """Hash of a module's code without docstrings; empty for one that only names others."""
    file = file_of_module(name)
    if file is None or (name.partition(".")[0] != "deepbook"):
        return ""
    text = file.read_text("utf-8")
    if is_lazy(text):
        return ""
    return _hash([ast.dump(_without_docstrings(text)), _hash_of_companions(name, file)])


def _hash_of_companions(name: str, file: Path) -> str:
    """Of what a module carries beside its own source; empty for most."""
    plain = hashlib.sha256(file.read_bytes()).hexdigest()
    whole = hash_of_module(name)
    return "" if whole == plain else whole


def _without_docstrings(text: str) -> ast.Module:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:]
    return tree


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]
