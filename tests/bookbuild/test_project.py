import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from bookbuild.project import BuildFailed, Project, drop_stale_outputs, fingerprint, hash_of_folder


def test_the_book_is_found_from_any_folder_in_it(fresh_book):
    for start in (fresh_book.root, fresh_book.root / "book"):
        assert Project.find(start).root == fresh_book.root.resolve()


def test_where_no_book_is_the_message_says_what_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no book here: no _toc.yml in"):
        Project.find(tmp_path)


def test_the_pages_are_those_with_code_cells_in_the_books_order(fresh_book):
    assert fresh_book.project.pages() == ["book/one", "book/two"]
    toc = (fresh_book.root / "_toc.yml").read_text()
    fresh_book.write("_toc.yml", toc.replace("book/one", "book/x").replace("book/two", "book/one"))
    assert fresh_book.project.pages() == ["book/one"]


def test_a_page_is_read_without_outputs(fresh_book):
    cells = fresh_book.project.notebook("book/one").cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    assert code[0] == "import deepbook\nanswer = 41"
    assert len(code) == 2


@pytest.mark.parametrize("header", ["tags: [", "a: b: c", "- 1\n- 2\n---\n---"])
def test_a_cells_header_that_is_no_yaml_names_page_and_line(fresh_book, header):
    fresh_book.edit("book/one", "import deepbook\n", f"---\n{header}\n---\nimport deepbook\n")
    with pytest.raises(BuildFailed, match=r"^book/one: .*line 8 could not be read"):
        fresh_book.project.notebook("book/one")
    assert fresh_book.project.executed("book/one") is None


def test_outputs_are_there_until_the_pages_cells_change(book):
    notebook, data = book.project.executed("book/one")
    assert notebook.cells[2].outputs[0].data["text/plain"] == "41"
    assert data["execution_seconds"] > 0
    book.edit("book/one", "# Page one", "# Page 1")
    assert book.project.executed("book/one") is not None
    book.edit("book/one", "answer = 41", "answer = 42")
    assert book.project.executed("book/one") is None


@pytest.fixture
def package(tmp_path, monkeypatch) -> Path:
    """A package in place of deepbook."""
    folder = tmp_path / "deepbook"
    (folder / "sub").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "module.py").write_text("answer = 41\n")
    spec = SimpleNamespace(origin=str(folder / "__init__.py"))
    monkeypatch.setattr("bookbuild.project.find_spec", {"deepbook": spec}.get)
    return folder


CHANGES = {
    "a module's text": lambda package, root: (package / "module.py").write_text("answer = 42\n"),
    "a data file": lambda package, root: (package / "sub" / "registry.toml").write_text(""),
    "a module's name": lambda package, root: (package / "module.py").rename(package / "m.py"),
    "a module's folder": lambda package, root: (package / "module.py").rename(
        package / "sub" / "module.py"
    ),
    "the lock file": lambda package, root: (root / "requirements.txt").write_text("torch==3\n"),
    "no lock file": lambda package, root: (root / "requirements.txt").unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_fingerprint_changes_with(fresh_book, package, change):
    before = fingerprint(fresh_book.project)
    CHANGES[change](package, fresh_book.root)
    assert fingerprint(fresh_book.project) != before


def test_the_fingerprint_changes_with_the_python_version(fresh_book, package, monkeypatch):
    before = fingerprint(fresh_book.project)
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    assert fingerprint(fresh_book.project) != before


def test_the_fingerprint_stays_if_only_compiled_files_or_the_place_change(
    fresh_book, package, tmp_path, monkeypatch
):
    before = fingerprint(fresh_book.project)
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "module.cpython-311.pyc").write_text("compiled")
    assert fingerprint(fresh_book.project) == before
    moved = shutil.copytree(package, tmp_path / "elsewhere" / "deepbook")
    assert hash_of_folder(moved) == hash_of_folder(package)


def test_without_deepbook_the_message_says_what_to_do(fresh_book, monkeypatch):
    monkeypatch.setattr("bookbuild.project.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install -e"):
        fingerprint(fresh_book.project)


def test_outputs_of_other_code_are_dropped_and_those_of_the_same_code_kept(book, package):
    drop_stale_outputs(book.project)
    assert book.project.executed("book/one") is None
    book.build()
    drop_stale_outputs(book.project)
    assert book.project.executed("book/one") is not None
    (package / "module.py").write_text("answer = 42\n")
    drop_stale_outputs(book.project)
    assert book.project.executed("book/one") is None
