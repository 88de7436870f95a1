import pytest

from bookbuild.extensions.goodfellow import pages_of, subjects
from bookbuild.front_matter import front_matter, line_of, sections


@pytest.fixture
def book(fresh_book):
    """A small book with a page of sections; page one is of two of them, page two of a chapter."""
    config = (fresh_book.root / "_config.yml").read_text()
    held = "bookbuild.extensions.held,"
    fresh_book.write(
        "_config.yml", config.replace(held, f"{held} bookbuild.extensions.goodfellow,")
    )
    toc = (fresh_book.root / "_toc.yml").read_text()
    # page two stands before page one
    swapped = toc.replace("book/one", "book/x").replace("book/two", "book/one")
    fresh_book.write(
        "_toc.yml", swapped.replace("book/x", "book/two") + "  - file: book/sections\n"
    )
    fresh_book.write("book/sections.md", "# Sections\n\n```{goodfellow}\n```\n")
    name_sections(fresh_book, "book/one", '["6.1", "18.2.1"]')
    name_sections(fresh_book, "book/two", '["18"]')
    return fresh_book


def name_sections(book, page, numbers):
    book.edit(page, "kernelspec:", f"sections: {numbers}\nkernelspec:")


def rows(book, name):
    lines = book.page("book/sections").select(f"table.{name} tbody tr")
    return [[cell.text for cell in line.select("td")] for line in lines]


def test_two_tables_show_sections_with_their_pages_and_pages_with_their_sections(book):
    book.build()
    by_section = {row[0]: row[1:] for row in rows(book, "db-sections")}
    assert list(by_section) == list(subjects())
    assert by_section["6.1"] == ["XOR, learned", "Page one"]
    assert by_section["6.2"] == ["Losses and output units", "to come"]
    assert by_section["18.2"][1] == "Page two, Page one"
    assert by_section["18.7"][1] == "Page two"
    assert rows(book, "db-page-sections") == [["Page two", "18"], ["Page one", "6.1, 18.2.1"]]
    links = book.page("book/sections").select("table.db-page-sections a")
    assert [link["href"] for link in links] == ["two.html", "one.html"]


def test_the_tables_follow_the_pages_and_nothing_is_executed_for_it(book):
    book.build()
    assert book.build().written == []
    book.edit("book/two", 'sections: ["18"]', 'sections: ["19.4"]')
    outcome = book.build()
    assert (outcome.kernels, "book/sections" in outcome.written) == (0, True)
    assert rows(book, "db-page-sections")[0] == ["Page two", "19.4"]


def test_every_section_of_the_plan_has_a_subject_in_the_order_of_numbers():
    numbers = [tuple(map(int, section.split("."))) for section in subjects()]
    assert numbers == sorted(numbers)
    counts = {chapter: sum(c == chapter for c, _ in numbers) for chapter, _ in numbers}
    # the book's own table of contents
    assert counts == {
        6: 6, 7: 14, 8: 7, 9: 11, 10: 12, 11: 6, 12: 5, 14: 9, 16: 7, 17: 5, 18: 7, 19: 5, 20: 15,
    }  # fmt: skip
    assert all(subjects().values())


def test_a_page_is_of_a_section_if_it_names_it_a_part_of_it_or_its_chapter():
    given = {"a": ["6.1"], "b": ["6.1.2"], "c": ["6"], "d": ["6.10"], "e": ["16.1"], "f": []}
    assert pages_of("6.1", given) == ["a", "b", "c"]


def test_the_front_matter_is_what_stands_between_the_dashes():
    text = '---\na: 1\nsections: ["6.1"]\n---\n# A page\nsections: []\n'
    assert front_matter(text) == {"a": 1, "sections": ["6.1"]}
    assert sections(text) == ["6.1"]
    assert (line_of(text, "sections"), line_of(text, "b")) == (3, 1)
    assert front_matter("# A page\n") == front_matter("---\n- a list\n---\n") == {}
    assert sections("# A page\n") == []
    with pytest.raises(ValueError, match=r"expected sections: .* got 6\.1"):
        sections("---\nsections: 6.1\n---\n")
