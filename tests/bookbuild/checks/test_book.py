"""Each rule is broken once on a small book, and has to name file and line."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from bookbuild.checks.book import (
    Finding,
    check_before,
    check_outputs,
    check_page_outputs,
    check_site,
)
from bookbuild.checks.citations_and_spelling import Spelling
from bookbuild.checks.links import _parse, check_links
from bookbuild.execution.experiment import experiment_of
from bookbuild.execution.store import Record, Store, claims_in
from bookbuild.extensions.goodfellow import CHAPTERS, check_sections, subjects
from bookbuild.page_source import read_page
from bookbuild.project import BuildFailed, Project
from bookbuild.room.record import SEEDS, RoomRecord, room_file
from deepbook.data import registry

PAGE = "book/chapter/page"
FILE = f"{PAGE}.md"
MISSPELLED = "t" + "eh"  # in two, for this file is checked too
MEASURED = {"accuracy": 0.9438, "loss": 0.25317, "table": 1.2345}

GOOD = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
sections: ["6.1"]
---

# A page

*Why?*

After {cite:t}`somebody2020`, on a line as in

```{math}
:label: eq-line
y = a x
```

```{code-cell} ipython3
claim(accuracy)
```

It is {glue:text}`accuracy:.1%`.

```{code-cell} ipython3
---
mystnb:
  figure:
    caption: A disc.
    name: fig-disc
  image:
    alt: A black disc on a white ground.
---
draw()
```

```{exercise-start}
:label: ex-one
```
One?
```{exercise-end}
```

```{solution-start} ex-one
:class: dropdown
```
```{code-cell} ipython3
print(table)
```
```{solution-end}
```

```{exercise-start}
:label: ex-two
```
Two?
```{exercise-end}
```

````{solution} ex-two
Two.
````

````{exercise}
:label: ex-three
Three?
````

````{solution} ex-three
Three.
````
"""

BIBLIOGRAPHY = """@string{acm = {ACM}}

@article{somebody2020,
  title = {Something},
}
"""

TOC = """format: jb-book
root: book/index
chapters:
  - file: book/chapter/page
"""


def run_cell(source: str) -> list[nbformat.NotebookNode]:
    """The outputs of a cell in this file's small language."""
    call = re.fullmatch(r"(\w+)\((\S*)\).*", source, re.DOTALL)
    assert call is not None
    word, name = call.groups()
    if word == "print":
        return [nbformat.v4.new_output("stream", text=f"tensor([{MEASURED[name]}, 7.])\n")]
    if word == "draw":
        data = {"image/svg+xml": "<svg></svg>", "text/plain": "<Figure of 7.25 inches>"}
        return [nbformat.v4.new_output("display_data", data)]
    metadata = {"scrapbook": {"name": name, "mime_prefix": ""}}
    if word in ("claim", "broken"):
        value, holds = MEASURED[name], word == "claim"
        claim = {"name": name, "value": value, "bound": "at least 0.9", "holds": holds}
        claim |= {"low": 0.9, "high": None}
        metadata["deepbook"] = {"claim": claim}
    data = {"text/plain": str(MEASURED[name])}
    return [nbformat.v4.new_output("display_data", data, metadata=metadata)]


