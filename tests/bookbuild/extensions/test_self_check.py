import nbformat
import pytest

from bookbuild.extensions.self_check import read_self_check

CHECK = """
```{self-check}
Which sum *falls apart*, $\\sum_h$ or
$\\sum_v$?

[x] The one over `h`,
given pixels
: Each unit has a factor.

  So it does.

[ ] The one over $v$
: Pictures share units, {eq}`eq-line`.
```
"""


def with_a_check(book):
    config = (book.root / "_config.yml").read_text()
    held = "bookbuild.extensions.held,"
    added = "bookbuild.extensions.self_check, bookbuild.downloads.notebooks_of_site,"
    book.write("_config.yml", config.replace(held, f"{held} {added}"))
    with book.project.source("book/two").open("a") as page:
        page.write(CHECK)
    return book


@pytest.fixture
def book(fresh_book):
    """A small book whose page two has a self-check."""
    return with_a_check(fresh_book)


@pytest.fixture(scope="module")
def built(make_small_book, tmp_path_factory):
    """The same book, built; nobody changes it."""
    book = with_a_check(make_small_book(tmp_path_factory.mktemp("checked")))
    book.build()
    return book


def test_answers_are_folds_that_open_on_their_feedback(built):
    (check,) = built.page("book/two").select("div.db-check[role=group]")
    assert check["aria-label"] == "Check yourself"
    assert [p.text.split()[0] for p in check.select(":scope > p")] == ["Check", "Which"]
    assert check.select(":scope > p em")[0].text == "falls apart"
    right, wrong = check.select("details.db-answer")
    assert [answer["data-right"] for answer in (right, wrong)] == ["true", "false"]
    assert not right.has_attr("open")
    assert right.summary.text.split("\n") == ["The one over h, given pixels"]
    assert wrong.summary.math is not None
    assert right.select("summary p") == []
    assert [p.text for p in right.select("p")] == [
        "✓ Right.",
        "Each unit has a factor.",
        "So it does.",
    ]
    assert wrong.select("p")[0].text == "✗ Not this one."
    # a reference of the feedback leads where it says
    assert wrong.select("a")[0]["href"] == "one.html#equation-eq-line"


def test_in_the_notebook_the_folds_are_the_same(built):
    notebook = nbformat.read(
        built.project.site / "_downloads" / "notebooks" / "two.ipynb", as_version=4
    )
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert "**Check yourself**\n\nWhich sum *falls apart*" in text
    assert (
        "<details>\n<summary>The one over h, given pixels</summary>\n\n"
        "✓ Right.\n\nEach unit has a factor.\n\nSo it does.\n\n</details>"
    ) in text
    assert "✗ Not this one.\n\nPictures share units" in text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[x]", "[ ]", "none of the answers is right"),
        ("\n: Pictures share units, {eq}`eq-line`.", "", "no feedback on the answer 'The one over"),
        ("[ ] The one over $v$", "The one over $v$", "expected 2 to 5 answers, got 1"),
        ("Which sum *falls apart*, $\\sum_h$ or\n$\\sum_v$?\n", "", "there is no question"),
    ],
)
def test_what_a_self_check_lacks_is_told_before_a_cell_runs(book, old, new, message):
    line = 1 + book.project.source("book/two").read_text().split("```{self-check}")[0].count("\n")
    book.edit("book/two", old, new)
    outcome = book.run("page", "book/two")
    assert (outcome.code, outcome.kernels) == (1, 0)
    assert f"book/two.md:{line}: a self-check needs a question, then answers" in outcome.text
    assert message in outcome.text


def test_lines_are_kept_for_errors_inside_of_answers():
    question, answers = read_self_check(["Why?", "", "[X] a", ": b", "  c", "[ ] d", "", ": e"])
    assert question == ["Why?", ""]
    assert [(a.right, a.text, a.line, a.feedback_line) for a in answers] == [
        (True, "a", 2, 3),
        (False, "d", 5, 7),
    ]
    assert answers[0].feedback == ["b", "c"]


def test_too_many_answers_are_refused():
    with pytest.raises(ValueError, match="expected 2 to 5 answers, got 6"):
        read_self_check(["Why?", *(["[x] a", ": b"] * 6)])
