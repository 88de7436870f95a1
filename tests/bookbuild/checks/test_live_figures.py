"""A page with a live figure, from its source to the site; and what such a page may weigh."""

import nbformat
import pytest

from bookbuild.checks.live_figures import CODE_BYTES, DATA_BYTES
from bookbuild.checks.page_parts import check_page
from bookbuild.live_html import alternative_text
from bookbuild.page_source import Cell, PageSource

LIVE_CELL = """
```{code-cell} ipython3
---
mystnb:
  figure:
    caption: A reader moves it.
    name: fig-live
---
import matplotlib.pyplot as plt
import torch
from deepbook.live import CDBias

CDBias(
    torch.ones(2, 1), torch.zeros(2), torch.zeros(1), torch.full((4,), 0.25),
    fallback=plt.figure(), alt='Nothing is "drawn" yet.',
)
```

{numref}`fig-live` moves.
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory, make_small_book):
    """A book with a live figure on its second page, built twice from nothing."""
    sites = []
    for name in ("one", "two"):
        book = make_small_book(tmp_path_factory.mktemp(name))
        with book.project.source("book/two").open("a") as page:
            page.write(LIVE_CELL)
        sites.append((book, book.build()))
    return sites


def test_a_live_figure_is_a_numbered_figure_with_its_caption(built):
    page = built[0][0].page("book/two")
    figure = page.select_one("figure#fig-live")
    assert "A reader moves it." in figure.select_one("figcaption").text
    number = figure.select_one(".caption-number").text.strip()
    assert number
    assert number in page.select_one("a.reference[href='#fig-live']").text


def test_its_html_stands_on_the_page_and_the_picture_only_inside_it(built):
    book, _ = built[0]
    figure = book.page("book/two").select_one("figure#fig-live")
    (picture,) = figure.select("img")
    assert picture.parent.has_attr("data-deepbook-live")
    assert picture["alt"] == 'Nothing is "drawn" yet.'
    assert [s["data-module"] for s in figure.select("script[data-module]")] == [
        "packing.js",
        "frame.js",
        "rbm.js",
        "cd_bias.js",
    ]
    assert not [name for name in book.site() if name.startswith("_images") and "png" in name]


def test_two_builds_give_the_same_bytes(built):
    pages = [book.site()["book/two.html"] for book, _ in built]
    assert pages[0] == pages[1]


def test_the_search_index_has_nothing_of_its_scripts(built):
    index = built[0][0].site()["searchindex.js"].decode()
    assert "transitionmatrix" not in index.lower()


def output(html, **other):
    return nbformat.v4.new_output("display_data", {"text/html": html, **other})


def live_html(code=0, data=0, alt="A disc on a line."):
    return (
        f'<div data-deepbook-live="x.js"><img src="data:," alt="{alt}">'
        f'<script type="application/json" data-values>{"d" * data}</script>'
        f'<script type="text/plain" data-module="x.js">{"c" * code}</script></div>'
    )


def page_with(*htmls, alt_in_header=None):
    page = PageSource("book/page.md")
    for line, html in enumerate(htmls, start=10):
        image = {"alt": alt_in_header} if alt_in_header else {}
        layout = {"figure": {"caption": "A ball rolls.", "name": f"fig-{line}"}, "image": image}
        node = nbformat.v4.new_code_cell(metadata={"mystnb": layout})
        node.outputs = [output(html, **{"image/png": "x"})]
        page.cells.append(Cell(node, line))
    return page


def found(page):
    return [str(finding) for finding in check_page(page, in_chapter=False)]


def test_a_page_within_its_budget_is_good():
    half = live_html(code=CODE_BYTES // 2, data=DATA_BYTES // 2)
    assert found(page_with(half, half)) == []


def test_code_over_the_budget_is_found_where_it_goes_over():
    half = live_html(code=CODE_BYTES // 2)
    assert found(page_with(half, half, live_html(code=1))) == [
        "book/page.md:12: with this one, the page's live figures hold 60.0 KB of JavaScript, "
        "expected at most 60 KB: shorten it, or leave a figure to another page"
    ]


def test_data_over_the_budget_is_found():
    (message,) = found(page_with(live_html(data=DATA_BYTES + 500)))
    assert message.startswith(
        "book/page.md:10: with this one, the page's live figures hold 600.5 KB of data, expected "
        "at most 600 KB: pack arrays"
    )


def test_other_html_has_no_budget():
    page = page_with(f"<script>{'c' * 2 * CODE_BYTES}</script>", alt_in_header="A disc.")
    assert found(page) == []


@pytest.mark.parametrize(
    ("alt", "message"),
    [
        ("", "the figure has no alternative text (its argument alt)"),
        ("a ball rolls", "the figure has its caption as alternative text"),
        ("fig-10", "the figure has a name as alternative text"),
    ],
)
def test_the_alternative_text_of_a_live_figure_is_its_own(alt, message):
    (line,) = found(page_with(live_html(alt=alt), alt_in_header="What the header says."))
    assert line.startswith(f"book/page.md:10: {message}")


def test_alternative_text_is_read_as_html_means_it():
    assert alternative_text(live_html(alt="a &lt; b &amp; c")) == "a < b & c"
    assert alternative_text('<img alt="of a picture">') == ""


def test_a_live_figure_without_alternative_text_fails_the_build(make_small_book, tmp_path):
    book = make_small_book(tmp_path / "book")
    with book.project.source("book/two").open("a") as page:
        page.write(LIVE_CELL)
    # past the class, which demands one
    book.edit("book/two", "CDBias(\n", "figure = CDBias(\n")
    book.edit("book/two", "yet.',\n)\n", "yet.',\n)\nfigure.alt = ''\nfigure\n")
    outcome = book.run("html")
    assert outcome.code != 0
    assert "book/two.md:24: the figure has no alternative text (its argument alt)" in outcome.text