class SmallBook:
    """A book of one page, whose faults are planted by ``edit``."""

    def __init__(self, root: Path):
        self.project = Project(root)
        (root / "book" / "chapter").mkdir(parents=True)
        (root / "_toc.yml").write_text(TOC)
        (root / "book/index.md").write_text("# A book\n")
        (root / "book/references.bib").write_text(BIBLIOGRAPHY)
        (root / FILE).write_text(GOOD)
        self.report = {"pages": {PAGE: {"reference_seconds": 3.0}}}
        self.fetched: dict[str, str] = {}  # data that the page fetches when it is executed
        shutil.copytree(root / "book", self.project.work / "html")

    def edit(self, old: str, new: str, file: str = FILE) -> None:
        path = self.project.root / file
        assert path.read_text().count(old) == 1, old
        path.write_text(path.read_text().replace(old, new))

    def add(self, text: str) -> int:
        """Put a paragraph behind the page's end, and tell its line."""
        path = self.project.source(PAGE)
        path.write_text(f"{path.read_text()}\n{text}\n")
        return path.read_text().count("\n") - text.count("\n")

    def line(self, start: str) -> int:
        """The first line that starts so."""
        lines = self.project.source(PAGE).read_text().split("\n")
        return next(number for number, line in enumerate(lines, start=1) if line.startswith(start))

    def execute(self, skip: str = "") -> None:
        notebook = self.project.notebook(PAGE)
        for cell in notebook.cells:
            if cell.cell_type == "code" and cell.source != skip:
                cell.outputs, cell.execution_count = run_cell(cell.source), 1
        store = Store(self.project)
        probe = json.dumps({"modules": [], "data": self.fetched})
        ran_with = store.surroundings.describe(notebook, probe)
        store.put(PAGE, notebook, Record(ran_with, 3.0, 3.0, float("nan"), ""))
        experiment = experiment_of(notebook)
        runs = {claim["name"]: [claim] * SEEDS for claim in claims_in(notebook)}
        record = RoomRecord(
            experiment.code, experiment.bounds, {}, {}, [1000 * (n + 1) for n in range(SEEDS)], runs
        )
        record.write(room_file(self.project, PAGE))

    def findings(self) -> list[Finding]:
        self.execute()
        found = [*self.sources(), *check_site(self.project)]
        return sorted(found, key=lambda finding: (finding.file, finding.line))

    def sources(self) -> list[Finding]:
        """What is found before and after executing."""
        return [*check_before(self.project), *self.outputs()]

    def outputs(self) -> list[Finding]:
        return check_outputs(Store(self.project), self.report)

    def found(self) -> list[str]:
        return [str(finding) for finding in self.findings()]


@pytest.fixture
def spelled(tmp_path) -> SmallBook:
    """A book whose words are looked up, by a process that is started for it."""
    return SmallBook(tmp_path / "small")


@pytest.fixture
def small(spelled, monkeypatch) -> SmallBook:
    """A book for the rules that have nothing to do with spelling."""
    monkeypatch.setattr("bookbuild.checks.book.Spelling", lambda project, _: Spelling(project, []))
    return spelled


def test_nothing_is_found_in_a_book_that_keeps_the_rules(spelled):
    assert spelled.found() == []


def test_a_finding_reads_as_compilers_write_it():
    finding = Finding("book/feedforward/digits.md", 41, "message")
    assert str(finding) == "book/feedforward/digits.md:41: message"
    assert finding.severity == "error"


# figures

ALT = "    alt: A black disc on a white ground.\n"
CELL = "```{code-cell} ipython3\n---"


def figure_line(small):
    return small.project.source(PAGE).read_text().partition(CELL)[0].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  image:\n" + ALT, "", "the figure has no alternative text (mystnb: image: alt)"),
        (ALT, "    width: 90%\n", "the figure has no alternative text (mystnb: image: alt)"),
        (ALT, "    alt: disc.PNG\n", "the figure has a name as alternative text: 'disc.PNG'"),
        (ALT, "    alt: fig-disc\n", "the figure has a name as alternative text: 'fig-disc'"),
        (ALT, "    alt: a  disc\n", "the figure has its caption as alternative text"),
        ("    caption: A disc.\n", "", "the figure has no caption (mystnb: figure: caption)"),
        ("    name: fig-disc\n", "", "the figure has no name (mystnb: figure: name)"),
    ],
)
def test_a_figure_needs_caption_name_and_a_text_that_says_what_is_to_be_seen(
    small, old, new, message
):
    small.edit(old, new)
    (found,) = small.found()
    assert found.startswith(f"{FILE}:{figure_line(small)}: {message}")


def test_a_picture_that_the_page_does_not_show_needs_no_caption(small):
    small.add("```{code-cell} ipython3\n:tags: [remove-output]\ndraw()\n```")
    assert small.found() == []


# data


@pytest.mark.parametrize("user", ["pages", "benchmarks", "no page yet"])
def test_a_page_that_fetches_data_which_no_build_brings_before_is_found(small, monkeypatch, user):
    data = replace(registry.entry("mnist-5k"), name="digits", used_by=user)
    monkeypatch.setattr(registry, "_entries", lambda: {"digits": data})
    small.fetched = {"digits": data.sha256}
    message = (
        f"the page fetches digits, which the registry of data marks as used by {user}: "
        "no build brings it before the first page runs"
    )
    expected = [] if user == "pages" else [Finding(FILE, 1, message, "strict")]
    assert small.findings() == expected
    assert check_page_outputs(Store(small.project), PAGE) == expected


