"""What a page says about its own cost, in its front matter.

.. code-block:: yaml

    bookbuild: {reference_seconds: 30, reason: "twelve seeds, for the spread", long: true}

``reference_seconds`` takes the place of the 20 that a page may cost, on any machine
(:mod:`bookbuild.execution.calibration`); ``long`` starts the page before others where nobody
knows yet how long each takes, as on a fresh clone.
"""

from collections.abc import Mapping
from typing import Any

from bookbuild.front_matter import front_matter, line_of
from bookbuild.page_source import Finding

PAGE_SECONDS = 20.0
# a calibration errs too: only a page that is over by this factor fails a strict build
MARGIN = 1.5
EXAMPLE = 'bookbuild: {reference_seconds: 30, reason: "...", long: true}'


def budget(text: str) -> float:
    """Reference seconds that a page may take.

    Parameters
    ----------
    text : str
        The page's source.

    Raises
    ------
    ValueError
        If the page sets a budget of its own that is no number, or gives no reason for it.
    """
    own = _settings(text)
    if "reference_seconds" not in own and "reason" not in own:
        return PAGE_SECONDS
    seconds = own.get("reference_seconds")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not seconds > 0:
        raise ValueError(f"expected {EXAMPLE}, got {own!r}")
    if not str(own.get("reason") or "").strip():
        raise ValueError(f"a budget of {seconds:g} seconds needs a reason beside it")
    return float(seconds)


def is_long(text: str) -> bool:
    """Whether the page says that it takes long.

    Raises
    ------
    ValueError
        If ``bookbuild`` in the front matter is no mapping, has unknown keys, or a ``long`` that is
        neither true nor false.
    """
    long = _settings(text).get("long", False)
    if not isinstance(long, bool):
        raise ValueError(f"expected long: true or long: false, got {long!r}")
    return long


def _settings(text: str) -> Mapping[str, Any]:
    settings = front_matter(text)
    if "bookbuild" not in settings:
        return {}
    own = settings["bookbuild"]
    if (
        not isinstance(own, Mapping)
        or not own
        or own.keys() - {"reference_seconds", "reason", "long"}
    ):
        raise ValueError(f"expected {EXAMPLE} in the front matter, got {own!r}")
    return own


def check_budget(page: str, text: str, report: Mapping[str, Any]) -> list[Finding]:
    """Find a page over its budget: in a strict build an error when it is over by half again.

    A page for which the report has no time is not judged.
    """
    file = f"{page}.md"
    line = line_of(text, "bookbuild")
    try:
        allowed = budget(text)
        is_long(text)
    except ValueError as error:
        return [Finding(file, line, str(error))]
    taken = report.get("pages", {}).get(page, {}).get("reference_seconds")
    if taken is None or taken <= allowed:
        return []
    message = f"the page costs {taken:.1f} reference seconds; its budget is {allowed:g}"
    return [Finding(file, line, message, "strict" if taken > MARGIN * allowed else "warning")]
