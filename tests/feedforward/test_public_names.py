import subprocess
import sys

import pytest

import deepbook.feedforward


@pytest.mark.parametrize("name", deepbook.feedforward.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(deepbook.feedforward, name) is not None


def test_a_page_loads_only_the_modules_that_it_uses():
    code = (
        "import sys; from deepbook.feedforward import Perceptron;"
        "print(*sorted(m for m in sys.modules if m.startswith('deepbook.feedforward.')))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == ["deepbook.feedforward.perceptron"]