# exercises and solutions


def test_an_exercise_without_solution_is_found(small):
    small.edit("````{solution} ex-three\nThree.\n````\n", "")
    assert small.found() == [
        f"{FILE}:{small.line('````{exercise}')}: the exercise ex-three has no solution"
    ]


def test_an_exercise_without_label_is_found(small):
    small.edit(":label: ex-three\n", "")
    exercise, solution = small.found()
    assert exercise.startswith(f"{FILE}:{small.line('````{exercise}')}: the exercise has no label")
    assert "the solution names no exercise of this page: 'ex-three'" in solution


def test_a_solution_of_an_exercise_that_the_page_does_not_have_is_found(small):
    small.edit("{solution-start} ex-one", "{solution-start} ex-won")
    one, won = small.found()
    assert one.endswith("the exercise ex-one has no solution")
    line = small.line("```{solution-start}")
    assert won == f"{FILE}:{line}: the solution names no exercise of this page: 'ex-won'"


def test_a_cell_of_a_solution_that_did_not_run_is_found(small):
    small.execute(skip="print(table)")
    (found,) = small.sources()
    assert found == Finding(
        FILE, small.line("print(table)") - 1, "this cell of a solution did not run"
    )


def test_a_cell_outside_of_solutions_need_not_run(small):
    small.add("```{code-cell} ipython3\nprint(loss)\n```")
    small.execute(skip="print(loss)")
    assert small.sources() == []


def test_a_page_of_a_chapter_has_at_least_three_exercises(small):
    small.edit("````{solution} ex-three\nThree.\n````\n", "")
    small.edit("````{exercise}\n:label: ex-three\nThree?\n````\n", "")
    assert small.found() == [f"{FILE}:1: the page has 2 exercises, expected at least 3"]


# claims, figure and equation


def test_code_that_is_not_folded_fits_a_telephone(small):
    line = small.add("```{code-cell} ipython3\nprint(loss)\nprint(table)  # " + 45 * "x" + "\n```")
    (found,) = check_before(small.project)
    message = "line 2 of this cell has 61 columns, expected at most 60 in a cell that is not folded"
    assert found == Finding(FILE, line, message)
    small.edit("\nprint(loss)\nprint(table)", "\n:tags: [hide-input]\nprint(loss)\nprint(table)")
    assert check_before(small.project) == []


@pytest.mark.parametrize("call", ["deepbook.claim('a', 1, at_least=0)", "deepbook.glue('a', 1)"])
def test_claims_stand_in_folded_cells(small, call):
    line = small.add(f"```{{code-cell}} ipython3\n{call}\n```")
    (found,) = check_before(small.project)
    assert found.line == line
    assert found.message.startswith("claim and glue stand in cells of their own, folded")
    small.edit(f"\n{call}", f"\n:tags: [hide-input]\n{call}")
    assert check_before(small.project) == []


def test_a_page_of_a_chapter_begins_with_its_question(small):
    small.edit("*Why?*\n\n", "")
    (found,) = check_before(small.project)
    message = "the page does not begin with the question that it asks"
    assert found == Finding(FILE, small.line("After"), message)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ("", 'the page names no sections of Goodfellow (sections: ["6.1"])'),
        ('sections: "6.1"\n', 'expected sections: ["18.1", "18.2"], got \'6.1\''),
        ("sections: [6.1]\n", 'expected sections: ["18.1", "18.2"], got [6.1]'),
        ('sections: ["6.1", "6.7"]\n', "Goodfellow has no section 6.7"),
        ('sections: ["20.15.1", "20.16"]\n', "Goodfellow has no section 20.16"),
    ],
)
def test_a_page_of_a_chapter_says_of_which_sections_it_is(small, sections, message):
    small.edit('sections: ["6.1"]\n', sections)
    (found,) = check_before(small.project)
    assert str(found) == f"{FILE}:{4 if sections else 1}: {message}"


def test_a_section_outside_of_the_planned_chapters_may_be_named(small):
    small.edit('["6.1"]', '["2.1", "6", "6.2.2", "13.4"]')
    assert check_before(small.project) == []


