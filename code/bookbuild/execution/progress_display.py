"""What a person sees while pages execute: a live display on a terminal, elsewhere plain lines."""

import math
import os
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bookbuild.execution.progress import Done, Progress

SLOWEST = 5


def make_show(stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> "Show":
    """A live display if ``stream`` is a terminal that can have one, else plain lines.

    Plain lines it is in a pipe or a file, where ``CI`` or ``NO_COLOR`` is set, and where
    ``TERM`` is ``dumb``.

    Parameters
    ----------
    stream : text stream, optional
        Standard output if not given.
    clock : callable
        Gives seconds.
    """
    stream = sys.stdout if stream is None else stream
    plain = (
        not stream.isatty()
        or os.environ.get("CI")
        or os.environ.get("NO_COLOR")
        or os.environ.get("TERM") in ("dumb", "unknown")
    )
    return (Show if plain else LiveShow)(stream, clock)


class Show:
    """One line a page, as it ends; three lines at the end.

    A context manager: however it is left, the terminal is as it was. ``done`` is called
    from one thread, ``running`` from any.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._progress = Progress({}, 1, clock)

    def start(self, pages: Mapping[str, float | None], jobs: int, *, fresh: int = 0) -> None:
        """Begin.

        Parameters
        ----------
        pages : mapping from page to float or None
            The pages that will run, in their order, with the seconds each is expected to
            take, None where nobody knows.
        jobs : int
            Pages at a time.
        fresh : int
            How many pages need not run; told only if all need not.
        """
        self._progress = Progress(pages, jobs, self._clock)
        if not pages:
            self._say(_nothing_to_do(fresh))

    def running(self, page: str) -> None:
        """A page's kernel starts."""
        self._progress.start(page)

    def done(self, page: str, seconds: float, cpu_seconds: float, failure: str | None) -> None:
        """A page has ended; ``failure`` says why if it did not end well."""
        self._progress.end(page, Done(seconds, cpu_seconds, failure is not None))
        self._report(page, cpu_seconds, failure)

    def finish(self) -> None:
        """All pages have ended: what was slow, what it cost, how busy the cores were."""
        self.close()
        for line in summary(self._progress):
            self._say(line)

    def close(self) -> None:
        """Give the terminal back."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _report(self, page: str, cpu_seconds: float, failure: str | None) -> None:
        outcome = "FAILED" if failure is not None else _cpu(cpu_seconds)
        line = f"[{len(self._progress.done)}/{len(self._progress.pages)}] {page}: {outcome}"
        self._say(line if failure is None else f"{line}\n{textwrap.indent(failure, '    ')}")

    def _say(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class LiveShow(Show):
    """The pages that are running, redrawn in place; only failures leave lines above them."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        super().__init__(stream, clock)
        self._console = Console(file=stream, force_terminal=True, force_jupyter=False)
        self._live: Live | None = None

    def start(self, pages: Mapping[str, float | None], jobs: int, *, fresh: int = 0) -> None:
        super().start(pages, jobs, fresh=fresh)
        if pages:
            # it draws already when it is made
            self._live = Live(
                get_renderable=self.picture,
                console=self._console,
                transient=True,
                refresh_per_second=4,
            )
            self._live.start()

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()

    def picture(self) -> Group:
        """What the display shows now."""
        progress = self._progress
        failed = sum(done.failed for done in progress.done.values())
        parts = [f"{len(progress.done)} of {len(progress.pages)} pages done"]
        parts += [f"{failed} failed"] if failed else []
        left = progress.left()
        if left is not None and len(progress.done) < len(progress.pages):
            parts.append(f"about {_duration(left)} left" if left >= 1 else "nearly done")
        names = short_names(progress.pages)
        running = Table.grid(padding=(0, 2))
        # a column that may wrap is the one that gets narrower; its names are cut instead
        running.add_column()
        running.add_column(no_wrap=True, justify="right")
        for page, elapsed, expected in progress.running():
            of = "" if expected is None else f" of {_duration(expected)}"
            name = Text(names[page], no_wrap=True, overflow="ellipsis")
            running.add_row(name, Text(f"{_duration(elapsed)}{of}", style="dim"))
        bar = ProgressBar(total=1, completed=progress.share(), width=min(60, self._console.width))
        # In a table, since the options of what is printed above hold for all but its cells.
        whole = Table.grid()
        whole.add_row(Text(", ".join(parts)))
        whole.add_row(bar)
        return Group(whole, running)

    def _report(self, page: str, cpu_seconds: float, failure: str | None) -> None:
        if failure is not None:
            super()._report(page, cpu_seconds, failure)

    def _say(self, text: str) -> None:
        # as it is: no markup, no emoji codes, nothing cut off
        self._console.print(Text(text), soft_wrap=True)


def summary(progress: Progress) -> list[str]:
    """The slowest pages, the CPU used and the time it took, the share of the cores: three lines."""
    if not progress.done:
        return []
    names = short_names(progress.pages)
    ranking = sorted(progress.done.items(), key=lambda item: -item[1].seconds)
    slowest = ", ".join(f"{names[page]} {done.seconds:.1f} s" for page, done in ranking[:SLOWEST])
    cpu, wall = progress.cpu_seconds(), progress.elapsed()
    took = f"{wall:.1f} s" if wall < 60 else _duration(wall)
    busy = cpu / (wall * progress.jobs) if wall > 0 else 0.0
    unmeasured = any(math.isnan(done.cpu_seconds) for done in progress.done.values())
    return [
        f"slowest: {slowest}",
        f"used: {'at least ' if unmeasured else ''}{_cpu(cpu)} in {took}",
        f"busy: {busy:.0%} of {progress.jobs} core{'s' if progress.jobs > 1 else ''}",
    ]


def short_names(pages: Sequence[str]) -> dict[str, str]:
    """For each page the shortest end of its path that no other has; ``index`` says nothing."""

    def ends(page: str) -> list[str]:
        parts = page.split("/")
        return ["/".join(parts[-length:]) for length in range(1, len(parts) + 1)]

    count = Counter(end for page in pages for end in ends(page))
    return {
        page: next((end for end in ends(page) if end != "index" and count[end] == 1), page)
        for page in pages
    }


def _nothing_to_do(fresh: int) -> str:
    if fresh > 1:
        return f"all {fresh} pages are fresh"
    return "the only page is fresh" if fresh else "no page to execute"


def _cpu(seconds: float) -> str:
    return "CPU time unknown" if math.isnan(seconds) else f"{seconds:.1f} CPU-seconds"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
