import errno
import json
from pathlib import Path

import pytest
from myst_nb.core.read import myst_nb_reader_plugin

from bookbuild.execution.execute import execute
from bookbuild.execution.store import Store, claims_in, hash_of_outputs
from bookbuild.project import Project


def reasons(book):
    """Why each page is stale, by its short name."""
    store = Store(book.project)
    return {page.removeprefix("book/"): store.why(page) for page in book.project.pages()}


def record(book, page="one"):
    return book.project.build / "records" / "book" / f"{page}.json"


def outputs(book, page="one"):
    """The file of a page's outputs."""
    return book.project.build / "executed" / "book" / f"{page}.ipynb"


def rewrite(path, old, new):
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def without_field(book):
    fields = json.loads(record(book).read_text())
    del fields["ran_with"]["modules"]
    record(book).write_text(json.dumps(fields))


MISSING = "its outputs are missing or damaged"
DAMAGED = "its record is damaged"
DAMAGES = {
    "no record": (lambda book: record(book).unlink(), "it was never executed"),
    "half a record": (lambda book: record(book).write_text(record(book).read_text()[:99]), DAMAGED),
    "an empty record": (lambda book: record(book).write_text(""), DAMAGED),
    "a record of another shape": (lambda book: record(book).write_text("[]"), DAMAGED),
    "a record that lacks a field": (without_field, DAMAGED),
    "a record that is no text": (lambda book: record(book).write_bytes(b"\xff\xfe"), DAMAGED),
    "no outputs": (lambda book: outputs(book).unlink(), MISSING),
    "half the outputs": (
        lambda book: outputs(book).write_text(outputs(book).read_text()[:99]),
        MISSING,
    ),
    "outputs that are no text": (lambda book: outputs(book).write_bytes(b"\xff\xfe"), MISSING),
    "outputs that are no notebook": (lambda book: outputs(book).write_text("{}"), MISSING),
    "outputs that are nothing": (lambda book: outputs(book).write_text("null"), MISSING),
    "altered outputs": (lambda book: rewrite(outputs(book), '"41"', '"42"'), MISSING),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_noticed_and_only_that_page_is_executed_again(book, damage):
    before, _ = Store(book.project).get("book/one")
    inflict, reason = DAMAGES[damage]
    inflict(book)
    assert reasons(book) == {"one": reason, "two": None}
    (run,) = execute(Store(book.project), book.project.pages())
    assert run.page == "book/one"
    assert reasons(book) == {"one": None, "two": None}
    after, _ = Store(book.project).get("book/one")
    assert hash_of_outputs(after) == hash_of_outputs(before)


def count_parsing(monkeypatch):
    parsed = []
    monkeypatch.setattr(
        "bookbuild.project.read_myst_markdown_notebook",
        lambda text, path, **options: (
            parsed.append(Path(path).stem) or myst_nb_reader_plugin(str(path))
        ),
    )
    return parsed


def test_a_page_that_was_not_edited_since_it_was_read_is_not_parsed(book, monkeypatch):
    book.build()
    book.edit("book/two", "shows it", "shows a disc")
    parsed = count_parsing(monkeypatch)
    store = Store(book.project)
    for page in book.project.pages():
        assert store.why(page) is None
        assert store.claims(page) is not None
        store.remember_source(page)
    assert parsed == ["two"]
    # which the store has noted
    assert Store(book.project).why("book/two") is None
    assert parsed == ["two"]
    book.edit("book/two", 'print("hello")', 'print("hallo")')
    assert reasons(book) == {"one": None, "two": "its code cells changed"}
    book.edit("book/two", 'print("hallo")', 'print("hello")')
    assert reasons(book) == {"one": None, "two": None}


def test_a_page_is_parsed_again_by_another_myst_nb(book, monkeypatch):
    book.build()
    parsed = count_parsing(monkeypatch)
    monkeypatch.setattr("bookbuild.execution.store.version", lambda name: "another")
    assert reasons(book) == {"one": None, "two": None}
    assert parsed == ["one", "two"]


def test_a_page_that_was_edited_while_it_ran_is_not_taken_for_what_ran(book):
    store = Store(book.project)
    notebook, before = store.get("book/one")
    book.edit("book/one", "answer = 41", "answer = 43")
    store.put("book/one", notebook, before)
    store.remember_source("book/one")
    assert Store(book.project).why("book/one") == "its code cells changed"


def test_claims_are_those_of_the_outputs(book):
    (claim,) = Store(book.project).claims("book/one")
    assert (claim["name"], claim["value"]) == ("answer", 41.0)
    notebook, _ = Store(book.project).get("book/one")
    assert claims_in(notebook) == [claim]
    book.edit("book/one", "answer = 41", "answer = 42")
    assert Store(book.project).claims("book/one") is None


def test_whoever_asks_gets_the_store_that_is_at_work_on_the_same_book(book, tmp_path):
    store = Store(book.project)
    with store.at_work():
        assert Store.of(book.project) is store
        other = tmp_path / "other"
        other.mkdir()
        assert Store.of(Project(other)) is not store
    assert Store.of(book.project) is not store


def test_a_changed_caption_shows_on_the_site_and_executes_nothing(book):
    book.build()
    book.edit("book/two", "caption: A disc.", "caption: A round disc.")
    book.edit("book/two", "alt: A black disc.", "alt: A dark disc.")
    outcome = book.build()
    assert (outcome.kernels, outcome.read) == (0, ["book/two"])
    assert "A round disc." in book.page("book/two").select_one("figcaption").text
    assert book.page("book/two").select_one("figure img")["alt"] == "A dark disc."


def test_pages_whose_names_are_alike_have_records_of_their_own(book):
    text = book.project.source("book/two").read_text()
    for name, word in {"book/a-b": "first", "book/a/b": "second"}.items():
        book.write(f"{name}.md", text.replace("hello", word))
    book.write("_toc.yml", "format: jb-book\nroot: book/a-b\nchapters:\n- file: book/a/b\n")
    assert len(execute(Store(book.project), book.project.pages())) == 2
    assert set(reasons(book).values()) == {None}


NO_SPACE = OSError(errno.ENOSPC, "No space left on device")
READ_ONLY = OSError(errno.EROFS, "Read-only file system")


@pytest.mark.parametrize("error", [NO_SPACE, READ_ONLY], ids=["full disk", "read-only"])
@pytest.mark.parametrize("at", ["record", "outputs", "report", "copy of the site", "renaming"])
def test_what_cannot_be_written_fails_the_build_and_the_old_site_stands(
    book, monkeypatch, at, error
):
    book.build()
    before = book.site()
    book.edit("book/one", "answer = 41", "answer = 44")

    def fail(*arguments, **options):
        raise error

    def fails_for(original, suffix):
        def write(path, *arguments, **options):
            return (fail if path.name.endswith(suffix) else original)(path, *arguments, **options)

        return write

    with monkeypatch.context() as patch:
        if at == "copy of the site":
            patch.setattr("bookbuild.build.shutil.copytree", fail)
        elif at == "renaming":
            patch.setattr(Path, "rename", fail)
        else:
            suffix = {"record": "one.new", "outputs": ".ipynb", "report": "report.json.new"}[at]
            patch.setattr(Path, "write_text", fails_for(Path.write_text, suffix))
        outcome = book.run("html")
    assert outcome.code == 1, outcome.text
    assert error.strerror in outcome.text
    assert "The site that stood there stands unchanged" in outcome.text
    assert "Traceback" not in outcome.text
    assert book.site() == before
    book.build()
    assert book.sentence() == "It is 44, and half of it 22.0."
