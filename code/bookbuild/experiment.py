"""What of a page's code, and of the package's, decides what the page measures.

Not the bounds of its claims, comments or line breaks; not docstrings, and not the modules that
only show things. So a record of many runs outlives what cannot have changed them.
"""

import ast
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import nbformat

from bookbuild.dependencies import file_of_module, hash_of_module

_BOUNDS = {"at_least", "at_most", "close_to", "tolerance", "source"}
# they draw, write and watch, and measure nothing
_SHOWING = ("deepbook.claims", "deepbook.figures", "deepbook.live", "deepbook.watching")


class _WithoutBounds(ast.NodeTransformer):
    """Takes the numbers out of the bounds of claims, and keeps them."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if name == "claim":
            for keyword in node.keywords:
                if keyword.arg in _BOUNDS and _is_number_or_text(keyword.value):
                    self.taken.append(f"{keyword.arg}={ast.unparse(keyword.value)}")
                    keyword.value = ast.Constant(None)
        return node


def _is_number_or_text(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return isinstance(node, ast.Constant)


def hash_of_experiment(notebook: nbformat.NotebookNode) -> str:
    """Hash of the code cells, without the numbers in the bounds of claims."""
    return _parts(notebook)[0]


def bounds_of(notebook: nbformat.NotebookNode) -> str:
    """Hash of the numbers in the bounds of claims."""
    return _parts(notebook)[1]


def _parts(notebook: nbformat.NotebookNode) -> tuple[str, str]:
    code, bounds = [], []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        stripper = _WithoutBounds()
        try:
            code.append(ast.dump(stripper.visit(ast.parse(cell.source))))
        except SyntaxError:  # a magic command
            code.append(cell.source)
        bounds.append(stripper.taken)
    return _hash(code), _hash(bounds)


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
    if "lazy_loader.attach" in text:
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