def test_a_book_with_all_chapters_has_a_page_for_every_section():
    texts = {f"book/{chapter}/index": "# A chapter\n" for chapter in CHAPTERS}
    missing = list(check_sections(texts))
    assert [f.severity for f in missing] == ["strict"] * len(subjects())
    assert str(missing[0]) == (
        "_toc.yml:1: no page is about Goodfellow's section 6.1 (XOR, learned)"
    )
    whole = '---\nsections: ["6", "7", "8", "9", "10", "11", "12", "14", "16", "17", "18"]\n---\n'
    texts["book/a"] = whole
    parts = [*(f"19.{n}.1" for n in range(1, 6)), *(f"20.{n}" for n in range(1, 15))]
    texts["book/b"] = f"---\nsections: {json.dumps(parts)}\n---\n"
    assert [f.message[:46] for f in check_sections(texts)] == [
        "no page is about Goodfellow's section 20.15 (I"
    ]
    del texts["book/sequence/index"]
    assert list(check_sections(texts)) == []


def test_a_broken_claim_is_found(small):
    small.edit("claim(accuracy)", "broken(accuracy)")
    line = small.line("broken(accuracy)") - 1
    message = "the claim accuracy does not hold: promised at least 0.9, got 0.9438"
    assert small.found() == [f"{FILE}:{line}: {message}"]


def test_a_name_that_is_claimed_twice_is_found(small):
    first = small.line("claim(accuracy)") - 1
    line = small.add("```{code-cell} ipython3\nclaim(accuracy)  # again\n```")
    assert small.found() == [f"{FILE}:{line}: accuracy is claimed at line {first} already"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("claim(accuracy)", "glue(accuracy)", "the page claims nothing (deepbook.claim)"),
        (":label: eq-line\n", "", "the page has no numbered equation (math with a label)"),
        ("draw()", "print(table)", "the page has no figure"),
    ],
)
def test_a_page_of_a_chapter_has_a_claim_a_numbered_equation_and_a_figure(small, old, new, message):
    small.edit(old, new)
    assert small.found() == [f"{FILE}:1: {message}"]


def test_an_equation_between_dollars_counts_when_it_has_a_label(small):
    small.edit("```{math}\n:label: eq-line\ny = a x\n```", "$$ y = a x $$ (eq-line)")
    assert small.found() == []


def test_a_page_without_cells_in_a_chapter_is_held_to_the_same(small):
    small.project.source(PAGE).write_text("# A page\n\nAfter {cite:t}`somebody2020`.\n")
    found = [finding.message for finding in small.sources()]
    assert len(found) == 6
    assert "the page claims nothing (deepbook.claim)" in found


def test_a_page_outside_of_chapters_needs_none_of_these(small):
    small.edit("chapter/page", "page", file="_toc.yml")
    text = "# A page\n\nAfter {cite:t}`somebody2020`.\n"
    (small.project.root / "book/page.md").write_text(text)
    assert small.sources() == []


def test_a_page_that_was_not_executed_is_found(small):
    (found,) = small.sources()
    assert str(found) == f"{FILE}:1: the page has to be executed: it was never executed"


def test_a_cell_that_cannot_be_read_is_found(small):
    small.execute()
    small.edit("  figure:\n", "  figure: [\n")
    (found,) = check_before(small.project)
    assert re.search(r"line \d+ could not be read", found.message)
    assert small.outputs() == [found]


# numbers typed by hand


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("It reads 0.944 of them.", "0.944 {}: write {{glue:text}}`accuracy:.3f`"),
        ("It reads\n0.94 of them.", "0.94 {}: write {{glue:text}}`accuracy:.2f`"),
        ("It reads **94.4** % of them.", "94.4 {}: write {{glue:text}}`accuracy:.1%`"),
        ("| 1 |\n| - |\n| −0.9438 |", "0.9438 {}: write {{glue:text}}`accuracy:.4f`"),
        (":::{note}\nIt is 94.38.\n:::", "94.38 {}: write {{glue:text}}`accuracy:.2%`"),
    ],
)
def test_a_number_typed_by_hand_that_a_cell_glues_is_found(small, text, advice):
    line = small.add(text)
    line += next(n for n, part in enumerate(text.split("\n")) if re.search(r"\.\d", part))
    cell = small.line("claim(accuracy)") - 1
    measured = f"is typed by hand, and the cell at line {cell} measures it"
    assert small.found() == [f"{FILE}:{line}: {advice.format(measured)}"]


