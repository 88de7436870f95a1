"""What the Boltzmann machines of the book cost and reach, beside others, from one run.

``python benchmarks/boltzmann.py NAME`` measures and prints a table and writes it to
``code/deepbook/boltzmann/records/NAME.json``, which the pages show as recorded. A table is a
module ``boltzmann_NAME.py`` beside this one with ``TITLE``, ``PACKAGES`` (whose versions are
written down) and ``measure(quick) -> list of rows``, each a dict with the same keys. See README.md.
"""

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

TABLES = (
    *("speed", "likelihood", "large_likelihood", "ais", "quality", "deep", "fine_tuning"),
    *("recommender_likes", "recommender_stars"),
)
ROOT = Path(__file__).resolve().parent.parent
RECORDS = ROOT / "code/deepbook/boltzmann/records"


def commit() -> str:
    """The commit, and whether tracked files of the package or the benchmarks differ from it."""
    head = _git("rev-parse", "--short=12", "HEAD").strip()
    changed = _git("status", "--porcelain", "-uno", "--", "code/deepbook", "benchmarks").strip()
    return head + (" with changes" if changed else "")


def machine() -> str:
    """Processor and number of cores."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        name = lines[0].split(":")[1].strip() if lines else name
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout


def main() -> int:
    """Measure one table, print it and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--quick", action="store_true", help="does it run? writes nothing down")
    options = parser.parse_args()
    table = importlib.import_module(f"boltzmann_{options.table}")
    rows = table.measure(options.quick)
    content = {
        "name": options.table,
        "title": table.TITLE,
        "rows": rows,
        "command": f"python benchmarks/boltzmann.py {options.table}",
        "commit": commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": {name: version(name) for name in table.PACKAGES},
    }
    from deepbook.records import Record

    print(Record(**content))
    if not options.quick:
        RECORDS.mkdir(exist_ok=True)
        path = RECORDS / f"{options.table}.json"
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
