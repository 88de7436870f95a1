"""The whole book under every instruction set that this machine can imitate: does it hold?

Another processor, or another number of threads, adds up in another order; training makes of the
last digit another run. So each row executes all pages as such a machine would, and is compared
with the first, this machine as it is with one thread: pages that failed, claims that broke,
claims with another value, pages with other outputs, and the cost. ``--record`` writes
``book/processors.json``, which the book's page about this edition shows: what other processors
measured stays there. What is done is kept: the same call goes on where it was broken off.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import torch

from bookbuild.execution.capacity import pages_at_once
from bookbuild.execution.experiment import experiment_of, modules_that_measure
from bookbuild.execution.kernel import Limits, run_page
from bookbuild.execution.store import Store, claims_in, hash_of_outputs
from bookbuild.extensions.edition import commit
from bookbuild.extensions.status_page import PROCESSORS, processor, read_processors
from bookbuild.project import Project

ROOT = Path(__file__).parents[1]

# torch's own names, and what MKL and oneDNN call the same
SETS = {
    "SSE": {
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512_SKX",
    },
    "AVX2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
    },
    "AVX-512": {
        "ATEN_CPU_CAPABILITY": "avx512",
        "MKL_ENABLE_INSTRUCTIONS": "AVX512",
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE",
    },
}


@dataclass(frozen=True)
class Setting:
    """One row: the instructions that are imitated, and how many threads."""

    instructions: str
    threads: int

    @property
    def environment(self) -> dict[str, str]:
        """What tells the libraries."""
        own = SETS.get(self.instructions, {})
        # threads that wait for each other otherwise spin: beside other work nine times the cost
        waiting = {"OMP_WAIT_POLICY": "PASSIVE"} if self.threads > 1 else {}
        return own | waiting | {"OMP_NUM_THREADS": str(self.threads)}

    @property
    def folder(self) -> str:
        """Name of the folder that keeps its outcomes."""
        return f"{self.instructions}-{self.threads}"


def settings(threads: Sequence[int]) -> list[Setting]:
    """As the machine is, with one thread, and below that every set that it has."""
    have = torch.backends.cpu.get_cpu_capability()
    names = ["as it is", "SSE", *(["AVX2"] if have in ("AVX2", "AVX512") else [])]
    names += ["AVX-512"] if have == "AVX512" else []
    asked = [Setting(name, count) for count in threads for name in names]
    return list(dict.fromkeys([Setting("as it is", 1), *asked]))


def run_all(store: Store, row: Setting, pages: Sequence[str], jobs: int) -> dict[str, Any]:
    """Execute the pages that are not kept, and give what each came to."""
    with ThreadPoolExecutor(jobs) as pool:
        waiting = {
            pool.submit(
                run_page,
                page,
                store.project.notebook(page),
                Limits(),
                # a fork would have the libraries of its parent, which know their processor
                fork=False,
                environment=row.environment,
            ): page
            for page in pages
            if kept(store, row, page) is None
        }
        for number, done in enumerate(as_completed(waiting), start=1):
            run, page = done.result(), waiting[done]
            told = store.surroundings.describe(run.notebook, run.probe) if run.probe else None
            content = {
                "failure": run.failure,
                "claims": claims_in(run.notebook),
                "outputs": hash_of_outputs(run.notebook),
                "cpu_seconds": run.cpu_seconds,
                "seconds": run.seconds,
                "modules": modules_that_measure(told.modules) if told else {},
            }
            path = place(store, row, page)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content), "utf-8")
            outcome = run.failure or f"{run.cpu_seconds:.1f} CPU-seconds"
            print(f"{row.folder} [{number}/{len(waiting)}] {page}: {outcome}", flush=True)
    return {page: kept(store, row, page) for page in pages}


def place(store: Store, row: Setting, page: str) -> Path:
    """Where a page's outcome under a setting is kept."""
    code = experiment_of(store.project.notebook(page)).code
    return store.project.build / "processors" / row.folder / page / f"{code}.json"


def kept(store: Store, row: Setting, page: str) -> dict[str, Any] | None:
    """What a page came to with the code of now; None if it has to run."""
    try:
        content: dict[str, Any] = json.loads(place(store, row, page).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if content["failure"] or content["modules"] != modules_that_measure(content["modules"]):
        return None
    return content


def compare(row: Setting, runs: Mapping[str, Any], first: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of one row."""
    values = {
        which: {
            (p, c["name"]): c["value"] for p, run in pages.items() if run for c in run["claims"]
        }
        for which, pages in (("now", runs), ("first", first))
    }
    broken = [
        f"{page}: {claim['name']} promised {claim['bound']}, got {claim['value']}"
        for page, run in runs.items()
        if run
        for claim in run["claims"]
        if not claim["holds"]
    ]
    cost = sum(run["cpu_seconds"] for run in runs.values() if run)
    base = sum(first[page]["cpu_seconds"] for page, run in runs.items() if run and first[page])
    return {
        "instructions": row.instructions,
        "threads": row.threads,
        "pages": len(runs),
        "failed": sum(run is None for run in runs.values()),
        "claims": len(values["now"]),
        "broken": len(broken),
        "which": broken,
        "other_values": sum(values["first"].get(k) != v for k, v in values["now"].items()),
        "other_outputs": sum(
            bool(run and first[page] and run["outputs"] != first[page]["outputs"])
            for page, run in runs.items()
        ),
        "cost": round(cost / base, 2) if base else None,
    }


def record(file: Path, machine: Mapping[str, Any]) -> None:
    """Put what this machine measured in the place of what such a processor measured before."""
    others = [one for one in read_processors(file) if one["on"] != machine["on"]]
    file.write_text(json.dumps({"machines": [*others, machine]}, indent=1) + "\n", "utf-8")


def main() -> int:
    """Print the table; 0 if no page failed and no claim broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", default="*", help="only pages like this")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--jobs", type=int, default=pages_at_once())
    parser.add_argument("--record", action="store_true", help=f"write {PROCESSORS}")
    options = parser.parse_args()
    store = Store(Project(ROOT))
    pages = [page for page in store.project.pages() if fnmatch(page, options.page)]
    rows: list[dict[str, Any]] = []
    first: Mapping[str, Any] = {}
    head = ["instructions", "threads", "pages", "failed", "claims", "broken", "other_values",
            "other_outputs", "cost"]  # fmt: skip
    for row in settings(options.threads):
        runs = run_all(store, row, pages, options.jobs)
        first = first or runs
        rows.append(compare(row, runs, first))
    print(" | ".join(head))
    for row_ in rows:
        print(" | ".join(str(row_[name]) for name in head))
        print(*(f"  {line}" for line in row_["which"]), sep="\n", end="\n" if row_["which"] else "")
    if options.record:
        record(
            ROOT / PROCESSORS,
            {
                "commit": commit(ROOT),
                "on": processor(),
                "when": datetime.now(UTC).strftime("%Y-%m-%d"),
                "torch": torch.__version__,
                "runs": [{key: row_[key] for key in (*head, "which")} for row_ in rows],
            },
        )
    return 1 if any(row_["failed"] or row_["broken"] for row_ in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
