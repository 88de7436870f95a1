"""Show progress to a person, and nothing to a file or to the book's build."""

import os
import sys
from collections.abc import Iterable
from typing import TypeVar

__all__ = ["progress", "someone_watches"]

T = TypeVar("T")


def someone_watches() -> bool:
    """Whether a person sees what is written now: in a notebook or on a terminal.

    ``DEEPBOOK_PROGRESS=0`` says no everywhere: the book's build sets it.
    """
    if os.environ.get("DEEPBOOK_PROGRESS") == "0":
        return False
    return "ipykernel" in sys.modules or sys.stderr.isatty()


def progress(items: Iterable[T], description: str = "") -> Iterable[T]:
    """Show a progress bar after two seconds if a person watches; else just ``items``.

    Parameters
    ----------
    items : iterable
    description : str
        Stands before the bar.
    """
    if not someone_watches():
        return items
    from tqdm.std import tqdm

    return tqdm(items, desc=description, delay=2, leave=False)
