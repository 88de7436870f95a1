import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import deepbook.boltzmann


@pytest.mark.parametrize("name", deepbook.boltzmann.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(deepbook.boltzmann, name) is not None


def test_a_page_loads_only_the_modules_that_it_uses():
    code = (
        "import sys; from deepbook.boltzmann import RBM;"
        "print(*sorted(m for m in sys.modules if m.startswith('deepbook.boltzmann.')))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    modules = ["energy", "energy.energy_model", "energy.harmonium", "energy.layers"]
    modules += ["energy.two_layers", "machines", "machines.restricted"]
    assert loaded.stdout.split() == [f"deepbook.boltzmann.{module}" for module in modules]


ROOMS = [
    *("energy", "machines", "sampling", "partition", "inference", "learning"),
    *("deep", "directed", "recommenders"),
]


def test_each_public_name_can_be_imported_from_its_subpackage_as_well():
    names = {}
    for room in ROOMS[:-1]:
        package = import_module(f"deepbook.boltzmann.{room}")
        modules = {path.stem for path in Path(package.__file__).parent.glob("*.py")}
        for name in set(package.__all__) - modules:
            names[name] = getattr(package, name)
    for name in set(deepbook.boltzmann.__all__) - {*ROOMS, "records"}:
        if name in names:
            assert getattr(deepbook.boltzmann, name) is names[name]
        else:
            assert getattr(deepbook.boltzmann, name).__module__ == "deepbook.boltzmann.records"
    assert names.keys() <= set(deepbook.boltzmann.__all__)
