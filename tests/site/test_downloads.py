from pathlib import Path
from zipfile import ZipFile

import nbformat
import pytest

from bookbuild.rundownload import check_downloads, check_fresh

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
NAMES = sorted(path.name for path in SITE.glob("_downloads/notebooks/*.ipynb"))
# these two also run where nothing but Jupyter is installed
FRESH = [name for name in NAMES if name == "feedforward-digits.ipynb"]
FRESH += [name for name in NAMES if name not in FRESH][:1]

# without a site each test fails and says why, instead of being left out
each_page = pytest.mark.parametrize("name", NAMES or ["no notebook"])
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


@each_page
def test_the_notebook_runs_from_top_to_bottom(name, failures):
    assert name not in failures, failures[name]


@each_fresh_page
def test_the_notebook_runs_where_only_jupyter_is_installed(name, fresh_failures):
    assert name not in fresh_failures, fresh_failures[name]


@each_page
def test_the_notebook_is_valid_plain_and_without_outputs(name, downloads):
    notebook = nbformat.read(downloads / "notebooks" / name, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for syntax in ("```{", ":::", "{eq}`", "{cite", "{ref}`", "{numref}`", "{glue"):
                assert syntax not in cell.source


def test_the_zip_holds_every_notebook_and_the_wheel(downloads):
    archive = ZipFile(downloads / "deepbook-notebooks.zip")
    inside = {name.removeprefix("deepbook-notebooks/"): name for name in archive.namelist()}
    (wheel,) = downloads.glob("deepbook-*.whl")
    assert set(inside) == {*NAMES, wheel.name, "README.txt"}
    for file in [wheel, *downloads.glob("notebooks/*.ipynb")]:
        assert archive.read(inside[file.name]) == file.read_bytes()
