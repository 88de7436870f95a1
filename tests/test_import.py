import ast
import inspect
import pkgutil
import re
import subprocess
import sys
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path
from typing import get_origin

import pytest

import deepbook

CODE = Path(deepbook.__file__).parent
# what chapters share, the chapters, and what stands beside them: each imports those before it
ROOMS = """_version units randomness progress carried claims data figures live training feedforward
regularization representation recommenders optimization convolution sequence methodology
applications boltzmann""".split()
MODULES = ["deepbook", *(m.name for m in pkgutil.walk_packages(deepbook.__path__, "deepbook."))]
TESTS = "\n".join(path.read_text("utf-8") for path in Path(__file__).parent.rglob("*.py"))


def loaded_by(code):
    """Which of the heavy or foreign packages a fresh interpreter has loaded after ``code``."""
    heavy = "torch matplotlib numpy IPython sklearn bookbuild myst_nb".split()
    code += f"\nimport sys\nprint(*[m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def imports(path):
    """Names of all modules that a file imports, and of what it takes from them."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by a relative name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_importing_deepbook_is_cheap():
    assert loaded_by("import deepbook") == []


def test_a_claim_loads_neither_torch_nor_matplotlib():
    assert loaded_by("import deepbook; deepbook.claim") == ["IPython"]


def test_no_module_imports_one_that_imports_it_however_far_around():
    paths = {
        "deepbook." + ".".join(path.relative_to(CODE).with_suffix("").parts): path
        for path in CODE.rglob("*.py")
        if path.name != "__init__.py"
    }
    found = {
        module: {
            name
            for imported in imports(path)
            for name in (imported, imported.rpartition(".")[0])
            if name in paths
        }
        for module, path in paths.items()
    }
    # modules that only import what has been taken away are taken away, until none is left
    while free := {module for module, used in found.items() if not used & found.keys()}:
        found = {module: used for module, used in found.items() if module not in free}
    assert not found


def test_deepbook_never_imports_what_builds_the_book():
    for path in CODE.rglob("*.py"):
        assert not [name for name in imports(path) if name.startswith("bookbuild")], path


def test_every_module_and_folder_has_its_place_among_the_rooms():
    found = {path.stem for path in CODE.glob("*.py")} | {
        path.parent.name for path in CODE.glob("*/__init__.py")
    }
    assert found - {"__init__"} <= set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_imports_one_that_stands_behind_it(room):
    allowed = set(ROOMS[: ROOMS.index(room) + 1])
    for path in [CODE / f"{room}.py", *(CODE / room).rglob("*.py")]:
        if path.is_file():
            names = [name for name in imports(path) if name.startswith("deepbook.")]
            assert {name.split(".")[1] for name in names} <= allowed, path


def public(module):
    module = import_module(module)
    return [(name, getattr(module, name)) for name in getattr(module, "__all__", [])]


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_described(module):
    assert import_module(module).__doc__, module
    for name, value in public(module):
        if inspect.isroutine(value):
            assert value.__doc__, name
        elif inspect.isclass(value):
            # its own, not one that it inherits or that dataclass makes from the fields
            own = value.__dict__.get("__doc__") or ""
            assert own, name
            assert not own.startswith(f"{value.__name__}("), name


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_stands_in_a_test(module):
    # the records that functions return are tested with the functions, aliases of types by mypy
    names = [
        name
        for name, value in public(module)
        if not inspect.ismodule(value) and not is_dataclass(value)
        if not hasattr(value, "_fields") and not get_origin(value)
    ]
    assert [name for name in names if not re.search(rf"\b{name}\b", TESTS)] == []
