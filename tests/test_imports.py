"""Who imports whom: no arrow upwards, no circle, and a drawing that shows it."""

import os
import shutil
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import grimp
import matplotlib as mpl
import networkx as nx
import pytest

from bookbuild.imports import draw, imports_of, levels_of
from bookbuild.project import BuildFailed

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
CONTRACTS = {contract["id"]: contract for contract in SETTINGS["contracts"]}
PACKAGES = ["deepbook", "deepbook.boltzmann", "bookbuild"]


def check(contract, code=ROOT / "code"):
    """What import-linter says of one contract."""
    options = ["--contract", contract, "--no-cache", "--no-logo"]
    command = (
        "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    )
    return subprocess.run(
        [sys.executable, "-c", command, ROOT / "pyproject.toml", *options],
        cwd=code,
        env=os.environ | {"PYTHONPATH": str(code)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("deepbook", cache_dir=None)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_imports_keep_to_the_contracts(contract):
    done = check(contract)
    assert done.returncode == 0, done.stdout + done.stderr


# contract, what is added to which files, what is then told
FAULTS = {
    "a later chapter": (
        "deepbook",
        {"feedforward/perceptron.py": "from deepbook.boltzmann import RBM"},
        "deepbook.feedforward.perceptron -> deepbook.boltzmann",
    ),
    "what stands above, imported late": (
        "deepbook",
        {"claims.py": "def late():\n    import deepbook.training"},
        "deepbook.claims -> deepbook.training",
    ),
    "a part without a place": (
        "deepbook",
        {"everything_else.py": ""},
        "not listed as layers:\n\n- deepbook.everything_else",
    ),
    "a later room": (
        "boltzmann",
        {"boltzmann/energy/states.py": "from deepbook.boltzmann.deep import DBN"},
        "deepbook.boltzmann.energy.states -> deepbook.boltzmann.deep",
    ),
    "a room without a place": (
        "boltzmann",
        {"boltzmann/attic/__init__.py": ""},
        "- deepbook.boltzmann.attic",
    ),
    "the builder, for types alone": (
        "builder",
        {"data/digits.py": "if TYPE_CHECKING:\n    import bookbuild.report"},
        "deepbook.data.digits -> bookbuild.report",
    ),
    "two modules of one package": (
        "circles",
        {
            "feedforward/hen.py": "import deepbook.feedforward.egg",
            "feedforward/egg.py": "def late():\n    import deepbook.feedforward.hen",
        },
        "No cycles are allowed in deepbook.feedforward.\n",
    ),
    "two packages": (
        "circles",
        {
            "data/hen.py": "import deepbook.figures.egg",
            "figures/egg.py": "import deepbook.data.digits",
        },
        "No cycles are allowed in deepbook.\n",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_breaks_its_contract(fault, tmp_path):
    contract, planted, told = FAULTS[fault]
    for package in ("deepbook", "bookbuild"):
        for path in (ROOT / "code" / package).rglob("*.py"):
            copy = tmp_path / path.relative_to(ROOT / "code")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    for name, text in planted.items():
        place = tmp_path / "deepbook" / name
        place.parent.mkdir(exist_ok=True)
        with place.open("a", encoding="utf-8") as source:
            source.write(f"\n{text}\n")
    done = check(contract, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert told in done.stdout


def test_no_module_imports_the_package_that_holds_it(graph):
    # through the face of its package a module could reach itself
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            assert not module.startswith(f"{imported}."), (module, imported)


@pytest.mark.parametrize("package", PACKAGES)
def test_in_the_drawing_every_arrow_points_down(package):
    imports = imports_of(package)
    levels = levels_of(imports)
    assert levels.keys() == set(imports)
    assert imports.number_of_edges() > 5
    assert all(levels[user] > levels[used] for user, used in imports.edges)


def test_the_drawing_shows_what_the_contract_speaks_of(graph):
    told = [part for layer in CONTRACTS["boltzmann"]["layers"] for part in layer.split(" : ")]
    rooms = imports_of("deepbook.boltzmann", graph)
    assert set(told) == set(rooms)
    order = {part: place for place, part in enumerate(told)}
    assert all(order[user] < order[used] for user, used in rooms.edges)


def test_a_circle_is_told_part_by_part():
    circle = nx.DiGraph([("a", "b"), ("b", "c"), ("c", "b")])
    with pytest.raises(BuildFailed, match="imports go in a circle: b > c > b"):
        levels_of(circle)


def test_a_part_stands_one_above_the_highest_that_it_imports():
    imports = nx.DiGraph([*pairwise("abcd"), ("a", "d"), ("e", "d")])
    assert levels_of(imports) == {"a": 3, "b": 2, "c": 1, "d": 0, "e": 1}


def test_the_drawing_names_every_part(tmp_path):
    with mpl.rc_context({"svg.fonttype": "none"}):
        draw(tmp_path / "imports.svg")
    text = (tmp_path / "imports.svg").read_text("utf-8")
    for package in PACKAGES:
        assert all(f">{part}<" in text for part in [package, *imports_of(package)])
