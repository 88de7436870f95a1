import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbclient import NotebookClient

from bookbuild.downloads.notebook import setup_code
from bookbuild.downloads.offered import notebook_name
from bookbuild.downloads.run_notebooks import run_notebook

SOURCES = Path(__file__).parent / "fixture"


def build(folder, **environment):
    """Build the small book that lies in ``folder/src``."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-n", "-b", "html"]
    run = subprocess.run(
        [*command, "-d", folder / "doctrees", folder / "src", folder / "html"],
        env=os.environ | {"BOOK_URL": ""} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    shutil.copytree(SOURCES, folder / "src")
    return build(folder)


def read(site):
    return nbformat.read(site / "_downloads" / "notebooks" / "everything.ipynb", as_version=4)


@pytest.fixture(scope="module")
def notebook(site):
    return read(site)


def prose(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


@pytest.fixture(scope="module")
def text(notebook):
    return prose(notebook)


def cell_with(notebook, part):
    (cell,) = [cell for cell in notebook.cells if part in cell.source]
    return cell


def test_only_executed_pages_become_notebooks(site):
    assert [p.name for p in site.glob("_downloads/notebooks/*")] == ["everything.ipynb"]


def test_the_notebook_is_valid_and_holds_no_outputs(notebook):
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert not any(cell.get("outputs") for cell in notebook.cells)


def test_the_notebook_runs_from_top_to_bottom_in_an_empty_folder(site, tmp_path):
    run_notebook(site / "_downloads" / "notebooks" / "everything.ipynb", cwd=tmp_path)


def test_every_code_cell_is_there_in_order_also_those_that_the_page_hides(notebook):
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"][1:]
    assert [source.splitlines()[0] for source in code] == [
        "import deepbook",
        "hidden = 1",
        'deepbook.claim("accuracy", a, at_least=0.9)',
        "import base64",
        "two = 1 + 1",
        'print("the end", two, hidden)',
        "last = 3",
    ]


def test_cells_are_folded_as_on_the_page(notebook):
    both = {"source_hidden": True, "outputs_hidden": True}
    drawn, hidden, solved = (
        cell_with(notebook, part).metadata
        for part in ("import base64", "hidden = 1", "two = 1 + 1")
    )
    assert drawn == {"tags": ["hide-input"], "jupyter": {"source_hidden": True}}
    assert hidden == {"tags": ["remove-cell"], "jupyter": both}
    assert solved == {"jupyter": both}
    assert cell_with(notebook, "deepbook.claim(").metadata == {}


def test_the_first_cell_says_where_the_page_is_from_and_what_the_mark_means(notebook):
    first = notebook.cells[0].source
    assert first.startswith("# 1 Everything a page can *hold*\n\nA page of *A small book*,")
    assert "edition 1.0, commit 1234abcd" in first
    assert "42<sup>book</sup> is what the book's own build measured" in first


def test_glued_numbers_are_filled_in_and_marked(text):
    assert "**0.931<sup>book</sup> on the test part**" in text
    assert "half of which is 0.47<sup>book</sup>." in text


def test_the_second_cell_tells_the_package_what_the_book_measured(notebook):
    assert notebook.cells[1].cell_type == "code"
    assert '"accuracy": 0.93128,' in notebook.cells[1].source


def test_a_broken_claim_tells_the_reader_what_the_book_got(notebook, tmp_path):
    changed = nbformat.from_dict(notebook)
    source = "\n".join(c.source for c in changed.cells if c.cell_type == "code")
    source = source.replace("a = 0.93128", "a = 0.5").replace("display(Image", "(Image")
    shown = "from IPython.core.interactiveshell import InteractiveShell as S\nS.instance()\n"
    shown += "from IPython.utils.capture import capture_output\nwith capture_output() as c:\n"
    shown += "".join(f"    {line}\n" for line in source.splitlines())
    shown += "print(*(o.data.get('text/html') for o in c.outputs))"
    environment = {k: v for k, v in os.environ.items() if k != "DEEPBOOK_CLAIMS"}
    run = subprocess.run(
        [sys.executable, "-c", shown],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "does not hold here; the book's build got 0.9313" in run.stdout


def test_equations_carry_their_numbers_and_no_macros(text):
    assert (
        "$$\n\\hat{\\boldsymbol{x}} = \\operatorname{softmax}(\\boldsymbol{x})^{\\mathbb{R}}, "
        "\\qquad \\lVert \\boldsymbol{x} \\rVert > 0 \\tag{1.1}\n$$"
    ) in text
    assert "\\end{aligned} \\tag{1.2}\n$$" in text
    assert "$$\nz = 1 \\tag{1.3}\n$$" in text
    assert "inline $x_i \\in \\mathbb{R}^n$ with" in text


def test_the_numbers_are_those_of_the_page(site, text):
    page = BeautifulSoup((site / "book" / "everything.html").read_text(), "html.parser")
    on_page = [number.get_text() for number in page.select(".eqno")]
    assert [number[:5] for number in on_page] == ["(1.1)", "(1.2)", "(1.3)"]
    for caption in page.select("figcaption"):
        number = caption.select_one(".caption-number").get_text().strip()
        assert f"\n*{number}: " in text


def test_references_are_written_out(text):
    assert (
        "Equation (1.1) is followed by (1.2) and (1.3); section Later and Fig. 1.1 too. "
        "See Another page and the others (“Another page”)."
    ) in text


def test_a_formula_in_a_quotation_stands_on_one_line(text):
    assert "> A note with mathematics:\n>\n> $$n = 1, m > 2$$\n>\n> 1. first\n" in text


def test_boxes_are_quotations_with_a_title(text):
    for start in ("Note", "Try it", "Definition 1.1 (Kernel)", "Algorithm 1.1 (Descent)"):
        assert f"\n> **{start}**\n>\n> " in text
    assert "> **Exercise 1.1 (A title)**\n>\n> Compute $1+1$." in text
    assert "> Proof. Trivial." in text


def test_a_solution_is_folded_before_and_after_its_code(notebook):
    index = notebook.cells.index(cell_with(notebook, "two = 1 + 1"))
    before, after = notebook.cells[index - 1].source, notebook.cells[index + 1].source
    title = "<details>\n<summary><b>Solution to Exercise 1.1 (A title)"
    assert before.endswith(f"{title}</b></summary>\n\nIt is two, as a cell shows.\n\n</details>")
    assert after.startswith(
        f"{title}, continued</b></summary>\n\nAnd a list:\n\n- one\n- two\n\n</details>"
    )


def test_a_figure_travels_inside_the_notebook_with_caption_and_description(notebook):
    cell = cell_with(notebook, "![A static pixel.](attachment:book-pixel.png)")
    assert "\n\n*Fig. 1.2: The pixel, at rest.*" in cell.source
    assert cell.attachments["book-pixel.png"]["image/png"].startswith("iVBORw0KGgo")


def test_the_caption_of_a_drawn_figure_follows_its_cell(notebook):
    index = notebook.cells.index(cell_with(notebook, "import base64"))
    assert notebook.cells[index + 1].source.startswith(
        "*Fig. 1.1: A dot on a _plane_, see $x_1$ and (1.1).*"
    )


def test_lists_tables_notes_and_code_are_plain_markdown(text):
    assert "2. second, with a price \\~5 and 50\\~60\n>    - nested" in text
    assert "| head | $\\vert x \\vert$ |\n| --- | --- |\n| `a\\|b` is code | " in text
    assert "*Table 1.1: Two columns*\n\n| first | second |\n| --- | --- |\n| 1 | 2 |" in text
    assert "\n> A quotation of two lines.\n" in text
    assert "- **Term**: What it means.\n\n  And again." in text
    assert "footnote<sup>1</sup>." in text
    assert "\n<sup>1</sup> The footnote’s *text*." in text
    assert "```python\nnot_executed = True\n```" in text


def test_no_myst_is_left(text):
    for syntax in ("```{", ":::", "{eq}", "{cite", "{ref}", "{numref}", "{glue", ":label:"):
        assert syntax not in text


def test_only_cited_works_are_listed(text):
    assert "Goodfellow *et al.* [2016] says so" in text
    references = text.partition("## References\n\n")[2]
    assert references.startswith("- Ian Goodfellow, Yoshua Bengio, and Aaron Courville. *Deep")
    assert "Training products of experts" in references
    assert "Not cited here" not in references


def test_headings_begin_cells(notebook):
    assert cell_with(notebook, "## 1.1 Later").source.startswith("## 1.1 Later\n")


def test_the_page_offers_its_notebook_and_the_zip(site):
    page = BeautifulSoup((site / "book" / "everything.html").read_text(), "html.parser")
    links = page.select(".dropdown-download-buttons a[download]")
    assert [" ".join(link.get_text().split()) for link in links] == [
        "Notebook (.ipynb)",
        "All notebooks (.zip)",
    ]
    for link in links:
        assert (site / "book" / link["href"]).resolve().is_file()
        assert link["download"] == Path(link["href"]).name


def test_a_page_without_code_offers_no_notebook(site):
    page = BeautifulSoup((site / "book" / "other.html").read_text(), "html.parser")
    assert page.select(".dropdown-download-buttons")
    assert not page.select("a[download]")


def test_the_site_carries_the_package_and_not_what_builds_the_book(site):
    (wheel,) = site.glob("_downloads/deepbook-*-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "deepbook/claims.py" in names
    assert "deepbook/data/registry.toml" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"deepbook"}


def test_the_zip_holds_the_notebooks_the_wheel_and_how_to_use_them(site):
    archive = zipfile.ZipFile(site / "_downloads" / "deepbook-notebooks.zip")
    (wheel,) = site.glob("_downloads/*.whl")
    names = {name.removeprefix("deepbook-notebooks/") for name in archive.namelist()}
    assert names == {"README.txt", "everything.ipynb", wheel.name}
    assert f"pip install {wheel.name}" in archive.read("deepbook-notebooks/README.txt").decode()


def test_two_builds_give_the_same_bytes(site, tmp_path):
    shutil.copytree(SOURCES, tmp_path / "src")
    again = build(tmp_path)
    first, second = (
        {f.relative_to(s): f.read_bytes() for f in s.glob("_downloads/**/*") if f.is_file()}
        for s in (site, again)
    )
    assert len(first) == 3
    assert first == second


@pytest.fixture(scope="module")
def settled(site, tmp_path_factory):
    """A place for a book of one's own, and a copy of what stands there at first.

    Sphinx reads, and executes, again what was copied to another folder: so it is always this one.
    """
    place, first = tmp_path_factory.mktemp("place") / "book", tmp_path_factory.mktemp("first")
    shutil.copytree(site.parent, place)
    build(place)
    shutil.copytree(place, first / "book")
    return place, first / "book"


@pytest.fixture
def own(settled):
    """The folder of a book of one's own."""
    place, first = settled
    shutil.rmtree(place)
    shutil.copytree(first, place)
    return place


