import pytest
from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor

from bookbuild.execution.jupyter_cache_executor import PageExecutor
from bookbuild.execution.store import Store

READER = {"name": "myst_nb_md", "type": "plugin"}


@pytest.fixture
def project(fresh_book):
    """jupyter-cache's project of a book whose first page is broken."""
    fresh_book.edit("book/one", "answer = 41", "answer = 1 / 0")
    cache = get_cache(fresh_book.project.cache_folder)
    for page in fresh_book.project.pages():
        cache.add_nb_to_project(str(fresh_book.project.source(page)), read_data=READER)
    return fresh_book, cache


def names(uris):
    return [uri.rpartition("/")[2] for uri in uris]


def test_jupyter_cache_finds_the_executor_by_its_name_and_runs_pages_with_it(project):
    book, cache = project
    executor = load_executor("bookbuild", cache)
    assert isinstance(executor, PageExecutor)
    done = executor.run_and_cache()
    assert (names(done.succeeded), names(done.excepted)) == (["two.md"], ["one.md"])
    assert done.errored == []
    (kept,) = cache.list_cache_records()
    notebook = cache.get_cache_bundle(kept.pk).nb
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert first.outputs[0].text == "hello\n"
    assert kept.data["cpu_seconds"] >= 0
    told = {names([record.uri])[0]: record.traceback for record in cache.list_project_records()}
    assert "book" in told["one.md"]
    assert "ZeroDivisionError" in told["one.md"]
    assert not told["two.md"]
    # such outputs have no record of what they depend on: the build executes for itself
    assert Store(book.project).why("book/two") == "it was never executed"


def test_a_page_that_cannot_be_read_does_not_stop_the_others(project):
    book, cache = project
    book.edit("book/one", "import deepbook\n", "---\ntags: [\n---\nimport deepbook\n")
    # without force, jupyter-cache itself reads all pages, and stops at this one
    done = load_executor("bookbuild", cache).run_and_cache(force=True)
    assert (names(done.succeeded), names(done.errored)) == (["two.md"], ["one.md"])


def test_errors_are_never_allowed(project):
    with pytest.raises(ValueError, match="allow_errors is not supported"):
        load_executor("bookbuild", project[1]).run_and_cache(allow_errors=True)
