import nbformat
import pytest

from bookbuild.page_source import equations_named_in


@pytest.fixture
def book(fresh_book):
    """A small book whose second page names an equation of the first in its code."""
    config = (fresh_book.root / "_config.yml").read_text()
    held = "bookbuild.extensions.held,"
    added = "bookbuild.extensions.equation_comments, bookbuild.downloads.notebooks_of_site,"
    config = config.replace(held, f"{held} {added}").replace(
        "numfig: true", "numfig: true\n    math_numfig: true\n    numfig_secnum_depth: 1"
    )
    fresh_book.write("_config.yml", config)
    fresh_book.edit("book/two", 'print("hello")', 'print("eq-none")  # a line, eq-line & more')
    return fresh_book


def test_a_comment_shows_the_equations_number_as_a_link(book):
    book.build()
    number = book.page("book/one").select(".eqno")[0].text.split(")")[0].strip("(¶ ")
    assert number
    (comment,) = book.page("book/two").select("span.c1")
    assert comment.text == f"# a line, equation ({number}) & more"
    assert comment.a["href"] == "one.html#equation-eq-line"
    # what is no comment stays
    assert "eq-none" in book.page("book/two").select(".highlight")[0].text


def test_the_notebook_has_the_number(book):
    book.build()
    number = book.page("book/one").select(".eqno")[0].text.split(")")[0].strip("(¶ ")
    folder = book.project.site / "_downloads" / "notebooks"
    cells = nbformat.read(folder / "two.ipynb", as_version=4).cells
    (code,) = [cell.source for cell in cells if "print" in cell.source]
    assert code == f'print("eq-none")  # a line, equation ({number}) & more'


def test_a_comment_that_names_no_equation_is_told_before_a_cell_runs(book):
    book.edit("book/two", "eq-line &", "eq-lime &")
    outcome = book.run("html")
    assert (outcome.code, outcome.kernels) == (1, 0)
    assert "a comment names no equation: 'eq-lime'" in outcome.text


def test_labels_are_found_in_comments_alone():
    source = "eq-a = 1\nx = 2  # eq-b, (81, M)\n# D r, eq-c-d-2 and eq-e.\ny  # seq-f"
    assert equations_named_in(source) == ["eq-b", "eq-c-d-2", "eq-e"]
