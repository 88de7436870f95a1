"""Where a page offers what readers may download: in its menu, and at the head of a chapter."""

import re
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from bookbuild.downloads.notebook import FOLDER, ZIP
from bookbuild.downloads.zips import opening_of, zip_name

_END_OF_TITLE = re.compile(r"</h1>\n?")


def notebook_name(docname: str) -> str:
    """File name of a page's notebook: ``feedforward-digits.ipynb``."""
    return docname.removeprefix("book/").replace("/", "-") + ".ipynb"


def has_notebook(app: Sphinx, docname: str) -> bool:
    """Whether the page was executed, and so has a notebook."""
    return "source_map" in app.env.metadata.get(docname, {})


def offer(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """Put the notebook first into the menu that the theme opens for downloads."""
    if not has_notebook(app, pagename):
        return
    menus = [b for b in context.get("header_buttons", []) if b.get("label") == "download-buttons"]
    name = notebook_name(pagename)
    links = [
        ("notebook", f"notebooks/{name}", "Notebook (.ipynb)", "This page as a Jupyter notebook"),
        ("notebooks", ZIP, "All notebooks (.zip)", "All pages as notebooks, with their package"),
    ]
    if (opening := opening_of(pagename)) is not None and has_notebook(app, opening):
        about = "The pages of this chapter as notebooks, with their package"
        links.insert(1, ("chapter", zip_name(opening), "This chapter (.zip)", about))
    buttons = []
    for label, file, text, tooltip in links:
        url = context["pathto"](f"{FOLDER}/{file}", 1)
        buttons.append(
            {
                "type": "link",
                # Without the attribute "download" a browser shows the notebook's source, and
                # the theme's template has no other place for it.
                "url": f'{url}" download="{escape(Path(file).name)}',
                "text": text,
                "tooltip": tooltip,
                "icon": "fas fa-download",
                "label": f"download-{label}-button",
            }
        )
    for menu in menus:
        menu["buttons"][:0] = buttons


def offer_chapter(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """Write under the title of a page that opens a chapter where the chapter's zip is."""
    if opening_of(pagename) != pagename or not has_notebook(app, pagename):
        return
    name = zip_name(pagename)
    url = context["pathto"](f"{FOLDER}/{name}", 1)
    line = (
        f'<p class="db-chapter-zip d-print-none"><a href="{url}" download="{escape(name)}">'
        "This chapter as notebooks</a>, with the package that they use, in one zip.</p>\n"
    )
    if context.get("body"):
        context["body"] = _END_OF_TITLE.sub(lambda end: end[0] + line, context["body"], count=1)
