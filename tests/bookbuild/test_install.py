"""The set-up, with stand-ins for uv and pip that write down how they are called."""

import os
import sys

import pytest

from bookbuild.install import NotInstalled, install

PYTHON = """#!/bin/sh
echo "python $*" >> {log}
case "$*" in
  *"install --quiet uv") exit {brings_uv};;
  "-m uv"*) exit {uv_works};;
esac
"""
UV = """#!/bin/sh
echo "uv $*" >> {log}
echo "uv waits $UV_HTTP_TIMEOUT" >> {log}
exit {uv_works}
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are scripts for a shell")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Makes a machine: a folder with an environment, and what is on its PATH."""

    def make(*, uv=False, uv_works=True, brings_uv=False):
        log = tmp_path / "log"
        log.touch()
        told = {"log": log, "uv_works": int(not uv_works), "brings_uv": int(not brings_uv)}
        scripts = {tmp_path / "book" / ".venv" / "bin" / "python": PYTHON}
        if uv:
            scripts[tmp_path / "bin" / "uv"] = UV
        for path, text in scripts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.format(**told))
            path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
        return tmp_path / "book", lambda: log.read_text().splitlines()

    return make


def installed_with_pip(calls, root):
    return f"python -m pip install --quiet --requirement {root}/requirements.txt" in calls


def test_uv_installs_the_build_that_fits_the_machine_after_it_has_looked_for_it(machine):
    root, calls = machine(uv=True)
    install(root, "", linux=True)
    looked, waits, does, _, own = calls()
    assert looked.startswith("uv pip install --dry-run --quiet --python")
    assert waits == "uv waits 5"
    for line in (looked, does):
        assert line.endswith(f"--torch-backend auto -r {root}/requirements.txt")
    assert "--dry-run" not in does
    assert own.startswith("python -m pip install --quiet --no-deps --no-build-isolation --editable")


def test_the_build_for_cpus_can_be_asked_for(machine):
    root, calls = machine(uv=True)
    install(root, "cpu", linux=True)
    assert f"--torch-backend cpu -r {root}/requirements.txt" in calls()[2]


def test_pip_brings_uv_where_there_is_none(machine):
    root, calls = machine(brings_uv=True)
    install(root, "", linux=True)
    assert calls()[0] == "python -m pip install --quiet uv"
    assert calls()[1].startswith("python -m uv pip install --dry-run")
    assert calls()[2].startswith("python -m uv pip install --python")
    assert not installed_with_pip(calls(), root)


@pytest.mark.parametrize(
    "given",
    [{"uv": True, "uv_works": False}, {"brings_uv": True, "uv_works": False}, {}],
)
def test_where_uv_or_that_build_cannot_be_had_pip_installs_quietly(machine, given, capfd):
    root, calls = machine(**given)
    install(root, "", linux=True)
    assert installed_with_pip(calls(), root)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("torch", "linux"), [("cuda", True), ("", False), ("cpu", False)])
def test_where_pip_takes_the_right_build_uv_is_not_asked(machine, torch, linux):
    root, calls = machine(uv=True)
    install(root, torch, linux=linux)
    assert installed_with_pip(calls(), root)
    assert not [line for line in calls() if line.startswith("uv")]


def test_a_build_that_was_asked_for_and_cannot_be_had_is_an_error(machine):
    root, calls = machine(uv=True, uv_works=False)
    with pytest.raises(NotInstalled, match="build for CPUs cannot be had here"):
        install(root, "cpu", linux=True)
    assert not installed_with_pip(calls(), root)


def test_another_build_is_an_error_before_anything_is_done(machine):
    root, calls = machine(uv=True)
    with pytest.raises(NotInstalled, match="expected TORCH=cpu or TORCH=cuda, got TORCH=rocm"):
        install(root, "rocm", linux=True)
    assert calls() == []


def test_what_fails_is_named(machine, monkeypatch):
    root, _ = machine()
    (root / ".venv" / "bin" / "python").write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(NotInstalled, match=r"this failed: .*python -m pip install --quiet"):
        install(root, "", linux=True)


def test_without_an_environment_one_is_made(tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr("bookbuild.install._run", ran.append)
    monkeypatch.setattr("bookbuild.install._uv", lambda python: None)
    install(tmp_path, "", linux=True)
    assert ran[0] == [sys.executable, "-m", "venv", str(tmp_path / ".venv")]
