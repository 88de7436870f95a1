import os
import shutil
import time
import zipfile

import pytest

from bookbuild.downloads.wheel import build_wheel, wheel_name

PYPROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "deepbook"
version = "1.2"
readme = "README.md"
[tool.setuptools]
package-dir = { "" = "code" }
[tool.setuptools.packages.find]
where = ["code"]
"""


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "checkout"
    for package in ("deepbook", "bookbuild"):
        (root / "code" / package).mkdir(parents=True)
        (root / "code" / package / "__init__.py").write_text("x = 1\n")
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "README.md").write_text("Hello\n")
    (root / "LICENSE").write_text("Yours\n")
    return root


def tree(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*"))


def test_the_same_sources_give_the_same_bytes_wherever_and_whenever(checkout, tmp_path):
    first = build_wheel(checkout, tmp_path / "first").read_bytes()
    elsewhere = shutil.copytree(checkout, tmp_path / "elsewhere")
    source = elsewhere / "code" / "deepbook" / "__init__.py"
    source.chmod(0o600)
    os.utime(source, (time.time() - 1e6,) * 2)
    mask = os.umask(0o077)
    try:
        second = build_wheel(elsewhere, tmp_path / "second").read_bytes()
    finally:
        os.umask(mask)
    assert first == second


def test_the_wheel_holds_deepbook_alone_and_the_checkout_stays_clean(checkout, tmp_path):
    before = tree(checkout)
    wheel = build_wheel(checkout, tmp_path / "out")
    assert wheel.name == wheel_name(checkout) == "deepbook-1.2-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"deepbook", "deepbook-1.2.dist-info"}
    assert tree(checkout) == before


def test_nothing_is_built_until_a_source_changes(checkout, tmp_path):
    wheel = build_wheel(checkout, tmp_path / "out")
    wheel.write_bytes(b"kept")
    assert build_wheel(checkout, tmp_path / "out").read_bytes() == b"kept"
    (checkout / "code" / "deepbook" / "new.py").write_text("y = 2\n")
    names = zipfile.ZipFile(build_wheel(checkout, tmp_path / "out")).namelist()
    assert "deepbook/new.py" in names


def test_a_failed_build_says_what_went_wrong_and_leaves_no_wheel(checkout, tmp_path):
    pyproject = checkout / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("readme", "dependencies"))
    with pytest.raises(RuntimeError, match=r"cannot build deepbook-1.2(.|\n)*project.dependencies"):
        build_wheel(checkout, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())
