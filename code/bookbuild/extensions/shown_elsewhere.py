"""The Sphinx extension that lets no page show what another page was called before.

A page shows titles and numbers of others: in its links, in the contents at its side, at its
foot. Sphinx writes again the pages whose own source changed, and a heading that has become
another one would keep its old words everywhere else. So all pages are written again, though
not read, when something changed that a page may show of others; and when a sheet or a script
changed, of which each page names the version, and which Sphinx else leaves as it was.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from bookbuild.project import hash_of_folder


def write_again(app: Sphinx, env: BuildEnvironment) -> Iterable[str]:
    """All pages if anything that they show of each other has changed; else none."""
    current = (interface(env), works(env))
    before = getattr(env, "bookbuild_interface", current)
    env.bookbuild_interface = current  # type: ignore[attr-defined]
    # a work that nobody cited before is shown by nobody else
    same = all(before[1].get(key, text) == text for key, text in current[1].items())
    static = [hash_of_folder(Path(app.confdir) / name) for name in app.config.html_static_path]
    looks = getattr(env, "bookbuild_static", static) == static
    env.bookbuild_static = static  # type: ignore[attr-defined]
    return [] if before[0] == current[0] and same and looks else sorted(env.found_docs)


def interface(env: BuildEnvironment) -> str:
    """Titles, numbers and labels of all pages, and their order."""
    shown = {
        "titles": {page: title.astext() for page, title in env.titles.items()},
        "contents": env.toctree_includes,
        "sections": {
            page: {place: number for place, number in numbers.items() if number}
            for page, numbers in env.toc_secnumbers.items()
        },
        "figures": env.toc_fignumbers,
        "labels": env.domaindata["std"]["labels"],
        "places": env.domaindata["std"]["anonlabels"],
        "equations": env.domaindata["math"]["objects"],
    }
    return json.dumps(shown, sort_keys=True, default=str)


def works(env: BuildEnvironment) -> dict[str, str]:
    """How each work that some page cites is written."""
    if "cite" not in env.domains:
        return {}
    domain: Any = env.get_domain("cite")
    formatted = {work.key: work.formatted_entry for work in domain.citations}
    return {key: f"{entry.label} {entry.text}" for key, entry in formatted.items()}


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    # after Sphinx has numbered everything
    app.connect("env-get-updated", write_again, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
