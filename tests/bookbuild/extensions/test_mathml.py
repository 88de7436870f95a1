import re
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from bookbuild.extensions.mathml import to_mathml

CONF = """
extensions = ["myst_nb", "bookbuild.extensions.mathml"]
html_theme = "basic"
html_static_path = []
nb_execution_mode = "off"
numfig = True
numfig_secnum_depth = 1
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_update_mathjax = False
mathml_macros = {"vx": r"\\boldsymbol{x}", "norm": [r"\\left\\Vert #1 \\right\\Vert", 1]}
"""


def build(folder: Path, **pages: str) -> subprocess.CompletedProcess:
    """Write the pages that are given, then build all with warnings as errors."""
    folder.mkdir(exist_ok=True)
    (folder / "conf.py").write_text(CONF)
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text)
    command = [*"-q -n -W --keep-going -b html".split(), str(folder), str(folder / "out")]
    return subprocess.run(
        [sys.executable, "-m", "sphinx", *command], capture_output=True, text=True, timeout=600
    )


def page(folder: Path, name: str) -> BeautifulSoup:
    return BeautifulSoup((folder / "out" / f"{name}.html").read_text(), "html.parser")


def number(formula) -> str | None:
    eqno = formula.find(class_="eqno")
    found = re.match(r"\([\d.]+\)", eqno.text) if eqno else None
    return found[0] if found else None