@pytest.mark.parametrize(
    ("typed", "severity"), [("0.9438", "strict"), ("0.944", "warning"), ("94.4 %", "warning")]
)
def test_three_digits_may_meet_by_chance_and_four_fail_a_strict_build(small, typed, severity):
    small.add(f"And {typed} by hand.")
    (found,) = small.findings()
    assert found.severity == severity


def test_a_number_typed_by_hand_that_a_cell_prints_is_found(small):
    line = small.add("So the sum is 1.23 in the end.")
    cell = small.line("print(table)") - 1
    (found,) = small.found()
    assert found.startswith(f"{FILE}:{line}: 1.23 is typed by hand, and the cell at line {cell} ")
    assert found.endswith("(1.2345): glue it")


def test_the_advice_names_what_is_glued_before_what_is_printed(small):
    small.add("```{code-cell} ipython3\nprint(loss)\n```")
    small.add("```{code-cell} ipython3\nglue(loss)\n```")
    small.add("It falls to 0.253.")
    (found,) = small.found()
    assert found.endswith("write {glue:text}`loss:.3f`")


def test_what_a_caption_glues_or_sets_as_formula_is_left_alone(small):
    small.edit("caption: A disc.", "caption: A disc of {glue:text}`accuracy:0.944` and $0.944$.")
    assert small.found() == []


def test_numbers_in_captions_and_alternative_texts_are_found_too(small):
    small.edit("caption: A disc.", "caption: A disc of 0.944.")
    small.edit("alt: A black disc", "alt: 94.4 black discs")
    caption, alt = small.found()
    assert caption.startswith(f"{FILE}:{figure_line(small)}: 0.944 is typed by hand")
    assert alt.endswith("(0.9438): let the alternative text do without it")


@pytest.mark.parametrize(
    "text",
    [
        "`0.944`, $0.944$, [0.944](https://example.org/0.944) and <https://example.org/0.944>",
        "{glue:text}`accuracy:0.944` and {cite:t}`somebody2020`",
        "## How 0.944 came about",
        "```python\n0.944\n```",
        "```{math}\n:label: eq-0.944\n0.944\n```",
        "$$\n0.944\n$$",
        "In section 0.944, tables 3 and 0.944, and sections 2.1 (lines), 0.94 (planes).",
        "In 6.0.944, v0.944, 0.944e3, and 0.945, 0.9, 9.4 or 944.",
        "10.944 and 3,0.944",
        "123.45 is no share, and 7.25 no result",
        "```{code} python\n0.944\n```",
    ],
)
def test_what_is_no_measured_number_in_prose_is_left_alone(small, text):
    small.add(text)
    assert small.found() == []


def test_a_setting_that_stands_in_the_pages_code_may_stand_in_its_prose(small):
    small.add("With 0.944 or 94.4 %.\n\n```{code-cell} ipython3\nprint(table) or 0.944\n```")
    assert small.found() == []


def test_a_comment_in_the_code_makes_no_setting(small):
    small.add("With 0.944.\n\n```{code-cell} ipython3\nprint(table)  # 0.944\n```")
    assert len(small.found()) == 1


# spelling and citations


def test_a_misspelled_word_is_found(spelled):
    line = spelled.add(f"The first output of {MISSPELLED} network.")
    assert spelled.found() == [f"{FILE}:{line}: spelling: {MISSPELLED} ==> the"]


def test_spelling_follows_the_projects_settings(spelled):
    spelled.add(f"The first output of {MISSPELLED} network.")
    settings = '[tool.codespell]\nignore-words-list = "' + MISSPELLED + '"\n'
    (spelled.project.root / "pyproject.toml").write_text(settings)
    assert spelled.found() == []


def test_codespell_that_cannot_work_is_no_clean_result(spelled):
    settings = '[tool.codespell]\ndictionary = "nowhere.txt"\n'
    (spelled.project.root / "pyproject.toml").write_text(settings)
    with pytest.raises(BuildFailed, match="codespell failed"):
        spelled.found()


def test_an_entry_that_no_page_cites_is_found(small):
    small.edit("After {cite:t}`somebody2020`, on", "On")
    assert small.found() == ["book/references.bib:3: no page cites 'somebody2020'"]


