"""From sources to a finished site: execute what is stale, run Sphinx, put the site in place."""

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bookbuild.execute import Run, execute
from bookbuild.project import BuildFailed, Project, drop_stale_outputs
from bookbuild.report import claims_in, write_report

PAGE_CPU_SECONDS = 25.0


def build_site(project: Project, *, jobs: int | None = None) -> Path:
    """Build the whole book; the last good site stands until the new one is complete.

    Returns
    -------
    Path
        The site's folder.

    Raises
    ------
    BuildFailed
        If data is missing, a page fails or Sphinx warns.
    """
    finish_swap(project.site)
    execute_pages(project, project.pages(), jobs=jobs)
    # A pass that was broken off leaves pages half written but "up to date"; one that warned
    # leaves pages that would not warn again.
    unfinished = project.build / "unfinished"
    if unfinished.exists():
        shutil.rmtree(project.work, ignore_errors=True)
    unfinished.touch()
    run_sphinx(project, project.work / "html", project.work / "doctrees")
    unfinished.unlink()
    swap_in(project.work / "html", project.site)
    return project.site


def execute_pages(project: Project, pages: Sequence[str], *, jobs: int | None = None) -> list[Run]:
    """Fetch the data, execute what is stale, write the report.

    Raises
    ------
    BuildFailed
        If data cannot be had or a page fails.
    """
    from deepbook.data import DataError, fetch_all

    drop_stale_outputs(project)
    try:
        fetch_all()
    except DataError as error:
        write_report(project, project.pages(), {})
        raise BuildFailed(str(error)) from error
    runs = execute(project, pages, jobs=jobs)
    failed = {run.page: (run.failure, run.notebook) for run in runs if run.failure}
    write_report(project, project.pages(), failed)
    for run in runs:
        if run.failure is None and run.cpu_seconds > PAGE_CPU_SECONDS:
            print(f"over its budget of {PAGE_CPU_SECONDS:g} CPU-seconds: {run.page}")
    if failed:
        raise BuildFailed(f"failed while executing: {', '.join(sorted(failed))}")
    return runs


def build_page(project: Project, page: str) -> Path:
    """Execute one page and build it alone: what an author looks at.

    References to other pages stay unresolved and are shown as warnings.

    Returns
    -------
    Path
        The page's HTML file.
    """
    if page not in project.pages():
        raise BuildFailed(f"no page {page!r} with code cells in _toc.yml")
    execute_pages(project, [page])
    executed = project.executed(page)
    assert executed is not None
    for claim in claims_in(executed[0]):
        print(f"  {claim['name']}: {claim['value']} (promised {claim['bound']})")
    folder = project.build / "page" / page.replace("/", "-")
    shutil.rmtree(folder / "doctrees", ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        toc = Path(scratch) / "_toc.yml"
        # the bibliography comes along, so that citations resolve
        toc.write_text(f"format: jb-book\nroot: {page}\nchapters: [{{file: book/bibliography}}]\n")
        run_sphinx(
            project,
            folder / "html",
            folder / "doctrees",
            strict=False,
            overrides={"external_toc_path": str(toc)},
        )
    return folder / "html" / f"{page}.html"


def run_sphinx(
    project: Project,
    output: Path,
    doctrees: Path,
    *,
    strict: bool = True,
    overrides: dict[str, object] | None = None,
) -> None:
    """Sphinx with Jupyter Book's configuration, every reference and warning taken seriously.

    Raises
    ------
    BuildFailed
        If Sphinx fails or, with ``strict``, warns.
    """
    from jupyter_book.sphinx import build_sphinx

    here = Path.cwd()
    os.chdir(project.root)
    try:
        status = build_sphinx(
            str(project.root),
            str(output),
            noconfig=True,
            path_config=str(project.root / "_config.yml"),
            doctreedir=str(doctrees),
            confoverrides={
                "nitpicky": strict,
                "latex_individualpages": False,
                **(overrides or {}),
            },
            warningiserror=strict,
            keep_going=True,
            quiet=True,
        )
    finally:
        os.chdir(here)
    if status != 0:
        sys.stderr.flush()
        raise BuildFailed("Sphinx found errors: see the messages above")


def swap_in(new: Path, site: Path) -> None:
    """Put a copy of ``new`` where ``site`` stands, by renaming."""
    incoming, outgoing = _beside(site)
    for leftover in (incoming, outgoing):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(new, incoming, ignore=shutil.ignore_patterns(".buildinfo*", "_sources"))
    if site.exists():
        site.rename(outgoing)
    incoming.rename(site)
    shutil.rmtree(outgoing, ignore_errors=True)


def finish_swap(site: Path) -> None:
    """Do the second renaming of a swap that was broken off before it."""
    incoming, outgoing = _beside(site)
    if incoming.exists() and outgoing.exists() and not site.exists():
        # the old site went aside, so the new one is complete
        incoming.rename(site)


def _beside(site: Path) -> tuple[Path, Path]:
    return site.with_name(f"{site.name}.new"), site.with_name(f"{site.name}.old")
