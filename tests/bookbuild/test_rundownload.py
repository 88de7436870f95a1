import json
import subprocess
import zipfile

import nbformat
import pytest

from bookbuild.rundownload import (
    DownloadFailed,
    changed_pages,
    check_downloads,
    drawn,
    run_notebook,
)


def write(path, *sources, prose="Prose."):
    cells = [nbformat.v4.new_markdown_cell(prose, id="prose")]
    cells += [nbformat.v4.new_code_cell(s, id=f"c{i}") for i, s in enumerate(sources)]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


@pytest.fixture
def site(tmp_path):
    """A site whose one notebook writes a line to a file each time it runs."""
    (tmp_path / "log").touch()
    write_page(tmp_path)
    write_wheel(tmp_path, "version = 1")
    return tmp_path


def write_page(site, more="", prose="Prose."):
    log = f"open({str(site / 'log')!r}, 'a').write(f'{{deepbook.version}}\\n')"
    page = site / "_downloads" / "notebooks" / "page.ipynb"
    write(page, "import deepbook", log + more, prose=prose)


def write_wheel(site, code):
    with zipfile.ZipFile(site / "_downloads" / "deepbook-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr(zipfile.ZipInfo("deepbook/__init__.py"), code)


def check(site):
    failed = check_downloads(site, site / "record.json", timeout=600)
    return failed, (site / "log").read_text().split()


def test_a_failing_cell_is_named_with_the_end_of_its_traceback(tmp_path):
    path = write(tmp_path / "page.ipynb", "x = 1", "def f():\n    return 1 / 0\nf()", "y = 2")
    with pytest.raises(DownloadFailed, match=r"page.ipynb, code cell 2: (.|\n)*ZeroDivisionError"):
        run_notebook(path, cwd=tmp_path)


def test_a_cell_that_lasts_too_long_is_named(tmp_path):
    path = write(tmp_path / "page.ipynb", "import time; time.sleep(60)")
    with pytest.raises(DownloadFailed, match=r"page.ipynb, code cell 1: CellTimeoutError"):
        run_notebook(path, cwd=tmp_path, timeout=1)


def test_a_kernel_that_dies_is_named(tmp_path):
    path = write(tmp_path / "page.ipynb", "x = 1", "import os; os._exit(3)")
    with pytest.raises(DownloadFailed, match=r"page.ipynb, code cell 2: DeadKernelError"):
        run_notebook(path, cwd=tmp_path)


def test_a_notebook_runs_where_it_is_told_with_the_given_environment_on_one_thread(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    code = [
        "import os, pathlib",
        f"assert pathlib.Path.cwd() == pathlib.Path({str(tmp_path)!r})",
        "assert os.environ['OMP_NUM_THREADS'] == '1' and os.environ['MINE'] == 'yes'",
        "assert 'PYTHONPATH' not in os.environ",
    ]
    run_notebook(write(tmp_path / "page.ipynb", *code), cwd=tmp_path, env={"MINE": "yes"})


def test_only_changed_code_or_a_changed_package_runs_again(site):
    assert check(site) == ({}, ["1"])
    assert check(site) == ({}, ["1"])
    write_page(site, prose="Other prose.")
    assert check(site) == ({}, ["1"])
    write_page(site, more=";x = 1")
    assert check(site) == ({}, ["1", "1"])
    write_wheel(site, "version = 2")
    assert check(site) == ({}, ["1", "1", "2"])


def test_a_failure_is_told_and_not_recorded(site):
    write_page(site, more=";1/0")
    for runs in (1, 2):
        failed, log = check(site)
        assert list(failed) == ["page.ipynb"]
        assert "code cell 2" in failed["page.ipynb"]
        assert len(log) == runs
    write_page(site)
    assert check(site)[0] == {}
    assert list(json.loads((site / "record.json").read_text())) == ["page.ipynb"]


def test_only_the_asked_notebooks_run(site):
    assert check_downloads(site, site / "record.json", names=["other.ipynb"]) == {}
    assert (site / "log").read_text() == ""


@pytest.mark.parametrize(
    ("told", "fails"),
    [("{'a': 2.0}", True), ("{'a': 0.5}", False), ("{'a': 'nan'}", False), ("{}", True)],
)
def test_a_claim_may_not_hold_only_if_it_did_not_hold_in_the_book(tmp_path, told, fails):
    path = write(
        tmp_path / "page.ipynb",
        f"import deepbook\ndeepbook.claims.book_values({told})",
        "deepbook.claim('a', 0.7, at_least=1)",
    )
    if fails:
        with pytest.raises(DownloadFailed, match="the claim a holds in the book and not here"):
            run_notebook(path, cwd=tmp_path)
    else:
        run_notebook(path, cwd=tmp_path)


@pytest.fixture
def repository(tmp_path):
    """A book under git: its folder, and what runs git there."""
    git = lambda *arguments: subprocess.run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@b.c", *arguments],
        cwd=tmp_path, check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    git("init", "--initial-branch", "main")
    (tmp_path / "book" / "chapter").mkdir(parents=True)
    return tmp_path, git


def save(repository, **pages):
    root, git = repository
    for name, text in pages.items():
        (root / "book" / "chapter" / f"{name}.md").write_text(text)
    git("add", ".")
    git("commit", "--message", "pages")
    return git("rev-parse", "HEAD")


def test_changed_pages_are_those_since_the_commit_that_landed(repository):
    root, git = repository
    landed = save(repository, one="1", two="2", three="3")
    (root / "book" / "chapter" / "one.room.json").write_text("{}")
    save(repository, one="changed")
    last = save(repository, two="changed")
    pages = lambda *names: {f"book/chapter/{name}" for name in names}
    assert changed_pages(root, landed) == pages("one", "two")
    assert changed_pages(root, last) == set()
    # without a word of it: the last commit; with what is not committed yet
    assert changed_pages(root) == pages("two")
    (root / "book" / "chapter" / "new.md").write_text("new")
    (root / "book" / "chapter" / "three.md").write_text("changed")
    assert changed_pages(root) == pages("two", "three", "new")
    # the upstream branch tells, unless it stands where this one does
    git("stash", "--include-untracked")
    git("branch", "upstream", landed)
    git("branch", "--set-upstream-to", "upstream")
    assert changed_pages(root) == pages("one", "two")
    git("branch", "--force", "upstream", "main")
    assert changed_pages(root) == pages("two")


def test_nobody_can_tell_what_changed_without_a_repository_or_an_earlier_commit(repository):
    root, _ = repository
    assert changed_pages(root) is None
    save(repository, one="1")
    assert changed_pages(root) is None
    assert changed_pages(root, "no-such-commit") is None
    assert changed_pages(root / "nowhere") is None


def test_another_commit_draws_another_fifth_and_in_time_each_notebook():
    names = [f"page{number}" for number in range(36)]
    first = drawn(names, "abc")
    assert first == drawn(reversed(names), "abc")
    assert len(first) == 8
    assert first != drawn(names, "xyz")
    assert set.union(*(drawn(names, f"commit {number}") for number in range(40))) == set(names)
    assert drawn([], "abc") == set()
