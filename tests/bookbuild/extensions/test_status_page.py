import json
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

import bookbuild.extensions.status_page
from bookbuild.extensions.status_page import PROCESSORS, environment, processor, read_report

CONF = """
extensions = ["myst_parser", "bookbuild.extensions.status_page"]
root_doc = "book/index"
source_suffix = {".md": "markdown"}
html_theme = "basic"
"""
INDEX = "# A book\n\n```{toctree}\none\ntwo\nstatus\n```\n"
STATUS = "# How it was built\n\nIn words.\n\n```{status}\n```\n"
REPORT = {
    "book/two": {
        "seconds": 20.84,
        "cpu_seconds": 16.9,
        "reference_seconds": 8.45,
        "claims": [{"name": "a"}, {"name": "b"}],
        "finished": "2026-11-21T23:30:05+01:00",
    },
    "book/one": {"seconds": 3.0, "cpu_seconds": 2.46, "claims": []},
}


class Small:
    """A small book with a page of its status."""

    def __init__(self, root: Path):
        self.root = root
        pages = {"index": INDEX, "one": "# Page *one*\n", "two": "# Page two\n", "status": STATUS}
        (root / "book").mkdir()
        (root / "conf.py").write_text(CONF)
        for name, text in pages.items():
            (root / "book" / f"{name}.md").write_text(text)
        self.report(REPORT)

    def report(self, pages):
        (self.root / "_build").mkdir(exist_ok=True)
        (self.root / "_build" / "report.json").write_text(json.dumps({"pages": pages}))

    def build(self) -> list[str]:
        """Run Sphinx; which pages it wrote."""
        written = []
        out = self.root / "_build" / "html"
        # without this, one test's directive would be another test's conflict
        with docutils_namespace():
            app = Sphinx(
                self.root, self.root, out, self.root / "_build" / "doctrees", "html",
                status=None, warningiserror=True,
            )  # fmt: skip
            app.connect("html-page-context", lambda app, name, *rest: written.append(name))
            app.build()
        assert app.statuscode == 0
        return [page for page in written if page.startswith("book/")]

    def page(self, name="book/status"):
        return BeautifulSoup((self.root / f"_build/html/{name}.html").read_text(), "html.parser")

    def rows(self, table="db-status"):
        return [
            [cell.text for cell in row.select("th, td")]
            for row in self.page().select(f"table.{table} tr")
        ]

    def index(self):
        return (self.root / "_build/html/searchindex.js").read_text()


@pytest.fixture
def small(tmp_path):
    return Small(tmp_path)


def test_the_table_lists_every_executed_page_in_the_order_of_the_report_and_the_total(small):
    small.build()
    assert small.rows() == [
        ["page", "reference seconds", "CPU-seconds", "wall seconds", "claims", "ran (UTC)"],
        ["Page two", "8.4", "16.9", "20.8", "2", "2026-11-21 22:30"],
        ["Page one", "unknown", "2.5", "3.0", "0", "unknown"],
        ["Total", "8.4", "19.4", "23.8", "2", ""],
    ]


def test_titles_are_links_to_their_pages(small):
    small.build()
    links = [link["href"] for link in small.page().select("table.db-status a")]
    assert links == ["two.html", "one.html"]


def test_numbers_stand_flush_right(small):
    small.build()
    last = small.page().select("table.db-status tr")[1]
    assert ["text-right" in cell.get("class", []) for cell in last.select("td")] == [
        False, True, True, True, True, False,
    ]  # fmt: skip


def test_versions_and_machine_stand_below(small):
    small.build()
    facts = dict(small.rows("db-machine"))
    assert facts == environment()
    assert list(facts) == [
        "Python", "PyTorch", "NumPy", "Matplotlib", "Sphinx", "Jupyter Book",
        "Processor", "Cores", "Memory", "Operating system",
    ]  # fmt: skip
    assert all(facts.values())
    assert facts["Sphinx"].startswith("7.")


def test_the_page_is_written_again_when_the_report_changes_and_only_then(small):
    small.build()
    assert small.build() == []
    small.report({"book/one": {**REPORT["book/one"], "seconds": 4.0}})
    assert "book/status" in small.build()
    assert small.rows()[1:] == [
        ["Page one", "unknown", "2.5", "4.0", "0", "unknown"],
        ["Total", "0.0", "2.5", "4.0", "0", ""],
    ]


