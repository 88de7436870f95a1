import subprocess
import sys

import pytest

import deepbook.regularization


@pytest.mark.parametrize("name", deepbook.regularization.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(deepbook.regularization, name) is not None


def test_a_page_loads_only_the_modules_that_it_uses():
    code = (
        "import sys; from deepbook.regularization import soft_threshold;"
        "print(*sorted(m for m in sys.modules if m.startswith('deepbook.regularization.')))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    modules = ["checks", "proximal_steps"]
    assert loaded.stdout.split() == [f"deepbook.regularization.{module}" for module in modules]


def test_the_chapter_needs_neither_scikit_learn_nor_scipy():
    code = (
        "import sys; import deepbook.regularization as r;"
        "[getattr(r, name) for name in r.__all__];"
        "print(*[m for m in ('sklearn', 'scipy', 'matplotlib') if m in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []
