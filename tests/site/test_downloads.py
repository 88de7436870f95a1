import ast
import importlib.util
import os
import re
import subprocess
import sys
from email import message_from_bytes
from importlib.metadata import packages_distributions
from pathlib import Path
from zipfile import ZipFile

import nbformat
import pytest
from bs4 import BeautifulSoup

from bookbuild.downloads.notebooks_of_site import told_values
from bookbuild.downloads.offered import notebook_name
from bookbuild.downloads.run_notebooks import changed_pages, check_downloads, check_fresh, drawn
from bookbuild.downloads.zips import chapters
from bookbuild.execution.store import Store, claims_in
from bookbuild.extensions.edition import commit
from bookbuild.project import Project

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
NAMES = sorted(path.name for path in SITE.glob("_downloads/notebooks/*.ipynb"))


def to_run():
    """`make verify` runs every notebook, `make test` those of changed pages and a fifth of all."""
    changed = changed_pages(ROOT, os.environ.get("DEEPBOOK_LANDED", ""))
    if changed is None or os.environ.get("DEEPBOOK_VERIFY"):
        return NAMES
    return sorted({*map(notebook_name, changed)} & {*NAMES} | drawn(NAMES, commit(ROOT)[:8]))


# these two also run where nothing but Jupyter is installed
FRESH = [name for name in NAMES if name == "feedforward-digits.ipynb"]
FRESH += [name for name in NAMES if name not in FRESH][:1]

# without a site each test fails and says why, instead of being left out
each_page = pytest.mark.parametrize("name", NAMES or ["no notebook"])
each_page_to_run = pytest.mark.parametrize("name", to_run() or ["no notebook"])
each_fresh_page = pytest.mark.parametrize("name", FRESH or ["no notebook"])


@pytest.fixture(scope="module", autouse=True)
def downloads():
    assert NAMES, "there is no built site with notebooks: run `make book` first"
    return SITE / "_downloads"


def asked_for(request, test):
    """Names of the notebooks for which ``test`` was selected on the command line."""
    items = [item for item in request.session.items if item.function is test]
    return [item.callspec.params["name"] for item in items]


@pytest.fixture(scope="module")
def failures(request):
    names = asked_for(request, test_the_notebook_runs_from_top_to_bottom)
    return check_downloads(SITE, ROOT / "_build" / "downloads.json", names=names)


@pytest.fixture(scope="module")
def fresh_failures(request):
    names = asked_for(request, test_the_notebook_runs_where_only_jupyter_is_installed)
    record = ROOT / "_build" / "downloads-fresh.json"
    return check_fresh(SITE, record, names, ROOT / "requirements.txt")


@each_page_to_run
def test_the_notebook_runs_from_top_to_bottom(name, failures):
    assert name not in failures, failures[name]


@each_fresh_page
def test_the_notebook_runs_where_only_jupyter_is_installed(name, fresh_failures):
    assert name not in fresh_failures, fresh_failures[name]


@pytest.fixture(scope="module")
def executed():
    """File name of a notebook to the page as the build executed it."""
    store = Store(Project(ROOT))
    ran = {notebook_name(page): store.get(page) for page in store.project.pages()}
    return {name: found[0] for name, found in ran.items() if found}


NUMBERED = r"equation \(\d+(?:\.\d+)*\)"


def code_cells(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


@each_page
def test_behind_the_set_up_cell_the_code_is_what_the_page_ran_cell_by_cell(
    name, downloads, executed
):
    notebook = nbformat.read(downloads / "notebooks" / name, as_version=4)
    here, ran = code_cells(notebook)[1:], code_cells(executed[name])
    assert len(here) == len(ran)
    for mine, its in zip(here, ran, strict=True):
        # a comment that names an equation has its number in the notebook
        pattern = re.sub(r"\beq\\-[a-z0-9\\-]+", lambda _: NUMBERED, re.escape(its))
        assert mine == its or re.fullmatch(pattern, mine)
    claimed = {claim["name"]: claim["value"] for claim in claims_in(executed[name])}
    assert told_values(notebook) == claimed


# each set-up cell in a kernel's place: a namespace of its own, in an empty folder
RUN_SET_UPS = """
import sys
from pathlib import Path

import torch

for path in sys.argv[1:]:
    torch.set_num_threads(2)
    exec(compile(Path(path).read_text("utf-8"), path, "exec"), {"__name__": "__main__"})
    assert torch.get_num_threads() == 1, path
    print(Path(path).name)
"""


def test_every_set_up_cell_runs_with_nothing_but_the_wheel(downloads, tmp_path):
    (wheel,) = downloads.glob("deepbook-*.whl")
    ZipFile(wheel).extractall(tmp_path / "package")
    (tmp_path / "empty").mkdir()
    files = []
    for name in NAMES:
        notebook = nbformat.read(downloads / "notebooks" / name, as_version=4)
        files.append(tmp_path / f"{name}.py")
        files[-1].write_text(code_cells(notebook)[0], "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", RUN_SET_UPS, *map(str, files)],
        cwd=tmp_path / "empty",
        env=os.environ | {"PYTHONPATH": str(tmp_path / "package"), "DEEPBOOK_CLAIMS": "show"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [file.name for file in files]


def imported(source):
    """The packages that the statements of a cell import."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


@each_page
def test_a_notebook_imports_nothing_that_the_wheel_does_not_bring(downloads, name):
    (wheel,) = downloads.glob("deepbook-*.whl")
    with ZipFile(wheel) as archive:
        (file,) = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
        required = message_from_bytes(archive.read(file)).get_all("Requires-Dist")
    brought = {re.split(r"[^\w.-]", each)[0] for each in required} | {"deepbook"}
    notebook = nbformat.read(downloads / "notebooks" / name, as_version=4)
    wanted = {each for source in code_cells(notebook) for each in imported(source)}
    distributions = packages_distributions()
    missing = {
        each
        for each in wanted - sys.stdlib_module_names
        if not brought & {*distributions.get(each, ()), each}
    }
    assert not missing, f"{name} needs what a reader may not have: {sorted(missing)}"


def test_the_wheel_has_every_module_that_the_pages_loaded(downloads):
    (wheel,) = downloads.glob("deepbook-*.whl")
    archive = ZipFile(wheel)
    store = Store(Project(ROOT))
    loaded = {m for page in store.project.pages() for m in store.record(page).ran_with.modules}
    own = sorted(module for module in loaded if module.startswith("deepbook"))
    assert len(own) > 50
    for module in own:
        file = module.replace(".", "/")
        (source,) = {f"{file}.py", f"{file}/__init__.py"} & {*archive.namelist()}
        assert archive.read(source) == (ROOT / "code" / source).read_bytes()


@each_page
def test_the_notebook_is_valid_plain_and_without_outputs(name, downloads):
    notebook = nbformat.read(downloads / "notebooks" / name, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for syntax in ("```{", ":::", "{eq}`", "{cite", "{ref}`", "{numref}`", "{glue"):
                assert syntax not in cell.source


# what leads neither into this notebook nor to an address
NOWHERE = re.compile(r"\]\(<?(?!https?:|mailto:|#|attachment:)[^)]*\)")


@each_page
def test_every_link_of_the_notebook_leads_somewhere_from_anywhere(name, downloads):
    notebook = nbformat.read(downloads / "notebooks" / name, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"(?s)\$\$.*?\$\$|\$[^$]*\$|`[^`]*`", "", cell.source)
            assert NOWHERE.findall(text) == []


CHAPTERS = chapters(Project(ROOT).pages())


@pytest.mark.parametrize("opening", CHAPTERS)
def test_a_chapters_opening_page_offers_its_notebooks_as_a_zip_that_works_elsewhere(
    opening, downloads, tmp_path, monkeypatch
):
    page = SITE / f"{opening}.html"
    link = BeautifulSoup(page.read_text(), "html.parser").select_one("h1 + .db-chapter-zip a")
    file = (page.parent / link["href"]).resolve()
    assert file.name == link["download"]
    ZipFile(file).extractall(tmp_path)
    folder = tmp_path / file.stem
    assert [*tmp_path.iterdir()] == [folder]

    # the notebooks of the chapter's pages, the package, and what to do with them
    names = [notebook_name(page) for page in CHAPTERS[opening]]
    (wheel,) = downloads.glob("deepbook-*.whl")
    assert {path.name for path in folder.iterdir()} == {*names, wheel.name, "README.txt"}
    for original in [wheel, *(downloads / "notebooks" / name for name in names)]:
        assert (folder / original.name).read_bytes() == original.read_bytes()
    told = (folder / "README.txt").read_text()
    assert re.findall(r"^ +(\S+\.ipynb)  +\S", told, re.MULTILINE) == names
    assert f"pip install {wheel.name}" in told

    # where the package is missing, a notebook takes the one beside it
    commands, find = [], importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "deepbook" else find(name)
    )
    monkeypatch.setattr("subprocess.run", lambda command, check: commands.append(command))
    monkeypatch.chdir(folder)
    notebook = nbformat.read(folder / names[0], as_version=4)
    exec(code_cells(notebook)[0], {"__name__": "__main__"})
    assert commands == [[sys.executable, "-m", "pip", "install", wheel.name]]


def test_no_other_page_offers_a_chapter_under_its_title():
    offering = [
        path.relative_to(SITE).with_suffix("").as_posix()
        for path in sorted(SITE.glob("book/**/*.html"))
        if "db-chapter-zip" in path.read_text()
    ]
    assert offering == sorted(CHAPTERS)


def test_the_zip_holds_every_notebook_and_the_wheel(downloads):
    archive = ZipFile(downloads / "deepbook-notebooks.zip")
    inside = {name.removeprefix("deepbook-notebooks/"): name for name in archive.namelist()}
    (wheel,) = downloads.glob("deepbook-*.whl")
    assert set(inside) == {*NAMES, wheel.name, "README.txt"}
    for file in [wheel, *downloads.glob("notebooks/*.ipynb")]:
        assert archive.read(inside[file.name]) == file.read_bytes()
