"""Forty formulas, with the macros of the book and in the theme of the book, in a browser."""

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup
from fontTools.ttLib import TTFont

ROOT = Path(__file__).parents[3]
CONF = f"""
extensions = ["myst_nb", "bookbuild.extensions.mathml"]
html_theme = "sphinx_book_theme"
html_static_path = [{str(ROOT / "book/_static")!r}]
numfig = True
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_update_mathjax = False
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The page of formulas and the notation page, built."""
    folder = tmp_path_factory.mktemp("formulas")
    macros = yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]["config"]["mathml_macros"]
    (folder / "conf.py").write_text(f"{CONF}mathml_macros = {macros!r}\n")
    formulas = (ROOT / "tests/bookbuild/extensions/formulas.md").read_text()
    (folder / "index.md").write_text(f"{formulas}\n```{{toctree}}\nnotation\n```\n")
    notation = (ROOT / "book/notation.md").read_text()
    (folder / "notation.md").write_text(re.sub(r"\{cite:t\}`\w+`", "Goodfellow", notation))
    command = "-q -n -W --keep-going -b html . out".split()
    subprocess.run([sys.executable, "-m", "sphinx", *command], cwd=folder, check=True, timeout=600)
    return folder / "out"


@pytest.fixture(scope="module", params=[1200, 390])
def view(request, browser, site):
    """The page of formulas, scripts off and offline, on a wide and on a narrow screen."""
    context = browser.new_context(
        viewport={"width": request.param, "height": 900}, java_script_enabled=False, offline=True
    )
    page = context.new_page()
    page.goto((site / "index.html").as_uri())
    page.evaluate("document.fonts.load('16px \"Deepbook Math\"')")
    yield page
    context.close()


def heights(page, selector: str) -> list[float]:
    """Heights in pixels of all elements that match."""
    return page.evaluate(
        "s => [...document.querySelectorAll(s)].map(e => e.getBoundingClientRect().height)",
        selector,
    )


def test_there_are_forty_formulas_numbered_without_a_gap():
    text = (ROOT / "tests/bookbuild/extensions/formulas.md").read_text()
    assert [int(n) for n in re.findall(r"(?:^|\s)(\d+)\\?\. ", text)] == list(range(1, 41))


@pytest.mark.parametrize("name", ["index", "notation"])
def test_the_font_has_every_character_of_every_formula(site, name):
    page = BeautifulSoup((site / f"{name}.html").read_text(), "html.parser")
    for annotation in page.find_all("annotation"):
        annotation.extract()
    characters = set("".join(html.unescape(m.text) for m in page.find_all("math")))
    font = TTFont(ROOT / "book/_static/fonts/deepbook-math.woff2").getBestCmap()
    # variation selectors choose between two scripts where a font has both; ours has one
    invisible = set("\ufe00\ufe01")
    assert {c for c in characters if ord(c) not in font} - invisible == set()


@pytest.mark.browser
def test_nothing_in_a_formula_is_an_error_or_a_command(view):
    assert view.locator("merror").count() == 0
    assert view.locator("div.formula").count() == 33
    visible = view.evaluate(
        "[...document.querySelectorAll('math *:not(annotation)')]"
        ".filter(e => !e.children.length).map(e => e.textContent).join(' ')"
    )
    assert "\\" not in visible.replace("∖", "")


@pytest.mark.browser
def test_the_font_is_loaded_and_used(view):
    assert view.evaluate("document.fonts.check('16px \"Deepbook Math\"')")
    assert view.evaluate("[...document.fonts].some(f => f.family.includes('Deepbook Math') "
                         "&& f.status == 'loaded')")  # fmt: skip
    family = view.evaluate("getComputedStyle(document.querySelector('mi')).fontFamily")
    assert family.startswith('"Deepbook Math"')


@pytest.mark.browser
def test_every_formula_has_a_real_size(view):
    boxes = view.evaluate(
        "[...document.querySelectorAll('math')].map(m => m.getBoundingClientRect())"
        ".map(r => [r.width, r.height])"
    )
    assert len(boxes) == 59
    assert all(width > 0 and height > 0 for width, height in boxes)
    assert min(heights(view, "div.formula math")) > 15


@pytest.mark.browser
def test_a_fraction_on_its_own_line_is_taller_than_one_in_a_sentence(view):
    inline = heights(view, "span.formula mfrac")
    display = heights(view, "div.formula > .formula-scroll > math > semantics > mrow > mfrac")
    assert inline
    assert display
    assert max(inline) < 30 < min(display)


@pytest.mark.browser
def test_brackets_are_as_high_as_their_matrix(view):
    pairs = view.evaluate(
        "[...document.querySelectorAll('mo + mtable')].filter(t => t.nextElementSibling)"
        ".map(t => [t, t.previousElementSibling].map(e => e.getBoundingClientRect().height))"
    )
    assert len(pairs) >= 5
    assert all(bracket >= 0.85 * matrix for matrix, bracket in pairs)
    assert max(bracket for _, bracket in pairs) > 90


@pytest.mark.browser
def test_brackets_and_roots_grow_with_what_they_hold(view):
    fences = view.evaluate(
        "[...document.querySelectorAll('mrow > mo:first-child + mfrac')]"
        ".filter(f => '([{‖⌊⟨'.includes(f.previousElementSibling.textContent)).map("
        "f => [f, f.previousElementSibling].map(e => e.getBoundingClientRect().height))"
    )
    assert len(fences) >= 5
    assert all(bracket >= 0.85 * fraction for fraction, bracket in fences)
    roots = view.evaluate(
        "[...document.querySelectorAll('msqrt')].map("
        "r => [r, r.firstElementChild].map(e => e.getBoundingClientRect().height))"
    )
    assert roots
    assert all(root > inside for root, inside in roots)


@pytest.mark.browser
def test_primes_and_indices_take_their_small_forms(view):
    assert (
        view.evaluate(
            "getComputedStyle(document.querySelector('msup > :nth-child(2)')).fontFeatureSettings"
        )
        == '"ssty"'
    )


@pytest.mark.browser
def test_the_page_never_scrolls_sideways_but_a_wide_formula_does(view):
    root = "document.documentElement"
    assert view.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")
    wide = view.locator(".formula-scroll").last
    assert wide.evaluate("e => e.scrollWidth > e.clientWidth")
    number = view.locator("div.formula .eqno").last
    before = number.bounding_box()
    assert before["x"] + before["width"] <= view.viewport_size["width"]
    wide.evaluate("e => e.scrollTo(1000, 0)")
    assert wide.evaluate("e => e.scrollLeft > 0")
    assert number.bounding_box() == before


@pytest.mark.browser
def test_the_keyboard_reaches_a_formula_only_where_it_scrolls(view):
    scrolls = view.evaluate(
        "[...document.querySelectorAll('.formula-scroll')].map(e => e.scrollWidth > e.clientWidth)"
    )
    focused = view.evaluate(
        "[...document.querySelectorAll('.formula-scroll')].map("
        "e => (e.focus(), document.activeElement === e))"
    )
    assert any(scrolls)
    assert not all(scrolls)
    assert focused == scrolls
