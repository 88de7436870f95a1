import math

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.formatters import DisplayFormatter
from markdown_it import MarkdownIt
from sphinx.cmd.build import main as sphinx

import deepbook
from bookbuild.project import PACKAGE
from deepbook.tables import Table, table


def cells_of(made):
    """What a reader of the Markdown sees: rows of texts, and the sides they are set to."""
    rendered = MarkdownIt("commonmark").enable("table").render(made.markdown)
    rows = BeautifulSoup(rendered, "html.parser").select("tr")
    texts = [[cell.text for cell in row.select("th, td")] for row in rows]
    sides = [cell.get("style", "").removeprefix("text-align:") for cell in rows[0].select("th")]
    return texts, sides


def body(*rows, **settings):
    texts, _ = cells_of(table([f"c{n}" for n in range(len(rows[0]))], rows, **settings))
    return texts[1:]


def test_text_stands_flush_left_and_numbers_flush_right_in_columns_of_one_width():
    made = deepbook.table(["unit", "slope"], [("relu", 0.0), ("gelu", -0.0853)], formats=".2f")
    assert made.markdown.split("\n") == [
        "| unit | slope |",
        "| :--- | ----: |",
        "| relu |  0.00 |",
        "| gelu | −0.09 |",
    ]
    assert cells_of(made)[1] == ["left", "right"]


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (-3, "", "−3"),
        (-2.5, ".1f", "−2.5"),
        (0.5, "+.1f", "+0.5"),
        (-0.001, ".2f", "0.00"),
        (-0.001, "+.1%", "−0.1%"),
        (0.0, "+.1f", "0.0"),
        (0.01, "", "0.01"),
        (0.875, ".0%", "88%"),
        (12345.6, ",.0f", "12,346"),
        (2.34e-5, ".2g", "2.3×10⁻⁵"),
        (-1e12, ".1e", "−1.0×10¹²"),
        (5.0, ".0e", "5"),
        (math.nan, ".2f", "NaN"),
        (math.inf, ".2f", "∞"),
        (-math.inf, ".2f", "−∞"),
        (None, ".2f", "–"),
        ("a", ".2f", "a"),
    ],
)
def test_each_kind_of_cell_is_written_as_a_reader_expects_it(value, form, text):
    assert body([value], formats=[form]) == [[text]]


def test_tensors_and_numbers_of_numpy_are_numbers():
    row = [torch.tensor(-1.25), torch.tensor([3]), np.float64(0.5), np.int64(7)]
    assert body(row, formats=".2f") == [["−1.25", "3", "0.50", "7"]]
    parameter = torch.nn.Parameter(torch.tensor(1.0))
    assert body([parameter], formats=".1f") == [["1.0"]]


def test_one_format_is_for_what_is_not_whole_and_a_list_has_one_for_each_column():
    row = ["a", 100, 0.25]
    assert body(row, formats=".1f") == [["a", "100", "0.2"]]
    assert body(row, formats=["", ".1f", ".0%"]) == [["a", "100.0", "25%"]]


def test_a_column_with_one_number_stands_flush_right_unless_told_otherwise():
    rows = [("a", None, "none", None), ("b", 1.5, 2, None)]
    heads = ["w", "x", "y", "z"]
    assert cells_of(table(heads, rows))[1] == ["left", "right", "right", "left"]
    assert cells_of(table(heads, rows, align="crlr"))[1] == ["center", "right", "left", "right"]


def test_bold_cells_stand_out():
    made = table(["kind", "score"], [("a", 1.0), ("b", 2.0)], formats=".1f", bold={(1, 1)})
    assert "| **2.0** |" in made.markdown
    assert cells_of(made)[0][2] == ["b", "2.0"]


def test_a_bar_in_a_text_does_not_end_its_cell():
    assert cells_of(table(["|x|", "y"], [("a|b", 1)]))[0] == [["|x|", "y"], ["a|b", "1"]]


words = st.text("ab| -1.", max_size=8).map(str.strip)
numbers = st.floats(-1e6, 1e6) | st.integers(-(10**6), 10**6) | st.none()


