"""Notebooks and the package that they use in one file: the whole book, and each chapter."""

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

README = "README.txt"

_README = """\
{title}
{line}

Unpack this folder anywhere, open a notebook from it in Jupyter and run it from top to bottom. If
the package "deepbook" is missing, the notebook's first cell installs it from the file beside it.
By hand:

    python -m pip install {wheel}

Never install "deepbook" from a package index by its bare name: that name is not ours there.

The notebooks, in the book's order:

{notebooks}
"""


def opening_of(page: str) -> str | None:
    """Name of the page that opens a page's chapter: ``book/boltzmann/index``; None outside one."""
    folder, _, _ = page.rpartition("/")
    return f"{folder}/index" if folder.count("/") == 1 else None


def zip_name(opening: str) -> str:
    """File name of a chapter's zip: ``deepbook-boltzmann.zip``."""
    return f"deepbook-{opening.split('/')[1]}.zip"


def chapters(pages: Iterable[str]) -> dict[str, list[str]]:
    """Opening page of each chapter to the chapter's pages, in the order given.

    Parameters
    ----------
    pages : iterable of str
        Names of pages: ``"book/boltzmann/sampling"``.
    """
    found: dict[str, list[str]] = {}
    for page in pages:
        if (opening := opening_of(page)) is not None:
            found.setdefault(opening, []).append(page)
    return found


def readme(title: str, wheel: str, notebooks: Mapping[str, str]) -> bytes:
    """What stands in the file that tells how to use the others.

    Parameters
    ----------
    title : str
        What the notebooks are of.
    wheel : str
        File name of the package.
    notebooks : mapping from file name to the title of its page
        In the book's order.
    """
    width = max(map(len, notebooks), default=0)
    lines = [f"    {name:{width}}  {about}" for name, about in notebooks.items()]
    text = _README.format(
        title=title, line="=" * len(title), wheel=wheel, notebooks="\n".join(lines)
    )
    return text.encode()


def write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a zip whose bytes depend on nothing but its name and its files.

    They lie in a folder with the zip's name.
    """
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{path.stem}/{name}", (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name])