def test_with_an_address_the_notebook_gets_the_wheel_there_and_links_work(site, own):
    notebook = read(build(own, BOOK_URL="https://book.org/edition/"))
    (wheel,) = site.glob("_downloads/*.whl")
    address = f'wheel = "https://book.org/edition/_downloads/{wheel.name}"'
    assert address in notebook.cells[1].source
    assert "[*A small book*](https://book.org/edition/book/everything.html)" in prose(notebook)
    assert (
        "See [Another page](https://book.org/edition/book/other.html) and "
        "[the others](https://book.org/edition/book/other.html#other-part)."
    ) in prose(notebook)


def sphinx_writes_again(folder):
    """As Sphinx does with a page that is out of date."""
    page = folder / "html" / "book" / "everything.html"
    os.utime(page, ns=(0, page.stat().st_mtime_ns + 1))


@pytest.fixture
def kept(own):
    """A kept notebook with words that no other has, in a book of one's own."""
    file = own / "doctrees" / "notebooks" / "everything.ipynb"
    file.write_text(file.read_text().replace("A page of", "A kept page of"))
    return file


def test_a_notebook_is_kept_until_its_page_is_written_again(kept, own):
    assert "A kept page of" in prose(read(build(own)))
    sphinx_writes_again(own)
    assert "A kept page of" not in prose(read(build(own)))


