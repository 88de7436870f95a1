"""Ctrl-C that is not lost.

Python ignores what is raised while an object is finalized, also the KeyboardInterrupt that
Ctrl-C raises there: the builder would go on as if nobody had asked it to stop.
"""

import signal
import threading
from collections.abc import Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

T = TypeVar("T")

_asked = threading.Event()


@contextmanager
def noting_interrupts() -> Iterator[None]:
    """Inside, Ctrl-C is noted before it raises KeyboardInterrupt.

    Where Ctrl-C is ignored, or somebody else handles it, nothing changes.
    """
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return
    signal.signal(signal.SIGINT, _note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _asked.clear()


def _note(number: int, frame: FrameType | None) -> None:
    _asked.set()
    signal.default_int_handler(number, frame)


def when_completed(futures: Collection[Future[T]], look: float = 0.5) -> Iterator[Future[T]]:
    """Each future when it is done.

    Parameters
    ----------
    futures : collection of Future
    look : float
        After so many seconds without news it looks whether Ctrl-C was noted.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C was noted, and what it raised came to nothing.
    """
    pending = set(futures)
    while pending:
        done, pending = wait(pending, timeout=look, return_when=FIRST_COMPLETED)
        if _asked.is_set():
            raise KeyboardInterrupt
        yield from done
