"""The Sphinx extension for what makes the site calm and fast and configuration cannot do.

The theme gives each page its structure and its small scripts. Its 1.5 MB of icons, 0.4 MB
of Bootstrap and the sheets that extensions bring are replaced by a few small sheets in
``book/_static`` (``layout.css`` for the frame, ``book.css`` for the text of an article).
"""

import shutil
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder

# what the site's own sheets replace
_REPLACED = (
    "styles/sphinx-book-theme.css",
    "togglebutton.css",
    "copybutton.css",
    "mystnb.*.css",
    "exercise.css",
    "proof.css",
)
# files that few pages use, and what in a page shows that it needs them
_ON_DEMAND = {
    "sphinx-design.min.css": 'class="sd-',
    "design-tabs.js": 'class="sd-tab',
    "live.js": "data-values data-src=",
}
# what the theme copies into the site and no page of it loads
_NEVER_LOADED = (
    *_REPLACED,
    "basic.css",
    "scripts/*.map",
    "scripts/bootstrap*",
    "scripts/fontawesome*",
    "styles",
    "vendor",
    "images/logo_*",
    "locales",
    "sbt-webpack-macros.html",
    "webpack-macros.html",
    "plus.png",
    "minus.png",
    "file.png",
)


def load_less(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object
) -> None:
    """Take out of a page the sheets and scripts that it does not use."""
    body = context.get("body") or ""
    for kind in ("css_files", "script_files"):
        # in place: other extensions add to the same list
        context[kind][:] = [file for file in context[kind] if _used(file, body)]


def _used(file: Any, body: str) -> bool:
    name = str(getattr(file, "filename", file) or "").removeprefix("_static/")
    if any(fnmatch(name, pattern) for pattern in _REPLACED):
        return False
    return name not in _ON_DEMAND or _ON_DEMAND[name] in body


def lead_to_first_page(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """``index.html``, which the address of the site alone means."""
    root = app.config.root_doc
    if root != "index":
        yield "index", {"target": app.builder.get_relative_uri("index", root)}, "redirect.html"


def forget_words(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Take words out of the search index that no page says any more: Sphinx leaves them in."""
    if isinstance(app.builder, StandaloneHTMLBuilder) and app.builder.indexer is not None:
        for words in (app.builder.indexer._mapping, app.builder.indexer._title_mapping):
            for word in [word for word, pages in words.items() if not pages]:
                del words[word]
    yield from ()


def remove_unused(app: Sphinx, error: Exception | None) -> None:
    """Leave out of the site what no page loads: the theme's files, pictures of earlier runs."""
    if error is not None or app.builder.name != "html":
        return
    static = Path(app.outdir) / "_static"
    for pattern in _NEVER_LOADED:
        for path in static.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    pictures = {name for _, name in app.env.images.values()}
    for path in (Path(app.outdir) / app.builder.imagedir).glob("*"):
        if path.name not in pictures:
            path.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    # Jupyter Book sets this for an extension that the book does without
    app.add_config_value("comments_config", {}, "")
    app.connect("html-collect-pages", lead_to_first_page)
    app.connect("html-collect-pages", forget_words)
    # after the extensions and the theme, which add files there
    app.connect("html-page-context", load_less, priority=900)
    app.connect("build-finished", remove_unused, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
