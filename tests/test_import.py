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

MODULES = ["deepbook", *(m.name for m in pkgutil.walk_packages(deepbook.__path__, "deepbook."))]
WORDS = {
    word
    for path in Path(__file__).parent.rglob("*.py")
    for word in re.findall(r"\w+", path.read_text("utf-8"))
}


def loaded_by(code):
    """Which of the heavy or foreign packages a fresh interpreter has loaded after ``code``."""
    heavy = "torch matplotlib numpy IPython sklearn bookbuild myst_nb".split()
    code += f"\nimport sys\nprint(*[m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_importing_deepbook_is_cheap():
    assert loaded_by("import deepbook") == []


def test_a_claim_loads_neither_torch_nor_matplotlib():
    assert loaded_by("import deepbook; deepbook.claim") == ["IPython"]


def test_a_table_of_numbers_loads_nothing():
    assert loaded_by("import deepbook; deepbook.table(['n'], [[1.5]], formats='.2f')") == []


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
    assert [name for name in names if name not in WORDS] == []