def test_a_kept_notebook_names_the_commit_of_today(kept, own):
    conf = own / "src" / "conf.py"
    conf.write_text(conf.read_text().replace("1234abcd", "5678efgh"))
    first = prose(read(build(own)))
    assert "A kept page of" in first
    assert "commit 5678efgh" in first


@pytest.mark.parametrize("damage", ["state.json", "everything.ipynb"])
def test_what_is_kept_may_be_lost(site, kept, own, damage):
    file = kept.with_name(damage)
    before = (site / "_downloads" / "notebooks" / "everything.ipynb").read_bytes()
    if damage == "state.json":
        file.write_text('{"made with')
    else:
        file.unlink()
    again = build(own)
    assert (again / "_downloads" / "notebooks" / "everything.ipynb").read_bytes() == before


def test_names_of_notebooks_tell_the_chapter():
    assert notebook_name("book/feedforward/digits") == "feedforward-digits.ipynb"


def test_a_figure_in_a_notebook_that_ran_is_there_as_svg_and_as_png(tmp_path):
    """Also where the page imports ``deepbook.figures``, which asks for SVG, later on."""
    cells = [
        setup_code("deepbook-0.1.0-py3-none-any.whl", "", {}),
        "import matplotlib.pyplot as plt\nfrom deepbook import figures",
        "plt.plot([1, 2]);",
    ]
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)])
    NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}).execute()
    (output,) = notebook.cells[2].outputs
    assert {"image/svg+xml", "image/png"} < {*output.data}


