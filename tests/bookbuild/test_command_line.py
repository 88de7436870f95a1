import json

import pytest
from filelock import FileLock

from bookbuild.__main__ import main


@pytest.mark.parametrize("command", [["html"], ["execute"], ["page", "book/one"]])
def test_a_second_command_at_the_same_time_says_that_it_is_the_second(book, command):
    before = book.site()
    with FileLock(book.project.build / "lock"):
        outcome = book.run(*command)
    assert outcome.code == 1
    assert outcome.text == ("another build is at work in this folder; try again when it is done\n")
    assert book.site() == before
    assert book.run("execute").code == 0


def test_execute_fills_the_cache_and_writes_the_report_but_no_site(fresh_book):
    outcome = fresh_book.run("execute", "--jobs", "1")
    assert (outcome.code, outcome.kernels, outcome.read) == (0, 2, [])
    assert f"the report: {fresh_book.project.report}" in outcome.text
    assert not fresh_book.project.site.exists()
    assert fresh_book.run("html").kernels == 0


@pytest.mark.parametrize("name", ["book/two", "book/two.md", "./book/two.md"])
def test_page_executes_and_builds_one_page_alone(fresh_book, name):
    outcome = fresh_book.run("page", name)
    assert (outcome.code, outcome.kernels) == (0, 1)
    shown = fresh_book.project.build / "page" / "book-two" / "html" / "book" / "two.html"
    assert f"the page: {shown}" in outcome.text
    assert "A black disc." in shown.read_text()
    assert "book/one" not in outcome.read
    assert not fresh_book.project.site.exists()
    report = json.loads(fresh_book.project.report.read_text())["pages"]
    assert report["book/one"] == {"error": "not executed"}
    assert "seconds" in report["book/two"]


def test_page_tells_what_the_page_claims_each_time_it_is_asked(book):
    for answer in (41, 41, 42):
        book.edit("book/one", "answer = 4", f"answer = {answer} # 4")
        outcome = book.run("page", "book/one")
        assert f"  answer: {answer}.0 (promised at least 40)\n" in outcome.text
        shown = book.project.build / "page" / "book-one" / "html" / "book" / "one.html"
        assert f"It is {answer}, and half" in shown.read_text().replace("</span>", "").replace(
            '<span class="pasted-text">', ""
        )


def test_page_is_shown_although_another_one_is_broken(book):
    book.edit("book/one", "import deepbook\n", "---\ntags: [\n---\nimport deepbook\n")
    assert book.run("page", "book/two").code == 0


def test_page_fails_where_its_cell_does(book):
    book.edit("book/one", "answer = 41", "answer = 1 / 0")
    outcome = book.run("page", "book/one")
    assert outcome.code == 1
    assert "book/one, code cell 1:" in outcome.text


@pytest.mark.parametrize("name", ["book/three", "book/promises", "one"])
def test_page_refuses_a_page_without_code_cells(book, name):
    outcome = book.run("page", name)
    assert outcome.code == 1
    assert f"not built: no page {name!r} with code cells in _toc.yml" in outcome.text


def test_outside_of_a_book_the_command_says_so(book, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    book.root = tmp_path / "elsewhere"
    outcome = book.run("html")
    assert outcome.code == 1
    assert outcome.text.startswith("not built: no book here: no _toc.yml in ")


def test_a_command_works_from_any_folder_of_the_book(book):
    book.root = book.root / "book"
    assert book.run("execute").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: COMMAND"),
        (["pdf"], "invalid choice"),
        (["page"], "required: page"),
        (["html", "--jobs", "0"], "expected at least 1, got 0"),
        (["execute", "--jobs", "two"], "argument --jobs: invalid"),
    ],
)
def test_a_wrong_call_ends_with_2_and_says_what_is_wrong(capsys, arguments, message):
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == 2
    assert message in capsys.readouterr().err
