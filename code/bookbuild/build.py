"""From sources to a finished site: execute what is stale, run Sphinx, put the site in place."""

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bookbuild.checks.book import (
    check_before,
    check_outputs,
    check_page_outputs,
    check_site,
)
from bookbuild.execution.dependencies import package_folders
from bookbuild.execution.execute import execute
from bookbuild.execution.store import Store, claims_in
from bookbuild.extensions.edition import commit
from bookbuild.page_source import Finding
from bookbuild.project import BuildFailed, Project, hash_of_folder
from bookbuild.report import write_report


def build_site(project: Project, *, strict: bool = False, **how: Any) -> Path:
    """Build the whole book; the last good site stands until the new one is complete.

    Parameters
    ----------
    project : Project
    strict : bool
        Fail for what an author must mend and a reader cannot: a claim that does not hold, a
        claim without room, a page over its cost.
    **how
        As :func:`execute_pages` takes it.

    Returns
    -------
    Path
        The site's folder.

    Raises
    ------
    BuildFailed
        If data is missing, a page fails, Sphinx warns, or a strict build finds a fault.
    """
    finish_swap(project.site)
    judge(check_before(project), strict=strict)
    store = execute_pages(project, project.pages(), **how)
    if strict:
        refuse_broken_claims(store, project.pages())
    judge(_findings_in_outputs(store), strict=strict)
    # A pass that was broken off leaves pages half written but "up to date"; one that warned
    # leaves pages that would not warn again.
    unfinished = project.build / "unfinished"
    state, state_of_site = site_state(store), project.build / "site-state"
    if not unfinished.exists() and project.site.is_dir() and _reads(state_of_site) == state:
        return project.site
    if unfinished.exists():
        shutil.rmtree(project.work, ignore_errors=True)
    unfinished.touch()
    with store.at_work():
        run_sphinx(project, project.work / "html", project.work / "doctrees")
    unfinished.unlink()
    judge(check_site(project), strict=strict)
    # without it, a swap that is broken off is done again
    state_of_site.unlink(missing_ok=True)
    swap_in(project.work / "html", project.site)
    state_of_site.write_text(state)
    return project.site


def check_book(store: Store) -> None:
    """Check sources, outputs and the site that Sphinx made, and print all that is found.

    Raises
    ------
    BuildFailed
        If something is found that fails a strict build.
    """
    findings = check_before(store.project) + _findings_in_outputs(store) + check_site(store.project)
    judge(findings, strict=True, advise=True)


def _findings_in_outputs(store: Store) -> list[Finding]:
    return check_outputs(store, json.loads(store.project.report.read_text("utf-8")))


def judge(findings: Sequence[Finding], *, strict: bool, advise: bool = False) -> None:
    """Print what was found, and fail for what this build may not let pass.

    Parameters
    ----------
    findings : sequence of Finding
    strict : bool
        Let what only an author can mend fail the build.
    advise : bool
        Print what fails nothing too.

    Raises
    ------
    BuildFailed
    """
    fails = {"error", "strict"} if strict else {"error"}
    count = 0
    for finding in findings:
        failing = finding.severity in fails
        count += failing
        if failing or advise:
            print(finding if failing else f"{finding} (advice)")
    if count:
        raise BuildFailed(f"the checks found {count} faults: see above")


def broken_claims(store: Store, pages: Sequence[str]) -> list[str]:
    """The claims that do not hold on this machine, each with its page and its numbers."""
    return [
        f"{page}: claim {claim['name']!r} does not hold here: promised {claim['bound']}, "
        f"got {claim['value']}"
        for page in pages
        for claim in store.claims(page) or []
        if not claim["holds"]
    ]


def refuse_broken_claims(store: Store, pages: Sequence[str]) -> None:
    """Fail if a page's claim does not hold.

    Raises
    ------
    BuildFailed
    """
    if broken := broken_claims(store, pages):
        raise BuildFailed("\n".join(["claims are broken", *broken]))


def site_state(store: Store) -> str:
    """Hash of everything that the site is made from."""
    project = store.project
    records = [store.record(page) for page in project.pages()]
    files = [project.root / name for name in ("_config.yml", "_toc.yml", "pyproject.toml")]
    parts = [
        *(record.outputs for record in records if record is not None),
        hash_of_folder(project.root / "book"),  # the records of room lie there too
        *(hash_of_folder(folder) for folder in package_folders()),
        *(hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()),
        *installed(),
        os.environ.get("BOOK_URL", ""),
        commit(project.root),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def installed() -> list[str]:
    """What is installed, by the names of the folders that pip leaves: ``torch-2.13.0.dist-info``.

    To read every package's own words takes as long as all else that a build without a change does.
    """
    places = [Path(place) for place in sys.path if place]
    return sorted({found.name for place in places for found in place.glob("*.dist-info")})


def _reads(file: Path) -> str | None:
    return file.read_text() if file.is_file() else None


def execute_pages(project: Project, pages: Sequence[str], **how: Any) -> Store:
    """Fetch the data, execute what is stale, write the report.

    Parameters
    ----------
    project : Project
    pages : sequence of str
    **how
        As :func:`bookbuild.execution.execute.execute` takes it.

    Returns
    -------
    Store
        In which all of ``pages`` are fresh.

    Raises
    ------
    BuildFailed
        If data cannot be had or a page fails.
    """
    import deepbook.data

    store = Store(project)
    try:
        deepbook.data.fetch_all()
    except deepbook.data.DataError as error:
        write_report(store, project.pages(), {})
        raise BuildFailed(str(error)) from error
    runs = execute(store, pages, **how)
    failed = {run.page: (run.failure, run.notebook) for run in runs if run.failure}
    write_report(store, project.pages(), failed)
    if failed:
        raise BuildFailed(f"failed while executing: {', '.join(sorted(failed))}")
    for page in pages:
        store.remember_source(page)
    return store


def build_page(project: Project, page: str) -> Path:
    """Execute one page, check it, and build it alone: what an author looks at.

    References to other pages stay unresolved and are shown as warnings.

    Returns
    -------
    Path
        The page's HTML file.
    """
    if page not in project.pages():
        raise BuildFailed(f"no page {page!r} with code cells in _toc.yml")
    judge(check_before(project, page), strict=True)
    store = execute_pages(project, [page])
    executed = store.get(page)
    if executed is None:
        raise BuildFailed(f"{page} was edited while it ran: run the command again")
    for claim in claims_in(executed[0]):
        print(f"  {claim['name']}: {claim['value']} (promised {claim['bound']})")
    refuse_broken_claims(store, [page])
    judge(check_page_outputs(store, page), strict=True, advise=True)
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
