import hashlib
import json
import shutil
import subprocess
import sys
from importlib import metadata

import pytest

from bookbuild.execution.dependencies import PROBE, Surroundings, hash_of_cells
from bookbuild.execution.execute import execute
from bookbuild.execution.store import Store


def put_in_place_of_deepbook(folder, patch):
    patch.setattr("bookbuild.execution.dependencies._package_folder", lambda: folder)
    patch.setenv("PYTHONPATH", str(folder.parent))


@pytest.fixture(scope="module")
def executed(first_build, other_path, tmp_path_factory):
    """A book and a copy of the package in place of deepbook, in one folder; never changed.

    Each of its two pages loads a module of its own, the second one also the data's.
    """
    root = tmp_path_factory.mktemp("executed")
    package = other_path / "deepbook"
    shutil.rmtree(package, ignore_errors=True)
    (package / "data").mkdir(parents=True)
    for name in ("__init__", "one", "two", "data/__init__"):
        (package / f"{name}.py").write_text(f"name = {name!r}\n")
    (package / "data" / "registry.toml").write_text("")
    (package / "data" / "words.txt").write_text("")
    (package / "two.js").write_text("")
    (package / "data" / "folder").mkdir()
    (package / "data" / "folder" / "words.txt").write_text("")
    without_outputs = shutil.ignore_patterns("_build")
    shutil.copytree(first_build[0].root, root / "book", ignore=without_outputs)
    book = type(first_build[0])(root / "book")
    book.edit("book/one", "import deepbook\n", "import deepbook.one\n")
    book.edit("book/one", 'deepbook.claim("answer", answer, at_least=40)', "answer")
    book.edit("book/one", 'deepbook.glue("half", answer / 2)', "answer")
    book.edit("book/two", 'print("hello")', "import deepbook.two, deepbook.data")
    with pytest.MonkeyPatch.context() as patch:
        put_in_place_of_deepbook(package, patch)
        runs = execute(Store(book.project), book.project.pages())
    assert [run.failure for run in runs] == [None, None]
    shutil.copytree(package, root / "deepbook")
    return book


@pytest.fixture
def package(executed, other_path, monkeypatch):
    """The package that stands in place of deepbook, as the executed book had it."""
    package = other_path / "deepbook"
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(executed.root.parent / "deepbook", package)
    put_in_place_of_deepbook(package, monkeypatch)
    return package


@pytest.fixture
def two_pages(executed, package, tmp_path):
    """A copy of the executed book."""
    shutil.copytree(executed.root, tmp_path / "book")
    return type(executed)(tmp_path / "book")


def reasons(book):
    """Why each page is stale, by its short name."""
    store = Store(book.project)
    return {page.removeprefix("book/"): store.why(page) for page in book.project.pages()}


FRESH = {"one": None, "two": None}


def test_what_was_just_executed_is_fresh(two_pages):
    assert reasons(two_pages) == FRESH


