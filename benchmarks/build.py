"""What the build costs on generated pages, beside Jupyter Book and jupyter-cache as they come.

Everything in one run on one machine: CPU-seconds are those of every process that a command
started. See README.md.
"""

import argparse
import json
import sys
from pathlib import Path

from generated import BIN, Cost, book, count_every_process, measure

BOOKBUILD = [str(BIN / "python"), "-m", "bookbuild"]
JUPYTER_BOOK = [str(BIN / "jupyter-book"), "build", "."]
JCACHE = str(BIN / "jcache")


def ours(pages: int) -> dict[str, Cost]:
    """Cold, then as an author works: nothing to do, prose edited, a cell edited."""
    with book(pages) as folder:
        build = [*BOOKBUILD, "html"]
        costs = {"cold": measure(build, folder), "nothing to do": measure(build, folder)}
        _edit(folder, "as little as a page can", "very little")
        costs["one prose edit"] = measure(build, folder)
        _edit(folder, "linspace(0, 1, 20)", "linspace(0, 1, 30)")
        costs["one cell edit"] = measure(build, folder)
        _expect("book/page001", costs["one cell edit"])
    return costs


def plain(pages: int) -> Cost:
    """Jupyter Book executes page after page."""
    with book(pages, stock=True) as folder:
        return measure(JUPYTER_BOOK, folder)


def jcache(pages: int) -> Cost:
    """jupyter-cache executes pages side by side; Jupyter Book finds their outputs."""
    with book(pages, stock=True) as folder:
        cache = ["--cache-path", str(folder / "_build/cache")]
        sources = [str(path) for path in sorted(folder.glob("book/page*.md"))]
        (folder / "_build/cache").mkdir(parents=True)
        commands = [
            [JCACHE, "notebook", *cache, "add", "--reader", "myst_nb_md", *sources],
            [JCACHE, "project", *cache, "execute", "--executor", "local-parallel"],
            JUPYTER_BOOK,
        ]
        costs = [measure(command, folder) for command in commands]
        if "Executing notebook" in costs[-1].output:
            raise RuntimeError("Jupyter Book did not find what jupyter-cache executed")
    return Cost(sum(c.cpu_seconds for c in costs), sum(c.wall_seconds for c in costs), "")


def growth(pages: int) -> dict[str, Cost]:
    """Executing, then Sphinx, then nothing to do."""
    with book(pages) as folder:
        return {
            "executing": measure([*BOOKBUILD, "execute"], folder),
            "Sphinx": measure([*BOOKBUILD, "html"], folder),
            "nothing to do": measure([*BOOKBUILD, "html"], folder),
        }


def _edit(folder: Path, old: str, new: str) -> None:
    page = folder / "book/page001.md"
    text = page.read_text()
    if old not in text:
        raise RuntimeError(f"{page.name} does not say {old!r}")
    page.write_text(text.replace(old, new))


def _expect(text: str, cost: Cost) -> None:
    if text not in cost.output:
        raise RuntimeError(f"expected {text!r} in:\n{cost.output}")


def main() -> int:
    """Measure, print and write down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=60, help="for the comparison (default: 60)")
    parser.add_argument("--quick", action="store_true", help="few pages: does it run at all?")
    parser.add_argument("--json", type=Path, default=Path("_build/benchmark.json"))
    options = parser.parse_args()
    pages = 4 if options.quick else options.pages
    count_every_process()

    found: dict[str, dict[str, float]] = {}

    def note(name: str, cost: Cost, reference: Cost | None) -> None:
        row = {"cpu_seconds": cost.cpu_seconds, "wall_seconds": cost.wall_seconds}
        if reference is not None:
            row["cpu_ratio"] = cost.cpu_seconds / reference.cpu_seconds
            row["wall_ratio"] = cost.wall_seconds / reference.wall_seconds
        found[name] = {quantity: round(value, 2) for quantity, value in row.items()}
        ratios = f"{row['cpu_ratio']:8.2f}{row['wall_ratio']:8.2f}" if reference else ""
        print(f"{name:52}{cost.cpu_seconds:8.1f}{cost.wall_seconds:8.1f}{ratios}", flush=True)

    print(f"{'seconds':52}{'CPU':>8}{'wall':>8}{'ratios':>9}: CPU, wall")
    costs = ours(pages)
    for name, cost in costs.items():
        note(f"{pages} pages, python -m bookbuild html, {name}", cost, costs["cold"])
    note(f"{pages} pages, jupyter-book build", plain(pages), costs["cold"])
    note(f"{pages} pages, jcache local-parallel + build", jcache(pages), costs["cold"])
    for number in (2, 4) if options.quick else (8, 64, 256):
        for name, cost in growth(number).items():
            note(f"{number} pages, {name}", cost, None)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
