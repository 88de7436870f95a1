import shutil
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import CliRunner
from sphinx.errors import ExtensionError

import deepbook
from bookbuild.execution.execute import execute
from bookbuild.execution.store import Store
from bookbuild.extensions.executed_pages import read_executed


@pytest.fixture
def code(other_path, monkeypatch):
    """A copy of deepbook with one more module, which the kernels find in place of ours."""
    package = other_path / "deepbook"
    shutil.rmtree(package, ignore_errors=True)
    package.mkdir()
    for name in ("__init__.py", "claims.py"):
        shutil.copy(Path(deepbook.__file__).with_name(name), package)
    (package / "answers.py").write_text("answer = 41\n")

    monkeypatch.setattr("bookbuild.execution.dependencies._package_folder", lambda: package)
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    return package


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where the built book of code is kept for the tests that come later."""
    return tmp_path_factory.mktemp("kept") / "book"


@pytest.fixture
def book_of_code(book, code, kept):
    """A built book, the first page of which prints what the code says."""
    if kept.exists():
        shutil.rmtree(book.root)
        shutil.copytree(kept, book.root)
    else:
        book.edit("book/one", "answer = 41", "from deepbook.answers import answer")
        book.build()
        shutil.copytree(book.root, kept)
    assert book.sentence() == "It is 41, and half of it 20.5."
    return book


def test_a_change_of_the_code_reaches_the_site(book_of_code, code):
    (code / "answers.py").write_text("answer = 40 + 3\n")
    outcome = book_of_code.build()
    # the other page does not load that module
    assert (outcome.kernels, outcome.read) == (1, ["book/one"])
    assert book_of_code.sentence() == "It is 43, and half of it 21.5."
    assert book_of_code.build().kernels == 0


def test_another_version_of_torch_executes_every_page_and_the_same_outputs_are_not_read_again(
    book_of_code, monkeypatch
):
    version = metadata.version
    monkeypatch.setattr(
        metadata, "version", lambda name: "99.0" if name == "torch" else version(name)
    )
    outcome = book_of_code.build()
    assert (outcome.kernels, outcome.read) == (2, [])


def test_nothing_changed_means_nothing_is_executed_or_read(book_of_code):
    outcome = book_of_code.build()
    assert (outcome.kernels, outcome.read, outcome.written) == (0, [], [])


def test_a_change_of_what_builds_the_book_reads_everything_but_executes_nothing(
    book_of_code, monkeypatch
):
    monkeypatch.setattr(
        "bookbuild.extensions.executed_pages.hash_of_folder", lambda folder: "changed"
    )
    monkeypatch.setattr("bookbuild.build.hash_of_folder", lambda folder: "changed")
    outcome = book_of_code.build()
    assert (outcome.kernels, len(outcome.read)) == (0, 4)


def test_a_page_that_is_edited_after_its_outputs_were_found_good_is_named(book):
    book.build()
    book.edit("book/two", 'print("hello")', 'print("hallo")')
    with pytest.raises(ExtensionError, match="book/two was edited while the book was built"):
        read_executed("", "book/two")


def plain_jupyter_book(book):
    from jupyter_book.cli.main import main as jupyter_book

    return CliRunner().invoke(jupyter_book, ["build", str(book.root)])


# Jupyter Book's command line uses a name that Click gives up
@pytest.mark.filterwarnings("ignore:'BaseCommand' is deprecated:DeprecationWarning")
def test_plain_jupyter_book_tells_the_truth_too(book_of_code, code):
    def build():
        done = plain_jupyter_book(book_of_code)
        assert done.exit_code == 0, done.output
        return book_of_code.sentence()

    assert build() == "It is 41, and half of it 20.5."
    # of another length: Python tells compiled files apart by seconds and length
    (code / "answers.py").write_text("answer = 40 + 3\n")
    assert build() == "It is 43, and half of it 21.5."
    # a claim that does not hold is shown as such
    (code / "answers.py").write_text("answer = 30 + 9\n\n")
    assert build() == "It is 39, and half of it 19.5."
    assert book_of_code.page("book/one").select_one(".db-claim")["data-holds"] == "false"
    (code / "answers.py").write_text("answer = 1 / 0\n\n\n\n")
    assert plain_jupyter_book(book_of_code).exit_code != 0


def promised(book):
    """What the page of promises lists, by page."""
    body = book.page("book/promises").select_one(".body")
    return {
        title.text: [
            [cell.text for cell in row.select("td")]
            for row in title.find_next_sibling("table").select("tbody tr")
        ]
        for title in body.select("p.rubric")
    }


def test_the_page_of_promises_lists_every_claim_with_value_and_bound(book, cell):
    claims = """
    import deepbook
    deepbook.claim("large", 109386, at_least=1e5)
    deepbook.claim("small", 1 / 3, close_to=0.3, tolerance=0.1)
    """
    source = book.project.source("book/two")
    source.write_text(source.read_text() + cell(claims))
    book.build()
    assert promised(book) == {
        "Page one": [["answer", "41", "at least 40", "not measured"]],
        "Page two": [
            ["large", "109386", "at least 100000", "not measured"],
            ["small", "0.3333", "within 0.1 of 0.3", "not measured"],
        ],
    }
    links = [a["href"] for a in book.page("book/promises").select("p.rubric a")]
    assert links == ["one.html", "two.html"]


def test_a_claim_whose_cell_is_hidden_is_listed_without_a_link(book):
    book.edit("book/one", "deepbook.claim(", ":tags: [remove-cell]\n\ndeepbook.claim(")
    book.build()
    assert promised(book)["Page one"][0][0] == "answer"
    assert book.page("book/promises").select("table.db-promises a") == []


def test_the_page_of_promises_is_written_again_when_a_value_changes(book):
    book.build()
    book.edit("book/one", "answer = 41", "answer = 42")
    outcome = book.build()
    assert outcome.read == ["book/one"]
    assert "book/promises" in outcome.written
    assert promised(book) == {"Page one": [["answer", "42", "at least 40", "not measured"]]}


def test_the_page_of_promises_is_left_alone_when_no_claim_changes(book):
    book.build()
    book.edit("book/two", "shows it", "shows a disc")
    assert book.build().written == ["book/index", "book/two"]


def test_a_claim_that_is_gone_leaves_the_page_of_promises(book):
    book.build()
    book.edit(
        "book/one", 'deepbook.claim("answer", answer, at_least=40)', 'deepbook.glue("answer", 7)'
    )
    book.build()
    assert promised(book) == {}


@pytest.mark.filterwarnings("ignore:'BaseCommand' is deprecated:DeprecationWarning")
def test_pages_that_sphinx_has_executed_run_under_the_environment_of_the_build(
    fresh_book, monkeypatch
):
    monkeypatch.setenv("DEEPBOOK_SEED_OFFSET", "7000")
    offset = "import os\nanswer = 41 + int(os.environ['DEEPBOOK_SEED_OFFSET'])"
    fresh_book.edit("book/one", "answer = 41", offset)
    assert plain_jupyter_book(fresh_book).exit_code == 0
    assert fresh_book.sentence() == "It is 41, and half of it 20.5."
    assert execute(Store(fresh_book.project), fresh_book.project.pages()) == []
