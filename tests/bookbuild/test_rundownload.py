import json
import zipfile

import nbformat
import pytest

from bookbuild.rundownload import DownloadFailed, check_downloads, run_notebook


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