class TestSetupCell:
    """The first code cell where ``deepbook`` is missing."""

    def run(self, monkeypatch, tmp_path, book_url="", missing=("deepbook",)):
        found, commands = __import__("importlib.util").util.find_spec, []
        monkeypatch.setattr(
            "importlib.util.find_spec", lambda name: None if name in missing else found(name)
        )
        monkeypatch.setattr("subprocess.run", lambda command, check: commands.append(command))
        monkeypatch.chdir(tmp_path)
        exec(setup_code("deepbook-0.1.0-py3-none-any.whl", book_url, {}), {})
        return commands

    def test_without_the_wheel_it_says_what_to_do(self, monkeypatch, tmp_path):
        with pytest.raises(ModuleNotFoundError, match=r"take deepbook-notebooks.zip from .* site"):
            self.run(monkeypatch, tmp_path)

    def test_it_takes_the_wheel_that_lies_beside_the_notebook(self, monkeypatch, tmp_path):
        (tmp_path / "deepbook-0.1.0-py3-none-any.whl").touch()
        (command,) = self.run(monkeypatch, tmp_path, "https://book.org")
        assert command[1:] == ["-m", "pip", "install", "deepbook-0.1.0-py3-none-any.whl"]

    def test_it_takes_the_wheel_from_the_site_that_has_an_address(self, monkeypatch, tmp_path):
        (command,) = self.run(monkeypatch, tmp_path, "https://book.org")
        address = "https://book.org/_downloads/deepbook-0.1.0-py3-none-any.whl"
        assert command == [sys.executable, "-m", "pip", "install", address]

    def test_without_pip_it_names_another_way(self, monkeypatch, tmp_path):
        with pytest.raises(ModuleNotFoundError, match=r"no pip: .* uv pip install --python"):
            self.run(monkeypatch, tmp_path, "https://book.org", ("deepbook", "pip"))

    def test_it_installs_nothing_where_the_package_is(self, monkeypatch, tmp_path):
        assert self.run(monkeypatch, tmp_path, missing=()) == []

    def test_it_sets_one_thread_whatever_the_machine_would_take(self, tmp_path):
        setup = setup_code("deepbook-0.1.0-py3-none-any.whl", "", {"a": 1.5})
        source = f"{setup}\nprint(torch.get_num_threads(), deepbook.claims._book)"
        run = subprocess.run(
            [sys.executable, "-c", source],
            cwd=tmp_path, env=os.environ | {"OMP_NUM_THREADS": "3"},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert run.stdout == "1 {'a': 1.5}\n"
