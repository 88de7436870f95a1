"""What a page shows is the page's own: not the author's settings, terminal or temporary folder."""

import io
import json
import os
import subprocess
import sys
import tempfile

import matplotlib as mpl
import nbformat
import pytest
from sphinx.errors import ExtensionError

from bookbuild.downloads.notebooks_of_site import check_names, told_values
from bookbuild.execution.execute import execute
from bookbuild.execution.store import Store

FIGURE = """
import matplotlib.pyplot as plt
plt.plot([1, 2, 3])
print(plt.rcParams["lines.linewidth"], plt.rcParams["axes.facecolor"])
"""


def outputs(book, page="book/two"):
    store = Store(book.project)
    runs = execute(store, [page], force=True)
    assert [run.failure for run in runs] == [None]
    cells = store.get(page)[0].cells
    return [cell.outputs for cell in cells if cell.cell_type == "code"]


def replace_cell(book, code):
    book.edit("book/two", 'print("hello")', code)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The home of an author with settings of their own."""
    for name in ("IPYTHONDIR", "MPLCONFIGDIR", "MATPLOTLIBRC", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_start_up_files_of_ipython_do_not_run_in_the_pages(fresh_book, home):
    startup = home / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00-mine.py").write_text("import math\nmine = 42\n")
    replace_cell(fresh_book, "print(sorted({'mine', 'math'} & set(globals())))")
    assert outputs(fresh_book)[0][0].text == "[]\n"


@pytest.mark.parametrize("fork", [True, False])
def test_a_personal_matplotlibrc_changes_no_figure(fresh_book, home, tmp_path, monkeypatch, fork):
    if fork and not sys.platform.startswith("linux"):
        pytest.skip("this system does not fork")
    for place in (home / ".config" / "matplotlib", tmp_path / "here"):
        place.mkdir(parents=True)
        (place / "matplotlibrc").write_text("lines.linewidth: 9\naxes.facecolor: red\n")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("MATPLOTLIBRC", str(tmp_path / "here" / "matplotlibrc"))
    replace_cell(fresh_book, FIGURE)
    store = Store(fresh_book.project)
    (run,) = execute(store, ["book/two"], fork=fork)
    assert run.failure is None
    cell = next(cell for cell in run.notebook.cells if cell.cell_type == "code")
    assert cell.outputs[0].text == "1.5 white\n"


def test_the_books_figures_begin_from_defaults_also_in_a_readers_notebook():
    from deepbook import figures

    before = dict(mpl.rcParams)
    try:
        mpl.rcParams["axes.grid.axis"] = "x"
        mpl.rcParams["lines.markersize"] = 31
        figures.use_style()
        assert mpl.rcParams["axes.grid.axis"] == "both"
        assert mpl.rcParams["lines.markersize"] == 6
    finally:
        mpl.rcParams.update(before)


def test_what_goes_around_pythons_streams_does_not_come_in_between(fresh_book):
    replace_cell(
        fresh_book,
        "import os\nfor n in range(30):\n    print('line', n)\n    os.write(1, b'around\\n');",
    )
    shown = [outputs(fresh_book)[0] for _ in range(4)]
    assert all(each == shown[0] for each in shown)
    (stream,) = shown[0]
    assert stream.text == "".join(f"line {n}\n" for n in range(30))


@pytest.mark.skipif(os.name == "nt", reason="sockets have no names here")
def test_a_temporary_folder_with_a_long_name_is_no_hindrance(fresh_book, tmp_path, monkeypatch):
    long = tmp_path / ("x" * 95)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    assert outputs(fresh_book)[0][0].text == "hello\n"


@pytest.mark.skipif(os.name == "nt", reason="sockets have no names here")
def test_where_no_name_is_short_enough_the_kernel_is_reached_over_loopback(
    fresh_book, tmp_path, monkeypatch
):
    monkeypatch.setattr("bookbuild.execution.kernel._LONGEST_SOCKET", 5)
    assert outputs(fresh_book)[0][0].text == "hello\n"


def test_a_terminal_without_greek_ends_no_build(fresh_book):
    fresh_book.edit("book/two", 'print("hello")', "raise ValueError('λ is negative')")
    source = (
        "import sys, deepbook.data\ndeepbook.data.fetch_all = lambda: None\n"
        "from bookbuild.__main__ import main\nsys.exit(main(['execute']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=fresh_book.root,
        env=os.environ | {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"},
        capture_output=True,
        check=False,
    )
    told = done.stdout.decode("cp1252") + done.stderr.decode("cp1252")
    assert done.returncode == 1
    assert "UnicodeEncodeError" not in told
    assert r"ValueError: \u03bb is negative" in told
    assert "not built: failed while executing: book/two" in told
    report = json.loads(fresh_book.project.report.read_text("utf-8"))["pages"]
    assert "λ is negative" in report["book/two"]["error"]
    assert report["book/one"]["claims"]  # what ran well is kept
    assert Store(fresh_book.project).fresh("book/one") is not None


def test_streams_of_another_kind_are_left_as_they_are(book):
    assert isinstance(io.StringIO(), io.TextIOBase)
    assert book.run("why").code == 0


def test_a_page_that_begins_with_a_byte_order_mark_is_a_page_like_others(book):
    path = book.project.source("book/two")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert book.project.pages() == ["book/one", "book/two"]
    book.edit("book/two", 'print("hello")', 'print("good morning")')
    assert "its code cells changed" in book.run("why", "book/two").text
    book.build()
    assert "good morning" in book.page("book/two").text
    assert "book/two: fresh" in book.run("why").text


def test_code_that_a_cell_loads_from_a_file_is_the_pages_code(book):
    book.write("book/part.py", "x = 1\nprint('loaded', x)\n")
    book.edit("book/two", 'print("hello")\n', ":load: part.py\n")
    book.build()
    assert "loaded 1" in book.page("book/two").text
    assert "book/two: fresh" in book.run("why").text
    book.write("book/part.py", "x = 2\nprint('loaded', x)\n")
    assert "book/two: stale: its code cells changed" in book.run("why").text
    book.build()
    assert "loaded 2" in book.page("book/two").text
    # other code with the same output is shown too
    book.write("book/part.py", "x = 1 + 1\nprint('loaded', x)\n")
    book.build()
    assert "1 + 1" in book.page("book/two").text.replace("\xa0", " ")


def test_a_file_that_is_not_there_is_named(book):
    book.edit("book/two", 'print("hello")\n', ":load: nowhere.py\n")
    outcome = book.run("html")
    assert outcome.code == 1
    assert "book/two: Can't read file from :load:" in outcome.text


def test_two_pages_whose_notebooks_have_one_name_are_refused():
    check_names(["book/a/b", "book/a-c"])
    with pytest.raises(ExtensionError, match="book/a/b-c and book/a-b/c would both be called"):
        check_names(["book/a/b-c", "book/x", "book/a-b/c"])


@pytest.fixture
def book_with_downloads(book):
    config = (book.root / "_config.yml").read_text()
    book.write(
        "_config.yml",
        config.replace(
            "bookbuild.extensions.held,",
            "bookbuild.extensions.held, bookbuild.downloads.notebooks_of_site,",
        ),
    )
    return book


def notebook_of(book, name):
    path = book.project.site / "_downloads" / "notebooks" / name
    return nbformat.read(path, as_version=4)


def test_a_notebook_knows_what_its_page_claims_also_when_outputs_come_from_the_cache(
    book_with_downloads,
):
    book = book_with_downloads
    book.build()
    assert told_values(notebook_of(book, "one.ipynb")) == {"answer": 41.0}
    assert told_values(notebook_of(book, "two.ipynb")) == {}
    book.edit("book/one", "answer = 41", "answer = 43")
    book.build()
    assert told_values(notebook_of(book, "one.ipynb")) == {"answer": 43.0}


def test_a_notebook_that_does_not_know_its_claims_fails_the_build(book_with_downloads, monkeypatch):
    monkeypatch.setattr("bookbuild.downloads.notebooks_of_site.claims_in", lambda notebook: [])
    outcome = book_with_downloads.run("html")
    assert outcome.code == 1
    assert "the notebook of book/one does not know what the page claims" in outcome.text


def test_a_page_that_sphinx_executes_behind_the_builders_back_fails_the_build(
    book_with_downloads, monkeypatch
):
    monkeypatch.setattr("bookbuild.project.Project.pages", lambda project: ["book/one"])
    outcome = book_with_downloads.run("html")
    assert outcome.code == 1
    assert "book/two was executed by Sphinx, and the builder does not know it" in outcome.text