def test_a_citation_of_no_entry_is_found(small):
    line = small.add("As in {cite:p}`{see}somebody2020{p. 3}, nobody2021`.")
    message = "'nobody2021' is not in book/references.bib"
    assert small.found() == [f"{FILE}:{line}: {message}"]


# references


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("By {eq}`eq-none`.", "{eq} leads to no label of the book: 'eq-none'"),
        ("By\n{eq}`this <eq-none>`.", "{eq} leads to no label of the book: 'eq-none'"),
        ("{numref}`Figure %s <fig-none>`.", "{numref} leads to no label of the book: 'fig-none'"),
        ("- {ref}`words <sec-none>`", "{ref} leads to no label of the book: 'sec-none'"),
        ("See {doc}`nowhere`.", "{doc} leads to no page: 'nowhere'"),
        ("See {doc}`/book/page`.", "{doc} leads to no page: '/book/page'"),
        ("See {doc}`words <../page>`.", "{doc} leads to no page: '../page'"),
    ],
)
def test_a_reference_that_leads_nowhere_is_found_with_its_line(small, text, problem):
    line = small.add(text) + text.count("\n", 0, text.index("{"))
    assert [str(found) for found in check_before(small.project)] == [f"{FILE}:{line}: {problem}"]


@pytest.mark.parametrize(
    "text",
    [
        *("By {eq}`eq-line`.", "By {eq}`this one <eq-line>`.", "See {numref}`fig-disc`."),
        *("See {doc}`../index` and {doc}`/book/index`.", "{ref}`of old <ex-one>`"),
        "(sec-here)=\n## Here\n\n{ref}`sec-here`",
        "$$ x $$ (eq-dollars)\n\n{eq}`eq-dollars`",
        "```{figure} disc.svg\n:name: fig-drawn\n```\n\n{numref}`fig-drawn`",
    ],
)
def test_a_reference_to_a_label_or_a_page_of_the_book_is_none(small, text):
    small.add(text)
    assert check_before(small.project) == []


def test_a_reference_in_a_caption_is_looked_at_too(small):
    small.edit("caption: A disc.", "caption: A disc, as {eq}`eq-none` has it.")
    (found,) = check_before(small.project)
    assert found.message == "{eq} leads to no label of the book: 'eq-none'"


def test_a_label_that_two_places_give_is_found(small):
    (small.project.root / "book/index.md").write_text("# A book\n\n(eq-line)=\n## Lines\n")
    (found,) = check_before(small.project)
    first = "book/index.md:3"
    assert str(found).startswith(f"{FILE}:")
    assert str(found).endswith(f"{first} has the label 'eq-line' already")


def test_before_cells_run_nothing_is_said_of_outputs(small):
    # executed never, and with a claim that does not hold
    assert check_before(small.project) == []


def test_only_what_stands_in_the_page_that_is_asked_for_is_told(spelled):
    spelled.add(f"Here is {MISSPELLED} word, and {{eq}}`eq-none`.")
    index = spelled.project.root / "book/index.md"
    index.write_text(f"# A book\n\nHere is {MISSPELLED} word, and {{eq}}`eq-nowhere`.\n")
    assert {found.file for found in check_before(spelled.project)} == {FILE, "book/index.md"}
    assert len(check_before(spelled.project, PAGE)) == 2
    assert {found.file for found in check_before(spelled.project, PAGE)} == {FILE}


def test_what_was_found_before_is_kept_as_long_as_a_page_stays(spelled, monkeypatch):
    read, looked_up = [], []
    monkeypatch.setattr(
        "bookbuild.checks.book.read_page",
        lambda file, *rest: read.append(file) or read_page(file, *rest),
    )
    monkeypatch.setattr(
        "bookbuild.checks.book.Spelling",
        lambda project, pages: looked_up.append(pages) or Spelling(project, pages),
    )
    assert check_before(spelled.project) == check_before(spelled.project) == []
    assert sorted(read) == sorted([FILE, "book/index.md"])
    assert [len(pages) for pages in looked_up] == [2, 0]
    read.clear()
    spelled.edit("A page", f"A {MISSPELLED} page")
    for _ in range(2):  # and is found again without being looked for
        (found,) = check_before(spelled.project)
        assert "spelling" in found.message
    assert read == [FILE]
    assert [len(pages) for pages in looked_up] == [2, 0, 1, 0]
    # what another page says of this one counts all the same
    index = spelled.project.root / "book/index.md"
    index.write_text("# A book\n\nBy {eq}`eq-line`.\n")
    spelled.edit(":label: eq-line", ":label: eq-other")
    messages = [found.message for found in check_before(spelled.project)]
    assert "{eq} leads to no label of the book: 'eq-line'" in messages


