import os

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from bookbuild.execution.execute import execute
from bookbuild.execution.forkserver import can_fork, close_shared_server
from bookbuild.execution.kernel import Limits, _Clock, run_page
from bookbuild.execution.store import Store
from bookbuild.project import KERNEL_ENVIRONMENT


def run(*sources, limits=None, environment=None):
    cells = [new_markdown_cell("# Words"), *(new_code_cell(source) for source in sources)]
    notebook = new_notebook(cells=cells)
    return run_page(
        "book/page", notebook, limits or Limits(), fork=can_fork(), environment=environment
    )


def outputs(run):
    return [cell.get("outputs") for cell in run.notebook.cells if cell.cell_type == "code"]


@pytest.fixture(scope="module", autouse=True)
def server():
    """Whoever runs a page by itself ends what it was forked from."""
    yield
    close_shared_server()


@pytest.fixture(scope="module")
def good():
    return run(
        "import os; sorted(os.listdir())",
        "print('to stdout')",
    )


def test_a_page_that_runs_has_its_outputs_and_what_they_cost(good):
    assert good.failure is None
    assert outputs(good)[1][0].text == "to stdout\n"
    assert good.cpu_seconds > 0
    assert good.seconds > 0
    nbformat.validate(good.notebook)


def test_a_page_runs_in_an_empty_folder(good):
    assert outputs(good)[0][0].data["text/plain"] == "[]"


def test_an_executed_page_holds_no_times(good):
    assert all(not cell.metadata for cell in good.notebook.cells)


def test_a_page_runs_under_the_environment_of_the_build(monkeypatch, fresh_book, cell):
    for name in KERNEL_ENVIRONMENT:
        monkeypatch.setenv(name, "something else")
    source = fresh_book.project.source("book/two")
    shown = f"import os; print(*(os.environ[name] for name in {[*KERNEL_ENVIRONMENT]}))"
    source.write_text(source.read_text() + cell(shown))
    (run,) = execute(Store(fresh_book.project), ["book/two"])
    assert outputs(run)[-1][0].text.split() == list(KERNEL_ENVIRONMENT.values())


def test_a_failure_names_page_and_cell_and_ends_the_page():
    failed = run("fine = 1", "def f():\n    raise KeyError('lost')", "f()", "print('later')")
    heading, *rest = failed.failure.splitlines()
    assert heading == "book/page, code cell 3:"
    assert rest[0] == "    f()"
    assert rest[-1] == "    KeyError: 'lost'"
    assert "\x1b" not in failed.failure
    assert outputs(failed)[-1] == []


def test_what_is_written_to_stderr_fails_the_page():
    failed = run("import sys; print('careful', file=sys.stderr)")
    assert failed.failure.splitlines()[-2:] == ["    wrote to stderr:", "    careful"]


def test_an_error_that_a_cell_catches_and_prints_is_no_failure():
    assert run("try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    print(e)").failure is None


def test_the_time_is_that_of_the_whole_page():
    # either cell alone would have time enough
    failed = run("import time; time.sleep(4)", "time.sleep(60)", limits=Limits(whole=6))
    assert failed.failure.splitlines() == [
        "book/page, code cell 2:",
        "    time.sleep(60)",
        "    the page took longer than 6 seconds",
    ]


def test_a_page_that_neither_works_nor_shows_anything_hangs():
    failed = run("import time\nprint('soon')\ntime.sleep(600)", limits=Limits(silence=2))
    assert failed.failure.splitlines() == [
        "book/page, code cell 1:",
        "    import time",
        "    print('soon')",
        "    time.sleep(600)",
        "    the page hangs: for 2 seconds it neither used the processor nor showed anything",
    ]
    assert failed.seconds < 600


@pytest.mark.parametrize(
    "busy",
    [
        # works and shows nothing
        "import time\nend = time.monotonic() + 4\nwhile time.monotonic() < end: pass",
        # shows something and does not work
        "import time\nfor n in range(6): time.sleep(0.7); print(n)",
        # another process works for it
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', "
        "'import time; end = time.time() + 4\\nwhile time.time() < end: pass'], check=True);",
    ],
)
def test_a_page_that_works_or_shows_something_does_not_hang(busy):
    assert run(busy, limits=Limits(silence=2)).failure is None


def test_time_in_which_the_build_itself_was_stopped_does_not_count(monkeypatch):
    seconds = iter([100.0, 101.0, 103.0, 9103.0, 9104.0])
    monkeypatch.setattr("bookbuild.execution.kernel.time.monotonic", lambda: next(seconds))
    clock = _Clock()
    assert [clock.now() for _ in range(4)] == [1.0, 3.0, 8.0, 9.0]


def test_what_a_kernel_shall_have_in_its_environment_can_be_said():
    shown = run(
        "import os; print(os.environ['DEEPBOOK_SEED_OFFSET'])",
        environment={"DEEPBOOK_SEED_OFFSET": "3000"},
    )
    assert outputs(shown)[0][0].text == "3000\n"


def test_a_kernel_that_dies_fails_the_page():
    assert run("import os; os._exit(1)").failure.endswith("the kernel died")


def test_only_pages_without_outputs_are_executed(book, capsys):
    book.edit("book/two", 'print("hello")', 'print("good morning")')
    runs = execute(Store(book.project), book.project.pages())
    assert [run.page for run in runs] == ["book/two"]
    assert "[1/1] book/two: " in capsys.readouterr().out
    assert execute(Store(book.project), book.project.pages()) == []


def test_a_page_that_failed_is_executed_again(book):
    book.edit("book/two", 'print("hello")', "raise KeyError")
    for _ in range(2):
        (run,) = execute(Store(book.project), book.project.pages())
        assert "KeyError" in run.failure


def test_one_page_that_fails_does_not_stop_the_others(fresh_book):
    fresh_book.edit("book/one", "answer = 41", "1 / 0")
    runs = execute(Store(fresh_book.project), fresh_book.project.pages(), jobs=1)
    assert [(run.page, run.failure is None) for run in runs] == [
        ("book/one", False),
        ("book/two", True),
    ]
    assert Store(fresh_book.project).get("book/two") is not None


def test_pages_run_at_once_as_many_as_there_are_jobs(fresh_book, tmp_path):
    # each page waits until the other one has started
    meet = f"""
import time
from pathlib import Path
Path({str(tmp_path)!r}, "NAME").touch()
while not (Path({str(tmp_path)!r}, "one").exists() and Path({str(tmp_path)!r}, "two").exists()):
    time.sleep(0.01)
"""
    fresh_book.edit("book/one", "answer = 41", "answer = 41" + meet.replace("NAME", "one"))
    fresh_book.edit("book/two", 'print("hello")', meet.replace("NAME", "two"))
    runs = execute(Store(fresh_book.project), fresh_book.project.pages(), jobs=2)
    assert [run.failure for run in runs] == [None, None]


@pytest.mark.skipif(os.name == "nt", reason="there are no such sockets on Windows")
def test_nobody_else_can_listen_to_a_kernel():
    source = "import ipykernel, json; json.load(open(ipykernel.get_connection_file()))['transport']"
    assert outputs(run(source))[0][0].data["text/plain"] == "'ipc'"


def test_what_a_cell_prints_is_one_output_however_it_arrives():
    pieces = ["import sys, time", "for i in range(3):", "    print(i)"]
    pieces += ["    sys.stdout.flush()", "    time.sleep(0.1)"]
    ((output,),) = outputs(run("\n".join(pieces)))
    assert output.text == "0\n1\n2\n"
