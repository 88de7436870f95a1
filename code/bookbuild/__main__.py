"""Build the book: execute what is stale, typeset it, check it, put it in place."""

import argparse
import io
import json
import os
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from filelock import FileLock, Timeout

from bookbuild.build import broken_claims, build_page, build_site, check_book, execute_pages
from bookbuild.execution.dependencies import Surroundings
from bookbuild.execution.interrupts import noting_interrupts
from bookbuild.execution.store import Store
from bookbuild.project import BuildFailed, Project
from bookbuild.room.measure import measure_room, summary
from bookbuild.room.record import SEEDS, lack, read_room, why_stale

STATUSES = """\
exit status: 0 done; 1 the book is at fault, or its surroundings; 2 a wrong call; 130 Ctrl-C
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command of ``python -m bookbuild`` and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # one that knows no Greek must not end the run
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    try:
        project = Project.find(Path.cwd())
        project.build.mkdir(exist_ok=True)
        if options.command == "why":
            return _why(project, options.page)
        if options.command == "report":
            return _report(project)
        if options.command == "check":
            return _check(project)
        if options.command == "imports":
            return _imports(project)
        if options.command == "room" and options.check:
            return _check_room(project, options)
        with noting_interrupts(), FileLock(project.build / "lock", timeout=0):
            return _run(project, options)
    except Timeout:
        print("another build is at work in this folder; try again when it is done", file=sys.stderr)
    except (BuildFailed, FileNotFoundError) as error:
        print(f"not built: {error}", file=sys.stderr)
    except BrokenPipeError:
        # whoever read the output has gone: `... report | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(
            f"not built: {error}. The site that stood there stands unchanged; when the disk has "
            "space and the folder may be written to, the same command goes on",
            file=sys.stderr,
        )
    except KeyboardInterrupt:
        print("stopped; pages that were finished are kept", file=sys.stderr)
        return 130
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bookbuild", description=__doc__, epilog=STATUSES
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    html = commands.add_parser("html", help="build the site into _build/html")
    run = commands.add_parser("execute", help="execute what is stale and write the report")
    for command in (html, run):
        command.add_argument(
            "--jobs",
            type=_positive,
            metavar="N",
            help="pages at a time (default: one a core, as far as memory goes)",
        )
        command.add_argument("--force", action="store_true", help="execute fresh pages too")
        command.add_argument(
            "--no-fork", action="store_true", help="start an ordinary kernel for each page"
        )
    html.add_argument(
        "--strict",
        action="store_true",
        help="fail where a claim does not hold or has no room, or a page is over its cost",
    )
    room = commands.add_parser(
        "room", help="run pages under other seeds, and record how much room their claims have"
    )
    room.add_argument("--jobs", type=_positive, metavar="N", help="pages at a time")
    room.add_argument(
        "--seeds",
        type=_positive,
        default=SEEDS,
        metavar="N",
        help=f"other seeds to run under (default: {SEEDS}; fewer are a first look)",
    )
    room.add_argument("--check", action="store_true", help="read the records alone")
    for command in (run, room):
        command.add_argument("--page", metavar="PATTERN", help="only pages like this: 'book/feed*'")
    run.add_argument("--cluster", metavar="ADDRESS", help="run the pages on this Dask cluster")
    page = commands.add_parser("page", help="execute one page and build it alone")
    page.add_argument("page", help="for example book/feedforward/digits")
    why = commands.add_parser("why", help="say in one line why a page is stale, or fresh")
    why.add_argument("page", nargs="?", default="*", help="a page or a pattern (default: all)")
    commands.add_parser("check", help="examine sources and site, with file and line")
    commands.add_parser("report", help="print what the last build measured")
    commands.add_parser("imports", help="draw who imports whom, into _build/imports.svg")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, got {text}")
    return number


def _run(project: Project, options: argparse.Namespace) -> int:
    if options.command == "page":
        print(f"the page: {build_page(project, _name(options.page))}")
        return 0
    if options.command == "room":
        return _room(project, options)
    how = {
        "jobs": options.jobs,
        "force": options.force,
        "fork": False if options.no_fork else None,
    }
    if options.command == "html":
        site = build_site(project, strict=options.strict, **how)
        for line in broken_claims(Store(project), project.pages()):
            print(line)
        print(f"the book: {site / 'index.html'}")
        return 0
    pages = _matching(project, options.page or "*")
    if options.cluster is None:
        execute_pages(project, pages, **how)
    else:
        from bookbuild.execution.cluster import executor_of

        with executor_of(options.cluster) as executor:
            execute_pages(project, pages, executor=executor, **how)
    print(f"the report: {project.report}")
    return 0


def _why(project: Project, pattern: str) -> int:
    store = Store(project)
    for page in _matching(project, pattern):
        reason = store.why(page)
        print(f"{page}: {'fresh' if reason is None else f'stale: {reason}'}")
    return 0


def _check(project: Project) -> int:
    if not project.report.is_file() or not (project.work / "html").is_dir():
        raise BuildFailed("there is nothing to check yet: run `python -m bookbuild html`")
    check_book(Store(project))
    print("nothing found that is more than advice")
    return 0


def _room(project: Project, options: argparse.Namespace) -> int:
    import deepbook.data

    deepbook.data.fetch_all()
    pages = _matching(project, options.page or "*")
    failures = measure_room(Store(project), pages, jobs=options.jobs, seeds=options.seeds)
    for failure in failures:
        print(failure, file=sys.stderr)
    return _check_room(project, options) or (1 if failures else 0)


def _check_room(project: Project, options: argparse.Namespace) -> int:
    """What the records say: 0 if every claim has a fresh one, with room."""
    rooms, faults = [], 0
    surroundings = Surroundings()
    for page in _matching(project, options.page or "*"):
        record = read_room(project, page)
        stale = why_stale(project, page, record, surroundings)
        if stale is not None:
            print(f"{page}: {stale[0]}")
            faults += 1
        if record is None:
            continue
        for name, room in record.rooms().items():
            rooms.append(room)
            if not room.enough:
                print(f"{page}: the claim {name} {lack(room, record.runs[name][0]['bound'])}")
                faults += 1
    print(summary(rooms))
    return 1 if faults else 0


def _report(project: Project) -> int:
    if not project.report.is_file():
        raise BuildFailed("no build has written a report yet: run `python -m bookbuild html`")
    for page, entry in json.loads(project.report.read_text("utf-8"))["pages"].items():
        if "cpu_seconds" not in entry:
            print(f"{page}: FAILED")
        elif entry["cpu_seconds"] is None:
            print(f"{page}: its CPU time is not known")
        else:
            took = "{cpu_seconds:.1f} CPU-seconds, {reference_seconds:.1f} reference seconds"
            print(f"{page}: {took.format(**entry)}")
        for claim in entry.get("claims", []):
            holds = "holds" if claim["holds"] else "DOES NOT HOLD"
            print(f"  {claim['name']}: {claim['value']} (promised {claim['bound']}) {holds}")
    return 0


def _imports(project: Project) -> int:
    # not at the top: readers who only build the book need not have what reads imports
    from bookbuild.imports import draw

    file = project.build / "imports.svg"
    draw(file)
    print(f"the drawing: {file}")
    return 0


def _matching(project: Project, pattern: str) -> list[str]:
    wanted = _name(pattern)
    pages = [page for page in project.pages() if fnmatch(page, wanted)]
    if not pages:
        raise BuildFailed(f"no page with code cells in _toc.yml is like {pattern!r}")
    return pages


def _name(text: str) -> str:
    return text.removesuffix(".md").removeprefix("./")


if __name__ == "__main__":
    sys.exit(main())
