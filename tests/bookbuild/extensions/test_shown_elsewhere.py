import pybtex.plugin
import pytest

BIB = """@book{one2020,
  author = {Ada Author},
  title = {%s},
  publisher = {Press},
  year = {2020}
}
"""
ALL = ["book/index", "book/one", "book/promises", "book/two"]


@pytest.fixture
def book(book):
    book.build()  # Sphinx reads again what was copied to another folder
    return book


def test_another_title_shows_on_every_page_that_names_it(book):
    book.edit("book/one", "# Page one", "# The first page")
    outcome = book.build()
    assert outcome.read == ["book/one"]
    assert sorted(set(outcome.written)) == ALL
    assert "See The first page" in book.page("book/index").text


def test_another_number_shows_on_every_page_that_names_it(book):
    assert "See Page one and (1)" in book.page("book/index").text
    book.edit(
        "book/one",
        "```{math}\n:label: eq-line",
        "$$z = 1$$ (eq-first)\n\n```{math}\n:label: eq-line",
    )
    outcome = book.build()
    assert outcome.read == ["book/one"]
    assert "See Page one and (2)" in book.page("book/index").text


def test_a_page_more_is_in_the_contents_of_all(book):
    book.write("book/three.md", "# Page three\n")
    toc = (book.root / "_toc.yml").read_text()
    book.write("_toc.yml", toc + "  - file: book/three\n")
    assert sorted(set(book.build().written)) == sorted([*ALL, "book/three"])


def test_another_sheet_reaches_the_site(book):
    config = (book.root / "_config.yml").read_text()
    book.write("_config.yml", config.replace("[static]", "[book/_static]"))
    book.write("book/_static/mathml.css", "math { margin: 0 }")
    book.build()
    book.write("book/_static/mathml.css", "math { margin: 1px }")
    outcome = book.build()
    assert (outcome.kernels, outcome.read) == (0, [])
    assert (book.project.site / "_static" / "mathml.css").read_text() == "math { margin: 1px }"
    assert book.build().written == []


def test_other_words_write_no_page_that_does_not_hold_them(book):
    book.edit("book/two", "shows it", "shows a disc")
    book.build()
    book.edit("book/two", "shows a disc", "shows it,\n\nindeed")
    outcome = book.build()
    assert outcome.read == ["book/two"]
    # Sphinx writes what has it in its contents
    assert set(outcome.written) <= {"book/two", "book/index"}


@pytest.fixture
def citing(book):
    """A book of which page two cites a work."""
    config = (book.root / "_config.yml").read_text()
    added = "bookbuild.extensions.shown_elsewhere, sphinxcontrib.bibtex]\n"
    added += "    bibtex_bibfiles: [book/references.bib]"
    book.write("_config.yml", config.replace("bookbuild.extensions.shown_elsewhere]", added))
    book.write("book/references.bib", BIB % "Words")
    book.edit("book/promises", "# Promises", "# Promises\n\n```{bibliography}\n```\n")
    book.edit("book/two", "shows it", "shows it {cite:p}`one2020`")
    book.build()
    assert "[Aut20]" in book.page("book/two").text
    return book


def test_a_work_that_is_written_otherwise_is_so_on_every_page(citing):
    citing.write("book/references.bib", BIB.replace("Ada Author", "Zoe Zuse") % "Words")
    assert sorted(set(citing.build().written)) == ALL
    assert "[Zus20]" in citing.page("book/two").text


def test_a_work_that_is_cited_for_the_first_time_writes_no_other_page(citing):
    other = BIB.replace("one2020", "two2021").replace("2020", "2021")
    citing.write("book/references.bib", BIB % "Words" + other % "Others")
    citing.edit("book/one", "It is", "After {cite:p}`two2021`, it is")
    assert "book/two" not in citing.build().written
    assert "[Aut21]" in citing.page("book/one").text
    assert "Others" in citing.page("book/promises").text


def test_the_installed_packages_are_searched_once_for_what_writes_works(citing):
    asked = pybtex.plugin._load_entry_point.cache_info()
    citing.edit("book/two", "shows it", "shows it and {cite:t}`one2020`")
    citing.build()
    again = pybtex.plugin._load_entry_point.cache_info()
    assert again.hits > asked.hits
    assert again.misses == asked.misses
