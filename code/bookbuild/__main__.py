"""The book's command line: ``python -m bookbuild html``."""

import argparse
import sys
from pathlib import Path

from filelock import FileLock, Timeout

from bookbuild.build import build_page, build_site, execute_pages
from bookbuild.project import BuildFailed, Project


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 if it succeeded, 1 if the book is at fault, 2 for a wrong call."""
    parser = argparse.ArgumentParser(prog="python -m bookbuild", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    html = commands.add_parser("html", help="execute what is stale and build the site")
    run = commands.add_parser("execute", help="execute what is stale and write the report")
    page = commands.add_parser("page", help="execute one page and build it alone")
    page.add_argument("page", help="for example book/feedforward/digits")
    for command in (html, run):
        command.add_argument("--jobs", type=int, help="pages at a time (default: one a core)")
    options = parser.parse_args(arguments)
    if getattr(options, "jobs", None) is not None and options.jobs < 1:
        parser.error(f"expected --jobs of at least 1, got {options.jobs}")

    try:
        project = Project.find(Path.cwd())
        project.build.mkdir(exist_ok=True)
        with FileLock(project.build / "lock", timeout=0):
            if options.command == "html":
                print(f"the book: {build_site(project, jobs=options.jobs) / 'index.html'}")
            elif options.command == "execute":
                execute_pages(project, project.pages(), jobs=options.jobs)
                print(f"the report: {project.report}")
            else:
                name = options.page.removesuffix(".md").removeprefix("./")
                print(f"the page: {build_page(project, name)}")
    except Timeout:
        print("another build is at work in this folder; try again when it is done", file=sys.stderr)
        return 1
    except (BuildFailed, FileNotFoundError) as error:
        print(f"not built: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
