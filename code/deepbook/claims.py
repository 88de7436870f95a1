"""A number that the book promises.

:func:`claim` shows a number on the page together with its bound, and says whether it holds.
The book's build collects what does not: a reader's book shows it at its place, an author's
build fails. Under ``DEEPBOOK_CLAIMS=strict`` (tests) a broken claim raises
:class:`BrokenClaim` at once.

Both :func:`claim` and :func:`glue` name their value in the output's metadata alone, in the
form that MyST-NB reads: a notebook needs neither MyST-NB nor this book to run.
"""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, SupportsFloat

from IPython.display import display

__all__ = ["BrokenClaim", "Claim", "book_values", "claim", "glue"]

_TIME_WORDS = set(
    """time times timing seconds sec secs millisecond milliseconds ms minute minutes hour
    hours duration elapsed runtime wallclock clock speed speedup throughput""".split()
)
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

_book: dict[str, float] = {}


class BrokenClaim(AssertionError):
    """A number that the book promises is not what this run measured."""


@dataclass(frozen=True)
class Claim:
    """What was promised and what was measured.

    Attributes
    ----------
    name : str
        Unique on its page, words joined by hyphens.
    value : float
        What this run measured.
    bound : str
        What was promised, for people: ``"at least 0.92"``.
    holds : bool
    source : str or None
        Where the promise comes from, if not from this book.
    low, high : float or None
        The same promise in numbers; None where that side is open.
    """

    name: str
    value: float
    bound: str
    holds: bool
    source: str | None = None
    low: float | None = None
    high: float | None = None


def claim(
    name: str,
    value: SupportsFloat,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    close_to: float | None = None,
    tolerance: float | None = None,
    source: str | None = None,
) -> None:
    """Show a number, promise a bound on it, and name it for the page's sentences.

    Parameters
    ----------
    name : str
        Lower-case words joined by hyphens, unique on its page. The page's prose shows the
        value by this name.
    value : float
        Any number with a ``float()``: also a tensor with one element. NaN satisfies no
        claim, infinity satisfies none either.
    at_least, at_most : float, optional
        One or both.
    close_to, tolerance : float, optional
        Together, instead of the two above: ``abs(value - close_to) <= tolerance``.
    source : str, optional
        Where the promised number comes from, if it is not from this book.

    Raises
    ------
    BrokenClaim
        If the claim does not hold and ``DEEPBOOK_CLAIMS=strict`` (tests).
    ValueError
        If there is no bound, or a bound that nothing satisfies, or the claim is about a
        time: what a clock says is no promise that a reader's machine could keep.
    TypeError
        If ``value`` is not a number.
    """
    _check_name(name)
    # "second" by itself is an ordinal; "a second" and "per second" are times
    words = re.findall(r"(?:a|per)-second\b", name) + sorted(_TIME_WORDS & set(name.split("-")))
    if words:
        raise ValueError(
            f"claim {name!r} is about a time ({', '.join(words)}): times depend on the machine "
            "and belong into benchmarks, as ratios"
        )
    bound = _bound(name, at_least, at_most, close_to, tolerance)
    number = _number(name, value)
    low, high = at_least, at_most
    if close_to is not None and tolerance is not None:
        low, high = close_to - tolerance, close_to + tolerance
        holds = abs(number - close_to) <= tolerance
    else:
        holds = (low is None or number >= low) and (high is None or number <= high)
    holds = bool(holds) and math.isfinite(number)
    low, high = (None if side is None else float(side) for side in (low, high))
    made = Claim(name, number, bound, holds, source, low, high)
    _show(made)
    if not holds and os.environ.get("DEEPBOOK_CLAIMS") == "strict":
        raise BrokenClaim(f"claim {name!r} does not hold: promised {bound}, got {number!r}")


def glue(name: str, value: SupportsFloat | str) -> None:
    """Name a number or a short text for the page's sentences, and promise nothing.

    Parameters
    ----------
    name : str
        Lower-case words joined by hyphens, unique on its page.
    value : float or str

    Raises
    ------
    TypeError
        If ``value`` is neither text nor a number.
    """
    _check_name(name)
    # MyST-NB takes text/plain for what `repr` gives
    text = repr(value) if isinstance(value, str) else _text(_number(name, value))
    prefix = "application/papermill.record/"
    display(
        {prefix + "text/plain": text},
        raw=True,
        metadata={"scrapbook": {"name": name, "mime_prefix": prefix}},
    )


def book_values(values: Mapping[str, float]) -> None:
    """Tell what the book's build measured; a downloaded notebook's first cell does this.

    Parameters
    ----------
    values : mapping from claim name to value
    """
    _book.clear()
    _book.update({name: float(value) for name, value in values.items()})


def _check_name(name: str) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"expected a name of lower-case words joined by hyphens, got {name!r}")


def _number(name: str, value: SupportsFloat) -> float:
    if isinstance(value, str):
        raise TypeError(f"{name!r}: expected a number, got the text {value!r}")
    try:
        # a tensor that requires gradients warns when it meets float()
        return float(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise TypeError(f"{name!r}: expected one number, got {value!r}") from error


def _bound(
    name: str,
    at_least: float | None,
    at_most: float | None,
    close_to: float | None,
    tolerance: float | None,
) -> str:
    given = [b for b in (at_least, at_most, close_to, tolerance) if b is not None]
    if not all(math.isfinite(b) for b in given):
        raise ValueError(f"claim {name!r}: expected finite bounds, got {given}")
    if (close_to is None) != (tolerance is None):
        raise ValueError(f"claim {name!r}: close_to and tolerance are given together")
    if close_to is not None and tolerance is not None:
        if at_least is not None or at_most is not None:
            raise ValueError(f"claim {name!r}: give close_to or a range, not both")
        if tolerance < 0:
            raise ValueError(f"claim {name!r}: expected a tolerance of at least 0, got {tolerance}")
        if not tolerance:
            return f"exactly {_text(close_to)}"
        # to a hundredth of the tolerance: more digits say nothing
        digits = 2 - math.floor(math.log10(float(tolerance)))
        return f"within {_text(tolerance)} of {_text(round(float(close_to), digits))}"
    if at_least is not None and at_most is not None:
        if at_least > at_most:
            raise ValueError(
                f"claim {name!r}: nothing is at least {at_least} and at most {at_most}"
            )
        return f"from {_text(at_least)} to {_text(at_most)}"
    if at_least is not None:
        return f"at least {_text(at_least)}"
    if at_most is not None:
        return f"at most {_text(at_most)}"
    raise ValueError(f"claim {name!r} promises nothing: give at_least, at_most or close_to")


def _text(number: float) -> str:
    """Every digit that the number has, and no ``.0`` behind a whole one."""
    number = float(number)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _short(number: float) -> str:
    return _text(number) if number.is_integer() else f"{number:.4g}"


def _show(made: Claim) -> None:
    verdict = "holds" if made.holds else "does not hold here"
    if not made.holds and made.name in _book:
        verdict += f"; the book's build got {_short(_book[made.name])}"
    source = f" <span class='db-claim-source'>({escape(made.source)})</span>" if made.source else ""
    html = (
        f"<div class='db-claim' id='claim-{made.name}' data-holds='{str(made.holds).lower()}'>"
        f"<span class='db-claim-mark' aria-hidden='true'>{'✓' if made.holds else '✗'}</span> "
        f"<span class='db-claim-name'>{escape(made.name)}</span> "
        f"<b>{_short(made.value)}</b> "
        f"<span class='db-claim-bound'>promised {escape(made.bound)}{source}: {verdict}</span>"
        "</div>"
    )
    metadata: dict[str, Any] = {
        "scrapbook": {"name": made.name, "mime_prefix": ""},
        "deepbook": {"claim": asdict(made) | {"value": _json_number(made.value)}},
    }
    display({"text/plain": _text(made.value), "text/html": html}, raw=True, metadata=metadata)


def _json_number(number: float) -> float | str:
    # JSON has no NaN and no infinity
    return number if math.isfinite(number) else str(number)
