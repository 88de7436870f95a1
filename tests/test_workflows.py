"""What runs on other people's machines: well-formed, and made of this repository's own scripts."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SCRIPTS = sorted(path for path in (ROOT / ".ci").iterdir() if path.is_file())

# a stand-in that writes down its call; "-m venv FOLDER" puts itself into the folder
STAND_IN = """#!/bin/sh
echo "$*" >> "{log}"
case "$*" in
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python";;
  *"{fails}"*) exit 1;;
  *freeze*) echo "torch==99.0"; echo "numpy==1.0";;
esac
"""


def steps(workflow):
    jobs = yaml.safe_load(workflow.read_text("utf-8"))["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


def test_there_are_workflows():
    assert [path.stem for path in WORKFLOWS] == ["newest", "pages", "unit"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_keeps_to_the_schema(workflow):
    schema = ["--builtin-schema", "vendor.github-workflows"]
    command = [sys.executable, "-m", "check_jsonschema", *schema, str(workflow)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_refuses_a_workflow_that_is_none(tmp_path):
    broken = tmp_path / "broken.yml"
    broken.write_text(WORKFLOWS[0].read_text("utf-8").replace("runs-on:", "runs:"))
    schema = ["--builtin-schema", "vendor.github-workflows"]
    command = [sys.executable, "-m", "check_jsonschema", *schema, str(broken)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_what_a_workflow_runs_are_scripts_of_this_repository(workflow):
    runs = [step["run"] for step in steps(workflow) if "run" in step]
    assert runs
    for run in runs:
        assert ROOT / run in SCRIPTS


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no mark of what may be executed")
def test_a_script_can_be_read_by_the_shell_and_be_executed(script):
    assert os.access(script, os.X_OK)
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def run_script(tmp_path):
    """Runs a script in a folder of its own, with a stand-in for Python."""

    def run(name, *arguments, fails="nothing fails"):
        script = tmp_path / ".ci" / name
        script.parent.mkdir(exist_ok=True)
        script.write_text((ROOT / ".ci" / name).read_text())
        (tmp_path / "requirements.txt").write_text("numpy==1.0\ntorch==2.13.0 ; python > 3\n")
        python, log = tmp_path / "python", tmp_path / "log"
        python.write_text(STAND_IN.format(log=log, fails=fails))
        python.chmod(0o755)
        environment = {k: v for k, v in os.environ.items() if k != "GITHUB_STEP_SUMMARY"}
        done = subprocess.run(
            ["bash", script, *arguments],
            env=environment | {"PYTHON": str(python)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done, log.read_text().splitlines()

    return run


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script for a shell")
def test_unit_tests_run_without_a_book(run_script, tmp_path):
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    inside = tmp_path / ".venv" / "bin" / "python"
    inside.write_text(f'#!/bin/sh\necho "inside: $*" >> "{tmp_path / "log"}"\n')
    inside.chmod(0o755)
    done, calls = run_script("unit", "-k", "claims")
    assert done.returncode == 0, done.stderr
    assert calls[0] == "code/bookbuild/install.py"
    assert calls[1].startswith("inside: -m pytest")
    assert calls[1].endswith("--ignore tests/site -m not browser -k claims")


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script for a shell")
@pytest.mark.parametrize("fails", ["nothing fails", "bookbuild html", "pytest"])
def test_the_newest_versions_are_told_with_what_they_broke(run_script, tmp_path, fails):
    done, calls = run_script("newest", fails=fails)
    # whatever fails, the rest is tried
    assert [call.split()[1] for call in calls[-3:]] == ["bookbuild", "pytest", "pip"]
    report = (tmp_path / "_build" / "newest.md").read_text()
    assert "- torch==99.0" in report
    assert "numpy" not in report
    assert done.returncode == (0 if fails == "nothing fails" else 1)
    assert ("Nothing broke." in report) is (done.returncode == 0)
    if done.returncode:
        assert f"{fails} " in report.split("These failed:")[1]


BIOME = ROOT / ".ci" / "biome"


def same(one, other):
    return other.is_file() and one.read_bytes() == other.read_bytes()


@pytest.fixture
def examine_javascript(tmp_path):
    """Runs the examination of JavaScript in a folder with one script of its own."""

    def run(text, **environment):
        (tmp_path / "code").mkdir()
        (tmp_path / ".ci").mkdir()
        (tmp_path / "code" / "small.js").write_text(text)
        for name in (".biome.json", ".editorconfig", ".ci/javascript"):
            shutil.copy(ROOT / name, tmp_path / name)
        (tmp_path / ".ci" / "biome").symlink_to(BIOME)
        return subprocess.run(
            [shutil.which("bash"), tmp_path / ".ci" / "javascript"],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_what_the_examination_installs_is_no_page_of_the_book():
    # its packages bring their own Markdown, which Sphinx would read and miss in the contents
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    assert ".ci" in config["exclude_patterns"]


@pytest.mark.skipif(os.name == "nt", reason="it is a script for a shell")
def test_without_npm_one_line_says_that_javascript_was_left_out(examine_javascript, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "dirname").symlink_to(shutil.which("dirname"))
    done = examine_javascript("unread(", PATH=str(tmp_path / "bin"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("left out: the JavaScript")
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.skipif(
    not same(BIOME / "package-lock.json", BIOME / "node_modules" / "installed.json"),
    reason="`make lint` installs what examines JavaScript, where there is npm",
)
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("export const half = (x) => x / 2;\n", None),
        ("export const half = (x) => x/2;\n", "format"),
        ("export const half = (x, y) => x / 2;\n", "noUnusedFunctionParameters"),
        ("export const half = (x) => x == 2;\n", "noDoubleEquals"),
    ],
)
def test_javascript_is_linted_and_its_form_is_checked(examine_javascript, text, found):
    done = examine_javascript(text)
    assert (done.returncode == 0) is (found is None), done.stdout + done.stderr
    assert (found or "") in done.stderr + done.stdout
