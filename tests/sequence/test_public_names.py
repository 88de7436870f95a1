import subprocess
import sys

import pytest

import deepbook.sequence


@pytest.mark.parametrize("name", deepbook.sequence.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(deepbook.sequence, name) is not None


def test_the_chapter_needs_neither_scikit_learn_nor_scipy():
    code = (
        "import sys; import deepbook.sequence as chapter;"
        "[getattr(chapter, name) for name in chapter.__all__];"
        "print(*[m for m in ('sklearn', 'scipy', 'matplotlib') if m in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []
