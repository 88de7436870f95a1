import json
import math

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bookbuild.execution.store import Store, claims_in
from bookbuild.report import claims_by_page, write_report


def output(name, value):
    claim = {"name": name, "value": value, "bound": "at least 0", "holds": True, "source": None}
    return new_output(
        "display_data", {"text/plain": str(value)}, metadata={"deepbook": {"claim": claim}}
    )


@pytest.fixture
def notebook():
    """A page with claims "first" and "second"; other outputs are between them."""
    other = new_output("stream", name="stdout", text="words")
    glued = new_output("display_data", {}, metadata={"scrapbook": {"name": "x"}})
    return new_notebook(
        cells=[
            new_code_cell("", outputs=[other, output("first", 1.0), glued]),
            new_markdown_cell("# Words"),
            new_code_cell("", outputs=[output("second", 2.0)]),
        ]
    )


def test_the_claims_of_a_page_come_in_order(notebook):
    assert [claim["name"] for claim in claims_in(notebook)] == ["first", "second"]


def test_a_page_that_was_not_executed_has_no_claims_yet(book):
    book.edit("book/two", "hello", "good morning")
    claims = claims_by_page(Store(book.project), book.project.pages())
    assert {page: [c["name"] for c in made] for page, made in claims.items()} == {
        "book/one": ["answer"]
    }


def test_the_report_holds_what_each_page_took_and_claimed(first_build):
    book, _ = first_build
    entries = json.loads(book.project.report.read_text())["pages"]
    assert list(entries) == ["book/one", "book/two"]
    assert all(0 < entry["seconds"] < 60 for entry in entries.values())
    assert all(0 < entry["cpu_seconds"] < 60 for entry in entries.values())
    (claim,) = entries["book/one"]["claims"]
    assert claim == {
        "name": "answer",
        "value": 41,
        "bound": "at least 40",
        "holds": True,
        "source": None,
        "low": 40.0,
        "high": None,
    }
    assert entries["book/two"]["claims"] == []


def test_the_report_tells_which_page_failed_or_was_not_executed(fresh_book, notebook):
    pages = fresh_book.project.pages()
    report = write_report(Store(fresh_book.project), pages, {"book/one": ("cell 3: no", notebook)})
    assert report == json.loads(fresh_book.project.report.read_text())
    assert report["pages"] == {
        "book/one": {"error": "cell 3: no", "claims": claims_in(notebook)},
        "book/two": {"error": "not executed"},
    }


def test_the_report_is_json_also_for_a_claim_that_got_nan(fresh_book, cell):
    source = fresh_book.project.source("book/one")
    source.write_text(source.read_text() + cell("deepbook.claim('loss', float('nan'), at_most=1)"))
    assert fresh_book.run("execute").code == 0

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    report = json.loads(fresh_book.project.report.read_text(), parse_constant=refuse)
    last = report["pages"]["book/one"]["claims"][-1]
    assert (last["name"], last["holds"]) == ("loss", False)
    # nor has it a number for the speed of a machine that was not asked
    assert report["pages"]["book/one"]["speed"] is None
    assert math.isnan(float(last["value"]))


def test_a_report_replaces_the_last_one_in_one_step(book, monkeypatch):
    before = book.project.report.read_text()
    monkeypatch.setattr("pathlib.Path.replace", lambda path, target: None)
    write_report(Store(book.project), ["book/two"], {})
    assert book.project.report.read_text() == before
