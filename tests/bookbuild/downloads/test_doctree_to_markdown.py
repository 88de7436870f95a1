import html
import re
import string
from pathlib import Path

import pytest
from docutils import nodes
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bookbuild.downloads.doctree_to_markdown import CodeCell, Writer
from bookbuild.downloads.markdown_text import Page, display_math, escape_text, start_of_line
from bookbuild.extensions.tex_macros import read_macros

RENDER = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render


def write(*children, page=None):
    writer = Writer(page or Page(Path()))
    return writer.blocks(nodes.section("", *children)), writer


def paragraph(text):
    return nodes.paragraph("", text)


@given(st.text(string.ascii_letters + string.digits + string.punctuation + " ", max_size=30))
@example("# no heading")
@example("- no list")
@example("12. no list")
@example("1) no list")
@example("> no quote")
@example("a_b_c __init__ _x_")
@example("[no](link) and ![no](image)")
@example("[no]: definition")
@example("5 < 6 &amp; <b> ~x~ `y` | $z$")
@example(">0")
@example("===")
@example("---")
@example("+")
@example("#")
def test_any_text_is_shown_by_markdown_as_it_is(text):
    text = " ".join(text.split())
    shown = RENDER(start_of_line(escape_text(text)))
    assert html.unescape(re.sub(r"\A<p>|</p>\n\Z", "", shown)) == text


def test_no_dollar_of_the_text_begins_a_formula():
    assert escape_text("5 $ and 6 $") == r"5 \$ and 6 \$"


def test_a_formula_has_no_macro_no_comment_and_no_empty_line():
    macros = read_macros({"vx": r"\boldsymbol{x}", "norm": [r"\lVert #1 \rVert", 1]})
    tex = "\\hat\\vx % so\n\n= 5\\% \\norm{y}"
    assert display_math(tex, "1.2", macros, one_line=False) == (
        "$$\n\\hat{\\boldsymbol{x}} \n= 5\\% \\lVert y \\rVert \\tag{1.2}\n$$"
    )


@pytest.mark.parametrize(
    ("environment", "written"),
    [
        ("align", r"\begin{aligned} a \end{aligned}"),
        ("gather*", r"\begin{gathered} a \end{gathered}"),
        ("equation", "a"),
        ("pmatrix", r"\begin{pmatrix} a \end{pmatrix}"),
    ],
)
def test_an_environment_has_one_number_as_on_the_site(environment, written):
    tex = rf"\begin{{{environment}}} a \end{{{environment}}}"
    shown = display_math(tex, "7", {}, one_line=True)
    assert shown.split() == f"$${written} \\tag{{7}}$$".split()


def solution(*children):
    kind = type("solution_node", (nodes.Admonition, nodes.Element), {})
    return kind("", nodes.title("", "Solution to <1>"), *children)


def test_a_solution_that_begins_with_code_is_announced():
    cell = nodes.container(nb_element="cell_code", cell_index=4)
    blocks, _ = write(solution(cell))
    assert blocks == [
        "**Solution to &lt;1&gt;**, in the folded cell:",
        CodeCell(4, in_solution=True),
    ]


def test_code_cells_split_a_solution_and_know_that_they_stand_in_it():
    cell = nodes.container(nb_element="cell_code", cell_index=4)
    blocks, _ = write(solution(paragraph("before"), cell, paragraph("after")))
    assert blocks == [
        "<details>\n<summary><b>Solution to &lt;1&gt;</b></summary>\n\nbefore\n\n</details>",
        CodeCell(4, in_solution=True),
        "<details>\n<summary><b>Solution to &lt;1&gt;, continued</b></summary>\n\n"
        "after\n\n</details>",
    ]


def test_a_list_with_long_items_keeps_them_together():
    long = nodes.list_item("", paragraph("one"), paragraph("more"))
    blocks, _ = write(
        nodes.enumerated_list("", long, nodes.list_item("", paragraph("two")), start=9)
    )
    assert blocks == ["9. one\n\n   more\n\n10. two"]


def test_a_code_block_may_hold_backticks():
    blocks, _ = write(nodes.literal_block("", "```\nx\n```", language="ipython3"))
    assert blocks == ["````python\n```\nx\n```\n````"]


def test_a_bar_does_not_end_a_cell_of_a_table():
    cells = [nodes.literal("", "a|b"), nodes.math("", r"|x| \|y\|"), nodes.Text("c|d")]
    entries = [nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells]
    table = nodes.table("", nodes.tgroup("", nodes.tbody("", nodes.row("", *entries))))
    (text,), _ = write(table)
    assert text.splitlines()[0] == "|  |  |  |", "a table without a head needs an empty one"
    assert text.splitlines()[2] == (r"| `a\|b` | $\vert x\vert  \Vert y\Vert $ | c\|d |")


@pytest.mark.parametrize(
    ("url", "shown"),
    [("", "there"), ("https://book.org/a/b.html", "[there](https://book.org/c.html#d)")],
)
def test_a_link_into_the_book_is_a_link_only_if_the_book_has_an_address(url, shown):
    link = nodes.reference("", "there", refuri="../c.html#d", internal=True)
    blocks, _ = write(nodes.paragraph("", "", link), page=Page(Path(), url=url))
    assert blocks == [shown]


TITLES = {"../c.html": nodes.title("", "", nodes.Text("A "), nodes.emphasis("", "title"))}


@pytest.mark.parametrize(
    ("words", "address", "shown"),
    [
        ("there", "../c.html", "there (“A *title*”)"),
        ("(2.1)", "../c.html#d", "(2.1) (“A *title*”)"),
        ("a title", "../c.html", "a title"),
        ("a section of this page", "#e", "a section of this page"),
        ("a file", "../_downloads/f.zip", "a file"),
        ("a site", "https://c.org/c.html", "[a site](https://c.org/c.html)"),
    ],
)
def test_without_an_address_a_link_names_the_page_unless_its_words_do(words, address, shown):
    link = nodes.reference("", words, refuri=address)
    blocks, _ = write(nodes.paragraph("", "", link), page=Page(Path(), titles=TITLES))
    assert blocks == [shown]


def test_with_an_address_a_link_names_no_page():
    link = nodes.reference("", "there", refuri="../c.html")
    page = Page(Path(), url="https://book.org/a/b.html", titles=TITLES)
    assert write(nodes.paragraph("", "", link), page=page)[0] == [
        "[there](https://book.org/c.html)"
    ]


def test_what_cannot_be_written_is_named_with_its_line():
    unwritten = nodes.option_list()
    unwritten.line = 12
    blocks, writer = write(unwritten)
    assert blocks == []
    assert writer.unknown == ["line 12: no Markdown for option_list"]


def test_a_code_cell_in_a_list_is_not_lost_in_silence():
    cell = nodes.container(nb_element="cell_code", cell_index=4)
    _, writer = write(nodes.bullet_list("", nodes.list_item("", cell)))
    assert writer.unknown == ["a code cell inside a bullet_list"]
