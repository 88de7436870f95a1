"""The Sphinx extension that says on every page which edition and commit it is of."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

import deepbook

# what the built site depends on: a change elsewhere is no change of the edition
_SOURCES = ("_config.yml", "_toc.yml", "book", "code", "pyproject.toml", "requirements.txt")


def name_edition(app: Sphinx, config: Config) -> None:
    """Tell the templates which edition this is; :func:`sign` adds the commit."""
    config.html_context["edition"] = {
        "title": config.html_title,
        "author": config.author,
        "year": config.copyright,
        "version": deepbook.__version__,
    }
    config.edition_commit = commit(Path(app.srcdir))


def commit(root: Path) -> str:
    """Short name of the commit that ``root`` is checked out from.

    Parameters
    ----------
    root : Path
        The repository's own top folder.

    Returns
    -------
    str
        With a remark if the book's sources differ from the commit; ``"unknown"`` if
        ``root`` is no repository, or only a part of another one.
    """
    try:
        if Path(_git(root, "rev-parse", "--show-toplevel")).resolve() != root.resolve():
            return "unknown"
        name = _git(root, "rev-parse", "--short=8", "HEAD")
        changed = _git(root, "status", "--porcelain", "--", *_SOURCES)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{name} with later changes" if changed else name


def sign(app: Sphinx, error: Exception | None) -> None:
    """Write the commit into every page, where the template has left a place for it.

    Were it a value of the template, Sphinx would have to write all pages again after each
    commit, and after the first edit that follows.
    """
    if error is not None or app.builder.format != "html":
        return
    signature = f"<span class=db-commit>{app.config.edition_commit}</span>".encode()
    for page in Path(app.outdir).rglob("*.html"):
        content = page.read_bytes()
        signed = re.sub(rb"<span class=db-commit>[^<]*</span>", lambda _: signature, content)
        if signed != content:
            status = page.stat()
            page.write_bytes(signed)
            # by this time Sphinx and the downloads know when the page was written
            os.utime(page, ns=(status.st_atime_ns, status.st_mtime_ns))


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_config_value("edition_commit", "", "")
    app.connect("config-inited", name_edition)
    # after everything else that writes pages
    app.connect("build-finished", sign, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
