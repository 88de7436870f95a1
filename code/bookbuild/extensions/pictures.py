"""The Sphinx extension that gives each picture its size, so that no page moves while it loads.

A picture below the first one loads when a reader comes near it.
"""

import re
import struct
import xml.etree.ElementTree as ElementTree
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from docutils import nodes
from sphinx.application import Sphinx

_IMAGE = re.compile(r"<img\b[^>]*>")
# what a length in an SVG means in pixels of a screen
_PIXELS = {
    "": 1.0,
    "px": 1.0,
    "pt": 4 / 3,
    "pc": 16.0,
    "in": 96.0,
    "mm": 96 / 25.4,
    "cm": 96 / 2.54,
}


def size_of(file: Path) -> tuple[int, int] | None:
    """Width and height of a picture in pixels; None for one that does not tell.

    Parameters
    ----------
    file : Path
        An SVG or a PNG.
    """
    if not file.is_file():
        return None
    return _size_of(file, file.stat().st_mtime_ns)


@cache
def _size_of(file: Path, changed: int) -> tuple[int, int] | None:
    if file.suffix == ".png":
        return size_of_png(file.read_bytes())
    if file.suffix != ".svg":
        return None
    try:
        _, root = next(ElementTree.iterparse(file, events=["start"]))
    except (ElementTree.ParseError, StopIteration):
        return None
    lengths = [_pixels(root.get(side, "")) for side in ("width", "height")]
    if lengths[0] and lengths[1]:
        return round(lengths[0]), round(lengths[1])
    box = [_pixels(number) for number in re.split(r"[\s,]+", root.get("viewBox", "").strip())]
    if len(box) == 4 and box[2] and box[3]:
        return round(box[2]), round(box[3])
    return None


def size_of_png(content: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG in its own pixels, from its first bytes; None of anything else."""
    if len(content) < 24 or content[1:4] != b"PNG":
        return None
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def _pixels(length: str) -> float | None:
    found = re.fullmatch(r"([\d.]+)([a-z]*)", length)
    return float(found[1]) * _PIXELS[found[2]] if found and found[2] in _PIXELS else None


def give_sizes(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """Write width, height and lazy loading into the pictures of a page."""
    files = {
        name: Path(app.srcdir, source)
        for source, name in getattr(app.builder, "images", {}).items()
    }
    count = 0

    def sized(match: re.Match[str]) -> str:
        nonlocal count
        tag = match[0]
        source = re.search(r'\bsrc="([^"]*)"', tag)
        if source is None or source[1].startswith("data:"):
            return tag
        count += 1
        added = ""
        size = size_of(files.get(unquote(source[1]).rpartition("/")[2], Path()))
        if size is not None and not re.search(r"\b(width|height)=", tag):
            added += f' width="{size[0]}" height="{size[1]}"'
        if count > 1 and "loading=" not in tag:
            added += ' loading="lazy"'
        return re.sub(r"\s*/?>$", added + " />", tag)

    if context.get("body"):
        context["body"] = _IMAGE.sub(sized, context["body"])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("html-page-context", give_sizes)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