def test_the_page_is_written_again_on_another_machine(small, monkeypatch):
    small.build()
    monkeypatch.setattr(
        bookbuild.extensions.status_page, "environment", lambda: {"Processor": "another"}
    )
    assert "book/status" in small.build()
    assert small.rows("db-machine") == [["Processor", "another"]]


def test_every_machine_on_which_the_edition_was_executed_has_a_table(small):
    small.build()
    assert "Where this edition was executed" not in small.page().text
    run = {"instructions": "SSE", "threads": 2, "pages": 35, "failed": 0, "claims": 601}
    run |= {"broken": 1, "other_values": 332, "other_outputs": 35, "cost": 1.4, "which": ["a"]}
    about = {"torch": "2.13.0", "when": "2026-11-30", "commit": "b79b7291"}
    machines = [{"on": name, **about, "runs": [run]} for name in ("One", "Another")]
    (small.root / PROCESSORS).write_text(json.dumps({"machines": machines}))
    assert "book/status" in small.build()
    head = ["instructions", "threads", "pages", "failed", "claims", "broken", "other values"]
    assert small.rows("db-processors") == 2 * [head, ["SSE", "2", "35", "0", "601", "1", "332"]]
    assert "Another, torch 2.13.0, 2026-11-30, commit b79b7291:" in small.page().text
    assert small.build() == []


def test_pages_that_failed_or_that_the_book_does_not_have_are_left_out(small):
    small.report(
        {**REPORT, "book/two": {"error": "failed", "claims": []}, "book/gone": {"seconds": 1}}
    )
    small.build()
    assert [row[0] for row in small.rows()] == ["page", "Page one", "Total"]


def test_a_time_that_was_not_measured_is_unknown_and_no_reason_to_write_again(small):
    small.report({"book/one": {**REPORT["book/one"], "cpu_seconds": float("nan")}})
    small.build()
    assert small.rows()[1][1] == "unknown"
    assert small.build() == []


def test_without_a_report_the_page_says_so(small):
    (small.root / "_build/report.json").unlink()
    small.build()
    assert small.rows() == []
    assert "left no report" in small.page().select_one(".body").text
    assert small.rows("db-machine")


@pytest.mark.parametrize("text", ["", '{"pages": {"book/one": {"sec', "[]", '{"pages": [1]}'])
def test_a_damaged_report_is_a_warning_and_no_crash(tmp_path, text, monkeypatch):
    warnings = []
    monkeypatch.setattr(
        bookbuild.extensions.status_page.logger,
        "warning",
        lambda message, *args, **_: warnings.append(message % args),
    )
    (tmp_path / "report.json").write_text(text)
    assert read_report(tmp_path / "report.json") == {}
    assert warnings == ["damaged report: report.json; execute the book again"]


def test_the_page_is_marked_and_no_other_page_is(small):
    small.build()
    marked = small.page().select(".body > section.db-times")
    assert [section.h1.text for section in marked] == ["How it was built¶"]
    assert not small.page("book/one").select(".db-times")


def test_apart_from_the_marked_section_the_site_does_not_depend_on_times(small):
    def site():
        files = {}
        for path in sorted((small.root / "_build/html").rglob("*")):
            if path.suffix in {".html", ".js"}:
                page = BeautifulSoup(path.read_text(), "html.parser")
                for section in page.select(".db-times"):
                    section.decompose()
                files[path.name] = str(page)
        return files

    small.build()
    before = site()
    assert "16.9" not in str(before)
    small.report({"book/one": {"seconds": 7777.7, "cpu_seconds": 8888.8, "claims": []}})
    small.build()
    assert "8888.8" in small.page().text
    assert site() == before


def test_the_processor_is_named_as_the_system_names_it(tmp_path, monkeypatch):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor : 0\nmodel : 1\nmodel name\t: Fast  One @ 3 GHz\n")
    assert processor(cpuinfo) == "Fast One @ 3 GHz"
    cpuinfo.write_text("processor : 0\nCPU part : 0xd0c\n")
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert processor(cpuinfo) == "aarch64"
    assert processor(tmp_path / "none") == "aarch64"
