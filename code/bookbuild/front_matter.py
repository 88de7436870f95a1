"""What a page says of itself in its front matter."""

import re
from collections.abc import Mapping
from typing import Any

import yaml


def front_matter(text: str) -> Mapping[str, Any]:
    """The settings between the two lines of dashes that a page may begin with.

    Parameters
    ----------
    text : str
        The page's source.
    """
    header = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    settings = yaml.safe_load(header[1]) if header else None
    return settings if isinstance(settings, Mapping) else {}


def sections(text: str) -> list[str]:
    """The sections of Goodfellow et al. (2016) that a page is about: ``["18.1", "18.2"]``.

    Raises
    ------
    ValueError
        If they are no list of numbers in quotes.
    """
    given = front_matter(text).get("sections", [])
    if not isinstance(given, list) or not all(
        isinstance(number, str) and re.fullmatch(r"\d+(\.\d+){0,2}", number) for number in given
    ):
        raise ValueError(f'expected sections: ["18.1", "18.2"], got {given!r}')
    return given


def line_of(text: str, key: str) -> int:
    """The line on which the front matter sets ``key``; the first one if it does not."""
    lines = text.split("\n")
    return next((n for n, line in enumerate(lines, start=1) if line.startswith(f"{key}:")), 1)