ONE = r"""# One

Inline $\vx_i$, and (see $\norm{\frac{\vx}{2}}$), with {eq}`eq-far` and {eq}`eq-here`.

```{math}
:label: eq-here
a < b
```

\begin{align}
a &= b \\
c &= d \label{eq-align}
\end{align}

\begin{gather}
not \\ numbered
\end{gather}

$$
\begin{equation} e = f \end{equation}
$$ (eq-wrapped)

$$ alone $$

{eq}`eq-align` {eq}`eq-wrapped`
"""
TWO = r"""# Two

$$ x $$ (eq-first)

$$ y $$ (eq-far)

{eq}`eq-align` and {eq}`eq-far`
"""
INDEX = """# Start

```{toctree}
:numbered:
one
two
```
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book") / "src"
    result = build(folder, index=INDEX, one=ONE, two=TWO)
    assert result.returncode == 0, result.stderr
    return folder


def test_numbers_stand_beside_labelled_equations_only(book):
    numbers = [number(f) for f in page(book, "one").find_all("div", class_="formula")]
    assert numbers == ["(1.1)", "(1.2)", None, "(1.3)", None]
    assert [number(f) for f in page(book, "two").find_all("div", class_="formula")] == [
        "(2.1)",
        "(2.2)",
    ]


@pytest.mark.parametrize("name", ["one", "two"])
def test_a_reference_shows_the_number_that_stands_where_it_leads(book, name):
    references = page(book, name).select("p a.reference")
    assert len(references) == {"one": 4, "two": 2}[name]
    for reference in references:
        file, _, anchor = reference["href"].partition("#")
        target = page(book, Path(file).stem if file else name).find(id=anchor)
        assert number(target if target.name == "div" else target.find_next("div")) == reference.text


def test_the_number_links_to_its_equation(book):
    formula = page(book, "two").find("div", class_="formula")
    assert formula["id"] == "equation-eq-first"
    assert formula.find("a", class_="headerlink")["href"] == "#equation-eq-first"


def test_an_environment_is_numbered_once_and_not_by_its_rows(book):
    formula = page(book, "one").find(id="equation-eq-align")
    assert len(formula.find_all("mtr")) == 2
    assert "(1" not in formula.find("mtable").text


def test_labels_are_not_random(book):
    assert not re.search("equation-[0-9a-f]{8}-", str(page(book, "one")))


def test_macros_are_expanded_with_their_arguments(book):
    inline = page(book, "one").find_all("span", class_="formula")
    assert inline[0].find("msub").find("mi").text == "𝒙"
    assert [mo.text for mo in inline[1].find_all("mo")] == ["‖", "‖"]
    assert inline[1].find("mfrac")


def test_the_tex_is_kept_to_be_copied_without_macros(book):
    annotations = page(book, "one").find_all("annotation", encoding="application/x-tex")
    assert annotations[0].text == r"\boldsymbol{x}_i"
    assert annotations[2].text == "a < b"
    assert len(annotations) == len(page(book, "one").find_all("math"))


def test_punctuation_stays_with_the_formula_in_the_sentence(book):
    first, second = page(book, "one").find_all("span", class_="formula")
    first.math.extract()
    second.math.extract()
    assert first.text == ","
    assert second.text == "),"


def test_no_page_loads_mathjax(book):
    for file in (book / "out").glob("*.html"):
        assert "mathjax" not in file.read_text().lower()
        assert "mathml.css" in file.read_text()


def test_a_formula_that_cannot_be_set_fails_every_build_until_it_is_mended(tmp_path):
    folder = tmp_path / "src"
    broken = "# Start\n\nWords.\n\nMore $x$ and\nthen $\\foo{x}$.\n\n$$\nfine\n$$\n"
    first = build(folder, index=broken)
    assert first.returncode != 0
    assert re.search(
        r"index\.md:[56]: ERROR: .*Unknown command \"\\foo\": \\foo\{x\}", first.stderr
    )
    assert build(folder).returncode != 0
    mended = build(folder, index=broken.replace(r"\foo", r"\sqrt"))
    assert mended.returncode == 0, mended.stderr


def test_the_line_of_a_broken_display_is_named(tmp_path):
    broken = "# Start\n\nWords.\n\n```{math}\n:label: eq-x\n\\foo\n```\n"
    assert "index.md:5: ERROR" in build(tmp_path / "src", index=broken).stderr


def test_two_labels_in_one_environment_fail(tmp_path):
    text = "# Start\n\n\\begin{align}\na \\label{x} \\\\\nb \\label{y}\n\\end{align}\n"
    result = build(tmp_path / "src", index=text)
    assert result.returncode != 0
    assert "index.md:3: ERROR: one number for one equation, but several labels: x, y" in (
        result.stderr
    )


def test_a_wrong_macro_stops_the_build(tmp_path):
    folder = tmp_path / "src"
    build(folder, index="# Start\n")
    (folder / "conf.py").write_text(
        'extensions = ["bookbuild.extensions.mathml"]\nmathml_macros = {"1": "x"}'
    )
    command = [sys.executable, "-m", "sphinx", "-b", "html", folder, folder / "out"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert result.returncode != 0
    assert "mathml_macros: macro '1': expected a name of letters" in result.stderr


@pytest.mark.parametrize(
    ("tex", "message"),
    [
        (r"\unknown", r'Unknown command "\\unknown"'),
        (r"\text{\unknown}", r'Unknown command "\\unknown"'),
        (r"\operatorname{\unknown}", r'Unknown command "\\unknown"'),
        (r"\begin{split}a\end{split}", 'Unknown environment "split"'),
        (r"\frac{a", "Expected closing token"),
        (r"a \\ b", "outside an environment"),
        (r"\begin{equation} a \\ b \end{equation}", "outside an environment"),
        ("a\n\nb", "blank line"),
        ("  ", "it is empty"),
        (r"\eqref{x}", "with {eq}"),
        (r"\begin{align} a \tag{3} \end{align}", "Sphinx numbers equations"),
        (r"\begin{multline} a \end{multline}", "use align"),
        (r"a \label{x}", "label"),
        (r"\boxed{x}", "no boxes"),
        (r"\boldsymbol{1}", "not make it bold"),
        (r"\bm{\mathsf{X}}", "not make it bold"),
        (r"\vec{x}", "vectors are bold"),
    ],
)
def test_what_would_come_out_wrong_is_refused(tex, message):
    with pytest.raises(ValueError, match=message):
        to_mathml(tex, display=True)


def test_a_line_break_inside_an_environment_is_kept():
    mathml = to_mathml(r"\begin{aligned} a \\ b \end{aligned}", display=True)
    assert mathml.count("<mtr>") == 2
