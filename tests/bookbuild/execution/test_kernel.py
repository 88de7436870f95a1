import re
import threading
import time

import pytest

from bookbuild.execution.execute import execute
from bookbuild.execution.forkserver import can_fork
from bookbuild.execution.kernel import stop_kernels
from bookbuild.execution.store import Store

FIGURE = """
import torch, matplotlib.pyplot as plt
from deepbook import figures, seed
seed(3)
figures.curves([1, 2, 3], {"a": torch.rand(3).numpy()}, xlabel="x", ylabel="y")
print(torch.randn(3).tolist())
"""


def outputs(book):
    store = Store(book.project)
    notebooks = [store.get(page)[0] for page in book.project.pages()]
    return [[cell.get("outputs") for cell in notebook.cells] for notebook in notebooks]


@pytest.mark.skipif(not can_fork(), reason="this system cannot fork")
def test_outputs_do_not_depend_on_jobs_or_on_how_kernels_start(fresh_book, cell):
    source = fresh_book.project.source("book/two")
    source.write_text(source.read_text() + cell(FIGURE))
    seen = []
    for jobs, fork in [(1, True), (2, True), (2, False)]:
        store = Store(fresh_book.project)
        pages = fresh_book.project.pages()
        runs = execute(store, pages, jobs=jobs, fork=fork, force=True)
        assert [run.failure for run in runs] == [None, None]
        seen.append(outputs(fresh_book))
    assert seen[0] == seen[1] == seen[2]
    assert "image/svg+xml" in str(seen[0])


def test_the_longest_page_runs_first_and_before_it_the_unknown_the_long_ones_ahead(book):
    source = book.project.source("book/two").read_text()
    for name in ("three", "four", "five"):
        book.write(f"book/{name}.md", source.replace("hello", name))
    book.edit("book/five", "kernelspec", "bookbuild: {long: true}\nkernelspec")
    chapters = "\n".join(f"- file: book/{name}" for name in ("two", "three", "four", "five"))
    book.write("_toc.yml", f"format: jb-book\nroot: book/one\nchapters:\n{chapters}\n")
    assert len(execute(Store(book.project), book.project.pages())) == 3
    for name, seconds in {"one": 1.0, "two": 3.0, "three": 2.0}.items():
        path = book.project.build / "records" / "book" / f"{name}.json"
        text = re.sub(r'"seconds": [\d.]+', f'"seconds": {seconds}', path.read_text())
        path.write_text(text)
    for name in ("four", "five"):
        (book.project.build / "records" / "book" / f"{name}.json").unlink()
    runs = execute(Store(book.project), book.project.pages(), jobs=1, force=True)
    order = [run.page.removeprefix("book/") for run in runs]
    assert order == ["five", "four", "two", "three", "one"]


def test_kernels_that_are_stopped_fail_their_pages_at_once(fresh_book, tmp_path):
    mark = tmp_path / "running"
    fresh_book.edit(
        "book/two",
        'print("hello")',
        f"import pathlib\npathlib.Path({str(mark)!r}).touch()\nwhile True: pass",
    )

    def stop():
        while not mark.exists():
            time.sleep(0.05)
        stop_kernels()

    thread = threading.Thread(target=stop)
    thread.start()
    (run,) = execute(Store(fresh_book.project), ["book/two"])
    thread.join()
    assert run.failure.endswith("the kernel died")
    assert run.seconds < 600


def test_a_kernel_that_dies_after_the_last_cell_is_told(fresh_book):
    fresh_book.edit(
        "book/two",
        'print("hello")',
        "import atexit, os, threading\nthreading.Timer(0.5, os._exit, [1]).start()",
    )
    source = fresh_book.project.source("book/two")
    # the kernel answers no more once it is asked what it has loaded
    text = source.read_text().replace(
        "from IPython.display import SVG\n",
        "from IPython.display import SVG\nimport json, time\n"
        "json.dumps = lambda *arguments, **options: time.sleep(10**6)\n",
    )
    source.write_text(text)
    (run,) = execute(Store(fresh_book.project), ["book/two"])
    assert run.failure is not None


def test_why_says_of_each_page_whether_and_why_it_is_stale(book):
    book.edit("book/one", "answer = 41", "answer = 42")
    outcome = book.run("why")
    assert outcome.code == 0
    assert outcome.text.splitlines() == [
        "book/one: stale: its code cells changed",
        "book/two: fresh",
    ]
    assert book.run("why", "book/t*").text == "book/two: fresh\n"
    assert outcome.kernels == 0
    nothing = book.run("why", "book/three")
    assert nothing.code == 1
    assert "no page with code cells in _toc.yml is like 'book/three'" in nothing.text


def test_report_prints_what_the_last_build_measured(book, fresh_book):
    text = book.run("report").text
    assert "answer: 41 (promised at least 40) holds" in text.replace("41.0", "41")
    book.edit("book/one", "answer = 41", "answer = 39")
    assert book.run("execute").code == 0
    assert "DOES NOT HOLD" in book.run("report").text
    none = fresh_book.run("report")
    assert none.code == 1
    assert "no build has written a report yet" in none.text


def test_execute_takes_a_pattern_force_and_ordinary_kernels(book, monkeypatch):
    assert book.run("execute", "--page", "book/t*").kernels == 0
    monkeypatch.setattr("bookbuild.execution.kernel.FORK", "nothing of this name")
    outcome = book.run("execute", "--page", "book/t*", "--force", "--no-fork")
    assert (outcome.code, outcome.kernels) == (0, 1)
    assert "book/two" in outcome.text
    assert book.run("execute", "--page", "nowhere").code == 1