def test_other_settings_of_the_speller_are_other_findings(spelled):
    spelled.edit("A page", f"A {MISSPELLED} page")
    assert len(check_before(spelled.project)) == 1
    settings = f'[tool.codespell]\nignore-words-list = "{MISSPELLED}"\n'
    (spelled.project.root / "pyproject.toml").write_text(settings)
    assert check_before(spelled.project) == []


# budgets


@pytest.mark.parametrize(
    ("front_matter", "seconds", "severities"),
    [
        ("", 20.0, []),
        ("", 20.1, ["warning"]),
        ("", 30.1, ["strict"]),
        ("", None, []),
        ("bookbuild: {long: true}\n", 20.0, []),
        ('bookbuild: {reference_seconds: 40, reason: "ten seeds"}\n', 39.9, []),
        ('bookbuild: {reference_seconds: 40, reason: "ten seeds"}\n', 59.9, ["warning"]),
        ('bookbuild: {reference_seconds: 40, reason: "ten seeds"}\n', 60.1, ["strict"]),
    ],
)
def test_a_page_over_its_budget_is_a_warning_and_by_half_again_fails_a_strict_build(
    small, front_matter, seconds, severities
):
    small.edit("kernelspec", f"{front_matter}kernelspec")
    small.report["pages"][PAGE]["reference_seconds"] = seconds
    findings = small.findings()
    assert [finding.severity for finding in findings] == severities
    if findings:
        line = 3 if front_matter else 1
        budget = "40" if front_matter else "20"
        message = f"the page costs {seconds:.1f} reference seconds; its budget is {budget}"
        assert str(findings[0]) == f"{FILE}:{line}: {message}"


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ("{reference_seconds: 40}", "a budget of 40 seconds needs a reason beside it"),
        ('{reference_seconds: 40, reason: " "}', "a budget of 40 seconds needs a reason beside it"),
        (
            "{reference_seconds: many, reason: x}",
            "expected bookbuild: {reference_seconds: 30, reason:",
        ),
        (
            "{reference_seconds: true, reason: x}",
            "expected bookbuild: {reference_seconds: 30, reason:",
        ),
        (
            "{reference_seconds: -1, reason: x}",
            "expected bookbuild: {reference_seconds: 30, reason:",
        ),
        ("40", "expected bookbuild: {reference_seconds: 30, reason:"),
        ("{}", "expected bookbuild: {reference_seconds: 30, reason:"),
        ("{lnog: true}", "expected bookbuild: {reference_seconds: 30, reason:"),
        ("{long: 40}", "expected long: true or long: false, got 40"),
    ],
)
def test_a_budget_of_ones_own_needs_a_number_and_a_reason(small, own, message):
    small.edit("kernelspec", f"bookbuild: {own}\nkernelspec")
    (found,) = small.found()
    assert found.startswith(f"{FILE}:3: {message}")


# the site


@pytest.fixture
def site(tmp_path) -> Path:
    folder = tmp_path / "site"
    (folder / "book").mkdir(parents=True)
    (folder / "_static").mkdir()
    (folder / "_static/template.html").write_text('<a href="{{ goal }}">x</a>')
    (folder / "a b.txt").write_text("x")
    (folder / "book/index.html").write_text('<h1 id="töp">x</h1><a name="old">x</a>')
    return folder


@pytest.mark.parametrize(
    "link",
    [
        "book/index.html",
        "book/",
        "book/index.html#t%C3%B6p",
        "book/index.html?q=1#old",
        "#here",
        "#",
        "a%20b.txt",
        "https://example.org/nowhere",
        "//example.org/nowhere",
        "mailto:someone",
    ],
)
def test_links_that_lead_somewhere_are_no_findings(site, link):
    (site / "index.html").write_text(f'<p id="here">\n<a href="{link}">x</a></p>')
    assert check_links(site) == []


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ("book/nowhere.html", "no file"),
        ("nowhere/", "no file"),
        ("_static/nowhere.css", "no file"),
        ("book/index.html#nowhere", "no anchor of that page"),
        ("#nowhere", "no anchor of that page"),
    ],
)
def test_a_link_that_leads_nowhere_is_found(site, link, problem):
    (site / "index.html").write_text(f'<p id="here">\n<a href="{link}">x</a></p>')
    assert check_links(site) == [Finding("index.html", 2, f"the link {link!r} leads to {problem}")]


