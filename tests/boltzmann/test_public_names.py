import subprocess
import sys

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
    modules = ["energy_model", "harmonium", "rbm", "states"]
    assert loaded.stdout.split() == [f"deepbook.boltzmann.{module}" for module in modules]
