"""The Sphinx extension that puts what is heavy in a live figure into files beside the pages.

In a notebook a live figure is one piece of HTML that holds everything. On the site a page would
carry half a megabyte that most readers never scroll to. So the static picture becomes a PNG that
loads when it is near, and large data becomes a script: a page that was opened from disk may not
fetch a file, but it may load a script. ``book/_static/live.js`` does so when the reader comes
near, puts the data where the figure looks for it, and starts the figure.

The files lie in ``_static/live`` under the hash of their content.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from bookbuild.extensions.pictures import size_of_png

FOLDER = "_static/live"
# characters of data or of a picture that a page holds itself
LARGEST = 8_000

_FIGURE = re.compile(r'<div data-deepbook-live="[^"]*">.*?</script>\n</div>', re.DOTALL)
_PICTURE = re.compile(r'<img src="data:image/png;base64,([^"]*)"([^>]*?) width="(\d+)"')
_VALUES = re.compile(r"<script type=\"application/json\" data-values>(.*?)</script>", re.DOTALL)
_START = re.compile(r"<script>(?=.*?</script>\n</div>\Z)", re.DOTALL)


def move_out(figure: str, keep: Callable[[bytes, str], str]) -> str:
    """The HTML of a live figure without what is heavy in it.

    Parameters
    ----------
    figure : str
        As ``deepbook.live.LiveFigure`` makes it.
    keep : function
        Takes a file's content and the ending of its name, and returns its address.

    Raises
    ------
    ValueError
        If the HTML is of another form than expected.
    """
    picture, values = _PICTURE.search(figure), _VALUES.search(figure)
    if picture is None or values is None or len(_START.findall(figure)) != 1:
        raise ValueError(
            "expected a live figure with a picture in base64, <script data-values> and one script "
            f"that starts it, got {figure[:200]!r}"
        )
    if len(values[1]) > LARGEST:
        # what the script hands over is the text that the figure looks for
        address = keep(f"document.currentScript.values = {json.dumps(values[1])};\n".encode(), "js")
        figure = _START.sub('<script type="text/plain" data-start>', figure)
        script = f'<script type="application/json" data-values data-src="{address}"></script>'
        figure = figure.replace(values[0], script)
    if len(picture[1]) > LARGEST:
        content, shown = base64.b64decode(picture[1]), int(picture[3])
        size = size_of_png(content)
        if size is None:
            raise ValueError(f"expected a PNG, got {content[:8]!r}")
        tag = f'<img src="{keep(content, "png")}"{picture[2]} width="{shown}"'
        height = round(shown * size[1] / size[0])
        figure = figure.replace(picture[0], f'{tag} height="{height}"')
    return figure


def lighten(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """Move what is heavy in a page's live figures into files of the site."""

    def keep(content: bytes, ending: str) -> str:
        name = f"{FOLDER}/{hashlib.sha256(content).hexdigest()[:32]}.{ending}"
        file = Path(app.outdir) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return str(context["pathto"](name, 1))

    if context.get("body"):
        context["body"] = _FIGURE.sub(lambda found: move_out(found[0], keep), context["body"])


def remove_unused(app: Sphinx, error: Exception | None) -> None:
    """Leave out of the site the files of earlier runs."""
    files = list((Path(app.outdir) / FOLDER).glob("*"))
    if error is not None or not files:
        return
    static = Path(app.outdir) / "_static"
    pages = [page for page in Path(app.outdir).rglob("*.html") if static not in page.parents]
    named = {
        name
        for page in pages
        for name in re.findall(rf"{FOLDER}/([0-9a-f]+\.\w+)", page.read_text("utf-8"))
    }
    for file in files:
        if file.name not in named:
            file.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    # before the pictures of a page are told when to load
    app.connect("html-page-context", lighten, priority=490)
    app.connect("build-finished", remove_unused)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