def test_what_was_read_of_a_page_is_kept_as_long_as_the_page_stays(site, tmp_path, monkeypatch):
    memory, parsed = tmp_path / "links.json", []
    monkeypatch.setattr(
        "bookbuild.checks.links._parse",
        lambda text, parse=_parse: parsed.append(text) or parse(text),
    )
    (site / "index.html").write_text('<a href="book/index.html#there">x</a>')
    first = check_links(site, memory)
    assert first == check_links(site)
    parsed.clear()
    assert check_links(site, memory) == first
    assert parsed == []
    (site / "book/index.html").write_text('<p id="there">other</p>')
    assert check_links(site, memory) == []
    assert parsed == ['<p id="there">other</p>']
    for damage in ('{"half', "[]", "null", '{"key": 1}'):
        memory.write_text(damage)
        assert check_links(site, memory) == []


def test_what_was_found_in_a_page_is_kept_as_long_as_text_and_outputs_stay(small, monkeypatch):
    small.execute()
    checked = []
    monkeypatch.setattr(
        "bookbuild.checks.book.read_page",
        lambda file, *rest: checked.append(file) or read_page(file, *rest),
    )
    first = small.outputs()
    assert checked == [FILE, "book/index.md"] or checked == ["book/index.md", FILE]
    checked.clear()
    assert small.outputs() == first
    assert checked == []
    source = small.project.source(PAGE)
    source.write_text(source.read_text() + "\nAnd 0.9438 by hand.\n")
    (found,) = set(small.outputs()) - set(first)
    assert "0.9438 is typed by hand" in found.message
    assert checked == [FILE]
    # the same text, and other outputs
    small.execute(skip="claim(accuracy)")
    assert found not in small.outputs()


def test_findings_in_the_site_are_named_from_the_books_root(small):
    (small.project.work / "html/index.html").write_text('<a href="nowhere">x</a>')
    assert small.found() == ["_build/work/html/index.html:1: the link 'nowhere' leads to no file"]


# lines


def test_lines_are_those_of_the_source_also_inside_of_directives():
    text = (
        "# Title\n\n:::{admonition} Mind\n---\nclass: tip\n---\nfirst\nsecond $a$\n\n"
        "```{figure} x.png\n:name: fig-x\ncaption\n```\n:::\n"
    )
    page = read_page("page.md", text, nbformat.v4.new_notebook())
    assert [(d.name, d.line) for d in page.directives] == [("admonition", 3), ("figure", 10)]
    assert page.directives[0].options == {"class": "tip"}
    assert page.directives[1].options == {"name": "fig-x"}
    assert page.prose == [(7, "first\nsecond \ufffc"), (12, "caption")]


# verdicts


@pytest.mark.parametrize(
    "text",
    [
        "The second one reads {glue:text}`accuracy:.1%`, more than the first.",
        "SELU leads with {glue:text}`accuracy:.1%`.",
        "A quiet sentence. With {glue:text}`loss:.2f` the second layer adds nothing.",
    ],
)
def test_a_sentence_that_judges_and_that_no_claim_holds_up_is_pointed_out(small, text):
    line = small.add(text)
    (found,) = small.findings()
    assert (found.line, found.severity) == (line, "warning")
    assert "a verdict?" in found.message


@pytest.mark.parametrize(
    "text",
    [
        "It reads {glue:text}`accuracy:.1%`, more than a guess {held}`accuracy`.",
        "Is {glue:text}`accuracy:.1%` more than one would guess?",
        "A lower rate is a smaller step.",  # no number of a cell, and behind no output
        "At least {glue:text}`accuracy:.1%` are read.",
    ],
)
def test_a_sentence_that_is_held_up_or_judges_nothing_is_none(small, text):
    small.add("A paragraph stands between the cells and what follows.")
    small.add(text)
    assert small.found() == []


def test_a_mark_that_names_no_claim_of_the_page_is_found(small):
    line = small.add("It reads more {held}`precision`.")
    assert f"{FILE}:{line}: {{held}} names no claim of this page: 'precision'" in small.found()
