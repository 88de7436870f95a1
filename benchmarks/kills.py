"""Builds killed with SIGKILL at random moments, and then one to the end: is its site the same?

Each killed build works on sources of its own (a random page has another number), so that an
output which a later build wrongly takes as fresh shows. The last build works on the sources
of the undisturbed one. See README.md.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
from generated import BIN, book, count_every_process, environment, measure

BUILD = [str(BIN / "python"), "-m", "bookbuild", "html"]
PAGES = 6
# of the kills, how many wait for the writing of pages and for the swap of sites
AIMED = {"Sphinx writes": 4, "the swap": 4}
# at most this many seconds after it has begun
LATEST = {"Sphinx writes": 0.3, "the swap": 0.01}


def phase(build: Path, start: float) -> str:
    """What a build that began at ``start`` is at, as what it did in its folder shows."""

    def made(name: str) -> bool:
        try:
            # the time of the last renaming too
            return (build / name).stat().st_ctime > start
        except FileNotFoundError:
            return False

    if made("html.new") or made("html.old"):
        return "the swap"
    if made("unfinished"):
        # Sphinx keeps what it has read before it writes
        return "Sphinx writes" if made("work/doctrees/environment.pickle") else "Sphinx reads"
    return "executing"


def kill_one(root: Path, moment: float, aim: str | None, force: bool) -> str | None:
    """Start a build, kill it, and see that nothing of it lives on; the phase it was in.

    Parameters
    ----------
    root : Path
    moment : float
        Seconds from the start of the build; with ``aim``, from the start of that phase.
    aim : str or None
    force : bool
        Execute fresh pages too.

    Returns
    -------
    str or None
        None if the build was done before.

    Raises
    ------
    RuntimeError
        If a process outlives the build by more than 5 s.
    """
    build = root / "_build"
    command = [*BUILD, "--force"] if force else BUILD
    start = time.time()
    process = subprocess.Popen(
        command,
        cwd=root,
        env=environment() | {"TMPDIR": str(_scratch(root))},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while aim and process.poll() is None and phase(build, start) != aim:
        time.sleep(0.0005)
    end = time.monotonic() + moment
    while time.monotonic() < end and process.poll() is None:
        time.sleep(0.0005)
    if process.poll() is not None:
        return None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    found = phase(build, start)
    _, alive = psutil.wait_procs(psutil.Process().children(recursive=True), timeout=5)
    if alive:
        raise RuntimeError(f"killed while {found}, and these live on: {alive}")
    return found


def _scratch(root: Path) -> Path:
    folder = root / "scratch"
    folder.mkdir(exist_ok=True)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def main() -> int:
    """Kill, build, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    dice = random.Random(options.seed)
    count_every_process()
    with book(PAGES) as root:
        cold = measure(BUILD, root)
        undisturbed = content(root / "_build/html")
    print(f"undisturbed: {cold.wall_seconds:.1f} s, {len(undisturbed)} files", flush=True)

    aims: list[str | None] = [aim for aim, number in AIMED.items() for _ in range(number)]
    aims += [None] * (options.kills - len(aims))
    dice.shuffle(aims)
    phases: Counter[str] = Counter()
    done = 0
    with book(PAGES) as root:
        sources = content(root / "book")
        while phases.total() < options.kills:
            page = root / f"book/page{dice.randint(1, PAGES):03}.md"
            number = dice.randint(21, 99)
            page.write_text(re.sub(r"\d+\)$", f"{number})", page.read_text(), count=1, flags=re.M))
            aim = aims[phases.total()]
            moment = dice.uniform(0, LATEST[aim] if aim else cold.wall_seconds)
            found = kill_one(root, moment, aim, force=dice.random() < 0.5)
            if found is None:
                done += 1
                continue
            phases[found] += 1
            print(f"{phases.total():3}: killed while {found}", flush=True)
        for name, source in sources.items():
            (root / "book" / name).write_bytes(source)
        last = measure(BUILD, root)
        site = content(root / "_build/html")
    print(f"{phases.total()} builds killed ({done} more were done before their moment):")
    for name, number in phases.most_common():
        print(f"  {number:2} while {name}")
    print(f"the last build: {last.wall_seconds:.1f} s")
    different = sorted(
        name for name in site | undisturbed if site.get(name) != undisturbed.get(name)
    )
    if different:
        print("FAILED: not the site of an undisturbed build:", *different, sep="\n  ")
        return 1
    print(f"the site is byte for byte that of an undisturbed build: {len(site)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
