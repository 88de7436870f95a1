import subprocess

import pytest

import deepbook
from bookbuild.extensions.edition import commit

FOOTER = '{% extends "!layout.html" %}{% block footer %}<footer>{{ edition.version }}, commit '
FOOTER += "<span class=db-commit></span>.</footer>{% endblock %}"


def git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "index.md").write_text("# One\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    return tmp_path


def test_the_commit_is_named_by_the_start_of_its_hash(repository):
    whole = subprocess.check_output(["git", "-C", repository, "rev-parse", "HEAD"], text=True)
    assert commit(repository) == whole[:8]


def test_a_changed_page_is_told_beside_the_commit(repository):
    (repository / "book" / "index.md").write_text("# Two\n")
    assert commit(repository).endswith(" with later changes")


def test_a_page_that_was_never_committed_is_told_too(repository):
    (repository / "book" / "new.md").write_text("# New\n")
    assert commit(repository).endswith(" with later changes")


def test_what_the_site_does_not_depend_on_changes_no_edition(repository):
    before = commit(repository)
    (repository / "notes.txt").write_text("later")
    assert commit(repository) == before


def test_without_a_repository_the_commit_is_unknown(tmp_path):
    assert commit(tmp_path) == "unknown"


def test_a_folder_inside_another_repository_has_no_commit_of_its_own(repository):
    assert commit(repository / "book") == "unknown"


def test_a_commit_changes_what_pages_say_and_makes_sphinx_write_none(book):
    config = (book.root / "_config.yml").read_text()
    config = config.replace(
        "bookbuild.extensions.shown_elsewhere]",
        "bookbuild.extensions.shown_elsewhere, bookbuild.extensions.edition]",
    )
    book.write("_config.yml", config + "    templates_path: [templates]\n")
    book.write("templates/layout.html", FOOTER)
    book.write(".gitignore", "_build")

    def footers():
        pages = ["book/index", "book/one", "book/two", "search"]
        return {book.page(page).footer.text for page in pages}

    git(book.root, "init", "--quiet")
    git(book.root, "add", ".")
    git(book.root, "commit", "--quiet", "--message", "one")
    book.build()
    book.edit("book/two", "shows it", "shows a disc")
    outcome = book.build()
    assert outcome.read == ["book/two"]
    assert "book/one" not in outcome.written
    assert footers() == {f"{deepbook.__version__}, commit {commit(book.root)}."}
    assert commit(book.root).endswith(" with later changes")

    git(book.root, "commit", "--all", "--quiet", "--message", "two")
    before = {p: p.stat().st_mtime_ns for p in book.project.work.glob("html/book/*.html")}
    outcome = book.build()
    assert (outcome.read, outcome.written) == ([], [])
    assert footers() == {f"{deepbook.__version__}, commit {commit(book.root)}."}
    # for Sphinx and the notebooks no page was written
    assert {p: p.stat().st_mtime_ns for p in before} == before
