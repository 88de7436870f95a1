"""How a benchmark writes down what it measured: a record that ``deepbook.records`` reads."""

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
Row = dict[str, float | str | None]


def content(
    name: str, title: str, rows: list[Row], command: str, packages: Sequence[str] = ("torch",)
) -> dict[str, Any]:
    """A record's fields: rows, and where they come from."""
    return {
        "name": name,
        "title": title,
        "rows": rows,
        "command": command,
        "commit": commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": {package: version(package) for package in packages},
    }


def write(chapter: str, record: dict[str, Any]) -> None:
    """Put a record where the chapter's pages find it."""
    folder = ROOT / "code/deepbook" / chapter / "records"
    folder.mkdir(exist_ok=True)
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    (folder / f"{record['name']}.json").write_text(text, "utf-8")


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
