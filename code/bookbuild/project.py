"""Where things lie, and which pages the book has."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nbformat
from myst_nb.core.read import (
    MystMetadataParsingError,
    is_myst_markdown_notebook,
    myst_nb_reader_plugin,
)
from sphinx_external_toc.parsing import parse_toc_yaml

# what every kernel of the book runs under: one thread, the same hashes, no progress bars,
# and figures on the page whatever the person's shell says
KERNEL_ENVIRONMENT = {
    "DEEPBOOK_CLAIMS": "strict",
    "DEEPBOOK_PROGRESS": "0",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "OMP_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}


class BuildFailed(Exception):
    """The build ended without a new site; the message says why."""


@dataclass(frozen=True)
class Project:
    """A book's sources and its build folder.

    Attributes
    ----------
    root : Path
        The folder that holds ``_config.yml`` and ``_toc.yml``.
    """

    root: Path

    @classmethod
    def find(cls, start: Path) -> "Project":
        """The book that ``start`` stands in.

        Raises
        ------
        FileNotFoundError
            If no folder from ``start`` upwards holds ``_toc.yml``.
        """
        for folder in [start.resolve(), *start.resolve().parents]:
            if (folder / "_toc.yml").is_file():
                return cls(folder)
        raise FileNotFoundError(f"no book here: no _toc.yml in {start} or in a folder above it")

    @property
    def build(self) -> Path:
        return self.root / "_build"

    @property
    def work(self) -> Path:
        """Sphinx's own folder: the site stands here until it is found good."""
        return self.build / "work"

    @property
    def site(self) -> Path:
        return self.build / "html"

    @property
    def cache_folder(self) -> Path:
        return self.build / "cache"

    @property
    def report(self) -> Path:
        return self.build / "report.json"

    def pages(self) -> list[str]:
        """Names of the pages that hold code cells, in the book's order: ``book/...``."""
        toc = parse_toc_yaml(self.root / "_toc.yml")
        return [page for page in toc if self.is_page(page)]

    def source(self, page: str) -> Path:
        return self.root / f"{page}.md"

    def notebook(self, page: str) -> nbformat.NotebookNode:
        """A page's cells as MyST-NB reads them, without outputs.

        Raises
        ------
        BuildFailed
            If a cell's header is no YAML.
        """
        try:
            return myst_nb_reader_plugin(str(self.source(page)))
        except MystMetadataParsingError as error:
            raise BuildFailed(f"{page}: {error}") from error

    def is_page(self, name: str) -> bool:
        """Whether a document has code cells."""
        source = self.source(name)
        return source.is_file() and _has_cells(source.read_text("utf-8"))


@cache
def _has_cells(text: str) -> bool:
    # asked for every page several times in a build
    return bool(is_myst_markdown_notebook(text))


def hash_of_folder(folder: Path) -> str:
    """Names and contents of all files in a package's folder, compiled ones aside."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()
