import errno
import json
from pathlib import Path

import pytest
from jupyter_cache import get_cache
from myst_nb.core.read import myst_nb_reader_plugin

from bookbuild.execution.execute import execute
from bookbuild.execution.store import Store, hash_of_outputs
from bookbuild.project import Project


def reasons(book):
    """Why each page is stale, by its short name."""
    store = Store(book.project)
    return {page.removeprefix("book/"): store.why(page) for page in book.project.pages()}


def record(book, page="one"):
    return book.project.build / "records" / "book" / f"{page}.json"


def outputs(book, page="one"):
    """The file in which jupyter-cache holds a page's outputs."""
    key = json.loads(record(book, page).read_text())["key"]
    return book.project.cache_folder / "executed" / key / "base.ipynb"


def database(book):
    return book.project.cache_folder / "global.db"


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
    "altered outputs": (
        lambda book: rewrite(outputs(book), '"41"', '"42"'),
        "its outputs are not those of its last run",
    ),
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


@pytest.mark.parametrize("damage", ["garbage", "truncated", "of other tables"])
def test_a_damaged_database_begins_anew_and_says_so(book, damage, capsys):
    content = database(book).read_bytes()
    damaged = {
        "garbage": b"nonsense " * 1000,
        "truncated": content[: len(content) // 2],
        "of other tables": content.replace(b"nbcache", b"nbcachf"),
    }
    database(book).write_bytes(damaged[damage])
    assert set(reasons(book).values()) == {MISSING}
    assert "the cache is damaged and begins anew" in capsys.readouterr().err
    assert len(execute(Store(book.project), book.project.pages())) == 2
    assert set(reasons(book).values()) == {None}


def test_an_empty_database_makes_every_page_run_again(book):
    database(book).write_bytes(b"")
    assert set(reasons(book).values()) == {MISSING}
    assert len(execute(Store(book.project), book.project.pages())) == 2
    assert set(reasons(book).values()) == {None}


def test_a_locked_database_is_no_damaged_one(book, monkeypatch):
    from sqlalchemy.exc import OperationalError

    def locked(*arguments):
        raise OperationalError("SELECT", {}, Exception("database is locked"))

    with monkeypatch.context() as patch:
        patch.setattr("jupyter_cache.cache.main.JupyterCacheBase.list_cache_records", locked)
        outcome = book.run("execute")
    assert outcome.code == 1
    assert "database is locked" in outcome.text
    assert set(reasons(book).values()) == {None}


def found_by_myst_nb(book, page):
    """The outputs that MyST-NB would show for a page; None if it finds none."""
    notebook = myst_nb_reader_plugin(str(book.project.source(page)))
    try:
        _, merged = get_cache(book.project.cache_folder).merge_match_into_notebook(notebook)
    except KeyError:
        return None
    return [cell.outputs for cell in merged.cells if cell.cell_type == "code"]


def test_outputs_whose_file_is_as_it_was_written_are_not_judged_again(book, monkeypatch):
    judged = []
    monkeypatch.setattr("bookbuild.execution.store.nbformat.read", lambda *_: judged.append(1))
    monkeypatch.setattr("bookbuild.execution.store.hash_of_outputs", lambda *_: judged.append(2))
    assert reasons(book) == {"one": None, "two": None}
    Store(book.project).get("book/one")
    assert judged == []


def test_the_same_outputs_in_another_file_are_taken_too(book):
    before, _ = Store(book.project).get("book/one")
    rewrite(outputs(book), '"cells"', '  "cells"')
    fields = json.loads(record(book, "two").read_text())
    del fields["file"]  # as a record of an earlier version
    record(book, "two").write_text(json.dumps(fields))
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


def test_a_page_that_was_not_edited_since_it_was_served_is_not_parsed(book, monkeypatch):
    book.build()
    book.edit("book/two", "shows it", "shows a disc")
    parsed = count_parsing(monkeypatch)
    store = Store(book.project)
    for page in book.project.pages():
        assert store.why(page) is None
        assert store.claims(page) is not None
        store.serve(page)
    assert parsed == ["two"]
    # which serving has noted
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
    store.serve("book/one")
    assert Store(book.project).why("book/one") == "its code cells changed"


def test_claims_are_those_of_the_outputs_also_of_a_record_without_them(book):
    (claim,) = Store(book.project).claims("book/one")
    assert (claim["name"], claim["value"]) == ("answer", 41.0)
    fields = json.loads(record(book).read_text())
    assert fields.pop("claims") == [claim]
    record(book).write_text(json.dumps(fields))
    assert Store(book.project).claims("book/one") == [claim]
    Store(book.project).serve("book/one")  # completes the record
    assert json.loads(record(book).read_text())["claims"] == [claim]
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


def test_outputs_stay_good_for_a_changed_caption_and_myst_nb_finds_them(book):
    before = found_by_myst_nb(book, "book/two")
    assert before is not None
    book.edit("book/two", "caption: A disc.", "caption: A round disc.")
    assert found_by_myst_nb(book, "book/two") is None
    Store(book.project).serve("book/two")
    assert found_by_myst_nb(book, "book/two") == before
    assert reasons(book) == {"one": None, "two": None}
    finished = json.loads(record(book, "two").read_text())["finished"]
    Store(book.project).serve("book/two")
    assert json.loads(record(book, "two").read_text())["finished"] == finished


def test_a_changed_caption_shows_on_the_site_and_executes_nothing(book):
    book.build()
    book.edit("book/two", "caption: A disc.", "caption: A round disc.")
    book.edit("book/two", "alt: A black disc.", "alt: A dark disc.")
    outcome = book.build()
    assert (outcome.kernels, outcome.read) == (0, ["book/two"])
    assert "A round disc." in book.page("book/two").select_one("figcaption").text
    assert book.page("book/two").select_one("figure img")["alt"] == "A dark disc."


def test_myst_nb_finds_no_outputs_of_a_stale_page(book):
    assert found_by_myst_nb(book, "book/one") is not None
    without_field(book)
    Store(book.project).serve("book/one")
    assert found_by_myst_nb(book, "book/one") is None
    assert found_by_myst_nb(book, "book/two") is not None


def test_outputs_that_somebody_else_put_into_the_cache_are_not_taken(book):
    """Another program, for example plain jcache, executed a page whose cells are new."""
    book.edit("book/one", "answer = 41", "answer = 45")
    store = Store(book.project)
    notebook = store.project.notebook("book/one")
    from jupyter_cache.base import CacheBundleIn

    bundle = CacheBundleIn(notebook, "elsewhere")
    store.cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    assert reasons(book)["one"] == "its code cells changed"
    store.serve("book/one")
    assert found_by_myst_nb(book, "book/one") is None


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


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_full_disk_that_sqlite_meets_is_told_the_same_way(book, monkeypatch, wrapped):
    from sqlalchemy.exc import OperationalError

    def full(*arguments, **options):
        error = OperationalError("INSERT", {}, Exception("database or disk is full"))
        if not wrapped:
            raise error
        # as jupyter-cache's own sessions do
        raise RuntimeError("Unexpected error accessing jupyter cache") from error

    before = book.site()
    book.edit("book/one", "answer = 41", "answer = 44")
    with monkeypatch.context() as patch:
        patch.setattr("jupyter_cache.cache.db.NbCacheRecord.create_record", full)
        outcome = book.run("html")
    assert outcome.code == 1
    assert "not built: " in outcome.text
    assert "database or disk is full" in outcome.text
    assert book.site() == before
    assert reasons(book) == {"one": "its code cells changed", "two": None}