CHANGES = {
    "a module that one page loads": ("one.py", {"one": "deepbook.one changed"}),
    "a module that the other page loads": ("two.py", {"two": "deepbook.two changed"}),
    "what every page loads": (
        "__init__.py",
        {"one": "deepbook changed", "two": "deepbook changed"},
    ),
    "a file beside a package": ("data/words.txt", {"two": "deepbook.data changed"}),
    "a file in a folder of a package, which nobody read": ("data/folder/words.txt", {}),
    "a script that has its module's name": ("two.js", {"two": "deepbook.two changed"}),
    "a new script beside a module": ("one.js", {"one": "deepbook.one changed"}),
    "the registry of data, but no entry": ("data/registry.toml", {}),
    "a new module that nobody loads": ("three.py", {}),
    "a new module in a package": ("data/three.py", {}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_stale_are_exactly_the_pages_that_loaded_what_changed(two_pages, package, change):
    file, stale = CHANGES[change]
    (package / file).write_text("changed = True\n")
    assert reasons(two_pages) == FRESH | stale
    # and only they are executed
    runs = execute(Store(two_pages.project), two_pages.project.pages())
    assert {run.page.removeprefix("book/") for run in runs} == set(stale)
    assert reasons(two_pages) == FRESH


def test_a_module_that_is_gone_makes_stale_who_loaded_it(two_pages, package):
    (package / "two.py").unlink()
    (package / "two.js").unlink()
    assert reasons(two_pages) == FRESH | {"two": "deepbook.two is gone"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("shows it", "shows a disc"),
        ("caption: A disc.", "caption: A round disc."),
        ("alt: A black disc.", "alt: A small disc."),
        ("name: fig-disc", "name: fig-disk"),
    ],
)
def test_words_around_the_code_make_nothing_stale(two_pages, old, new):
    two_pages.edit("book/two", old, new)
    assert reasons(two_pages) == FRESH


def test_a_changed_cell_makes_its_page_stale(two_pages):
    two_pages.edit("book/one", "answer = 41", "answer = 40 + 1")
    assert reasons(two_pages) == FRESH | {"one": "its code cells changed"}


def test_cells_in_another_order_are_other_cells(two_pages):
    notebook = two_pages.project.notebook("book/two")
    before = hash_of_cells(notebook)
    notebook.cells.reverse()
    assert hash_of_cells(notebook) != before


def test_another_version_of_a_package_makes_stale_who_loaded_it(two_pages, monkeypatch):
    before, version = metadata.version("torch"), metadata.version
    other = {"torch": "99.0"}
    monkeypatch.setattr(metadata, "version", lambda name: other.get(name) or version(name))
    reason = f"torch {before} became 99.0"
    assert reasons(two_pages) == {"one": reason, "two": reason}
    # a package that no page loads
    other = {"pytest": "99.0", "sphinx": "99.0"}
    assert reasons(two_pages) == FRESH


def test_a_package_that_is_gone_makes_stale_who_loaded_it(two_pages, monkeypatch):
    version = metadata.version

    def without_torch(name):
        if name == "torch":
            raise metadata.PackageNotFoundError
        return version(name)

    monkeypatch.setattr(metadata, "version", without_torch)
    assert reasons(two_pages)["one"] == f"torch {version('torch')} became absent"


def test_another_minor_version_of_python_makes_everything_stale(two_pages, monkeypatch):
    now = f"{sys.version_info[0]}.{sys.version_info[1]}"
    monkeypatch.setattr("bookbuild.execution.dependencies.sys.version_info", (3, 99, 0))
    reason = f"Python {now} became 3.99"
    assert reasons(two_pages) == {"one": reason, "two": reason}


def test_data_with_another_hash_makes_stale_who_fetched_it(fresh_book, monkeypatch):
    notebook = fresh_book.project.notebook("book/two")
    probe = json.dumps({"modules": ["torch"], "data": {"mnist-5k": "abc"}})
    hashes = {"mnist-5k": "abc"}
    monkeypatch.setattr(Surroundings, "data", lambda self, name: hashes.get(name, ""))
    ran_with = Surroundings().describe(notebook, probe)
    assert Surroundings().change(ran_with, hash_of_cells(notebook)) is None
    hashes["movielens-100k"] = "new"
    assert Surroundings().change(ran_with, hash_of_cells(notebook)) is None
    hashes["mnist-5k"] = "def"
    assert Surroundings().change(ran_with, hash_of_cells(notebook)) == "the data mnist-5k changed"
    del hashes["mnist-5k"]
    assert Surroundings().change(ran_with, hash_of_cells(notebook)) == "the data mnist-5k changed"


def test_a_carried_file_makes_stale_who_read_it(package, fresh_book):
    notebook = fresh_book.project.notebook("book/two")
    name = "deepbook/data/folder/words.txt"
    file = package / "data" / "folder" / "words.txt"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    probe = json.dumps({"modules": ["torch"], "data": {name: digest}})
    ran_with = Surroundings().describe(notebook, probe)
    assert Surroundings().change(ran_with, hash_of_cells(notebook)) is None
    (file.parent / "other.txt").write_text("other")
    assert Surroundings().change(ran_with, hash_of_cells(notebook)) is None
    file.write_text("changed")
    reason = f"the file {name} changed"
    assert Surroundings().change(ran_with, hash_of_cells(notebook)) == reason
    file.unlink()
    assert Surroundings().change(ran_with, hash_of_cells(notebook)) == reason


LAZY = '''"""Words."""

import lazy_loader

_ATTRIBUTES = {"one": ["a"], "two": ["b", "c"]}

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=["one", "two"], submod_attrs=_ATTRIBUTES
)
'''

LAZY_CHANGES = {
    "a module that no page had": ('{"one"', '{"three": ["d"], "one"', False),
    "a new chapter": ('["one", "two"]', '["one", "two", "three"]', False),
    "another name of a module that was not loaded": ('["b", "c"]', '["b"]', False),
    "another name of a module that was loaded": ('["a"]', '["a", "d"]', True),
    "a name that comes from another module now": ('"one": ["a"]', '"two": ["a"]', True),
    "code": ("import lazy_loader\n", "import lazy_loader\nfrom package import two\n", True),
    "code that is none": ("import lazy_loader\n", "import lazy_loader\nimport\n", True),
}


@pytest.mark.parametrize("change", LAZY_CHANGES)
def test_a_lazy_package_is_what_it_names_of_the_modules_that_were_loaded(
    package, change, fresh_book
):
    old, new, stale = LAZY_CHANGES[change]
    (package / "__init__.py").write_text(LAZY)
    notebook = fresh_book.project.notebook("book/two")
    probe = json.dumps({"modules": ["deepbook", "deepbook.one"], "data": {}})
    ran_with = Surroundings().describe(notebook, probe)
    assert Surroundings().change(ran_with, hash_of_cells(notebook)) is None
    assert old in LAZY
    (package / "__init__.py").write_text(LAZY.replace(old, new))
    found = Surroundings().change(ran_with, hash_of_cells(notebook))
    assert found == ("deepbook changed" if stale else None)


def test_the_kernel_tells_what_it_read(tmp_path):
    code = [
        "from deepbook.boltzmann import read_record",
        "read_record('ais')",
        f"print({PROBE})",
    ]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(code)], capture_output=True, text=True, check=True
    )
    (name,) = json.loads(done.stdout)["data"]
    assert name == "deepbook/boltzmann/records/ais.json"
    assert json.loads(done.stdout)["data"][name] == Surroundings().data(name)


def test_the_hash_of_data_is_that_of_its_file_in_the_registry():
    from deepbook.data import names
    from deepbook.data.registry import entry

    name = next(iter(names()))
    assert Surroundings().data(name) == entry(name).sha256
    assert Surroundings().data("no such data") == ""


def test_a_module_that_is_edited_while_its_page_runs_leaves_the_page_stale(two_pages, package):
    # the page itself edits what it has loaded
    source = package / "one.py"
    two_pages.edit(
        "book/one",
        "import deepbook.one\n",
        f"import deepbook.one\nfile = open({str(source)!r}, 'w')\nfile.write('late = 1')\n"
        "file.close()\n",
    )
    (run,) = execute(Store(two_pages.project), two_pages.project.pages())
    assert run.failure is None
    assert reasons(two_pages) == FRESH | {"one": "deepbook.one changed"}