@given(st.lists(st.tuples(words, numbers, numbers), min_size=1, max_size=5))
def test_every_cell_comes_back_out_of_the_markdown(rows):
    made = table(["text", "one", "two"], rows, formats=".3f")
    texts, _ = cells_of(made)
    assert [len(row) for row in texts] == [3] * (len(rows) + 1)
    assert [text for text, *_ in texts[1:]] == [text for text, *_ in rows]
    for (_, *shown), (_, *given_) in zip(texts[1:], rows, strict=True):
        for text, number in zip(shown, given_, strict=True):
            read = None if text == "–" else float(text.replace("−", "-"))
            assert read == (number if number is None else pytest.approx(number, abs=5.1e-4))
    # unrendered it is a table too: the bars stand below each other
    assert len({len(line) for line in made.markdown.split("\n")}) == 1


@pytest.mark.parametrize(
    ("arguments", "settings", "error", "message"),
    [
        (("ab", [(1, 2)]), {}, ValueError, r"expected a sequence of one head or more, got 'ab'"),
        (([], [()]), {}, ValueError, r"one head or more, got \[\]"),
        ((["a"], []), {}, ValueError, r"one row or more, got none"),
        (
            (["a", "b"], [(1, 2), (3,)]),
            {},
            ValueError,
            r"expected 2 cells in a row.*got 1 in row 1: \[3\]",
        ),
        ((["a"], [("x\ny",)]), {}, ValueError, r"without a line break.*'x\\ny'"),
        ((["a"], [(1,)]), {"formats": ["", ""]}, ValueError, r"expected 1 formats"),
        ((["a"], [(1,)]), {"align": "lr"}, ValueError, r"expected 1 letters of l, r and c"),
        ((["a"], [(1,)]), {"align": "x"}, ValueError, r"letters of l, r and c, got 'x'"),
        ((["a"], [(1,)]), {"bold": [(1, 0)]}, ValueError, r"among 1 rows and 1 columns"),
        ((["a"], [(torch.zeros(2),)]), {}, TypeError, r"cell 0 of row 0: expected one number"),
        ((["a"], [(1,), (1j,)]), {}, TypeError, r"cell 0 of row 1: expected text, a number"),
        ((["a"], [(True,)]), {}, TypeError, r"expected text, a number or None, got True"),
        ((["a"], [([1],)]), {}, TypeError, r"expected text, a number or None, got \[1\]"),
    ],
)
def test_what_makes_no_table_is_refused_with_what_was_expected(arguments, settings, error, message):
    with pytest.raises(error, match=message):
        table(*arguments, **settings)


def test_a_notebook_is_given_markdown_and_the_same_as_plain_text():
    made = table(["n"], [(1,)])
    data, _ = DisplayFormatter().format(made)
    assert isinstance(made, Table)
    assert data == {"text/plain": made.markdown, "text/markdown": made.markdown}
    assert str(made) == made.markdown


PAGE = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---
# Page

```{code-cell} ipython3
import deepbook
deepbook.table(["$\\\\beta$", "*cost*"], [("|a|", -1.5), ("b", None)], formats=".2f")
```
"""


def test_the_site_shows_a_table_under_the_book_s_settings(tmp_path):
    settings = (PACKAGE.parent.parent / "_config.yml").read_text("utf-8")
    assert "nb_render_markdown_format: myst" in settings
    (tmp_path / "conf.py").write_text(
        "extensions = ['myst_nb']\nhtml_theme = 'basic'\nnb_execution_mode = 'force'\n"
        "nb_execution_raise_on_error = True\nnb_render_markdown_format = 'myst'\n"
        "myst_enable_extensions = ['dollarmath']\n"
    )
    (tmp_path / "index.md").write_text(PAGE)
    assert sphinx(["-q", "-W", "-n", str(tmp_path), str(tmp_path / "out")]) == 0
    page = BeautifulSoup((tmp_path / "out" / "index.html").read_text(), "html.parser")
    shown = page.select_one(".cell_output table")
    assert [cell.text for cell in shown.select("td")] == ["|a|", "−1.50", "b", "–"]
    assert shown.select_one("th .math") is not None
    assert shown.select_one("th em").text == "cost"
    right = [cell.text for cell in shown.select("td.text-right, th.text-right")]
    assert right == ["cost", "−1.50", "–"]
