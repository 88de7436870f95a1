"""Where things lie, and which pages the book has."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nbformat
from myst_nb.core.read import (
    MystMetadataParsingError,
    _LoadFileParsingError,
    is_myst_markdown_notebook,
    read_myst_markdown_notebook,
)
from sphinx_external_toc.parsing import parse_toc_yaml

# what every kernel of the book runs under: one thread, the same hashes, no progress bars, the
# seeds that the pages name, and figures on the page whatever the person's shell or matplotlibrc
# says. A claim that does not hold is shown: what it fails is for the build to say.
KERNEL_ENVIRONMENT = {
    "DEEPBOOK_CLAIMS": "show",
    "DEEPBOOK_PROGRESS": "0",
    "DEEPBOOK_SEED_OFFSET": "0",
    "MATPLOTLIBRC": str(Path(__file__).with_name("matplotlibrc")),
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "OMP_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}


# this package: what it makes of a page may change with it
PACKAGE = Path(__file__).parent


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
    def report(self) -> Path:
        return self.build / "report.json"

    def pages(self) -> list[str]:
        """Names of the pages that hold code cells, in the book's order: ``book/...``."""
        toc = parse_toc_yaml(self.root / "_toc.yml")
        return [page for page in toc if self.is_page(page)]

    def source(self, page: str) -> Path:
        return self.root / f"{page}.md"

    def text(self, page: str) -> str:
        """A page's source; a byte-order mark at its beginning is no part of it."""
        return self.source(page).read_text("utf-8-sig")

    def notebook(self, page: str) -> nbformat.NotebookNode:
        """A page's cells as MyST-NB reads them, without outputs.

        Raises
        ------
        BuildFailed
            If a cell's header is no YAML, or a file that it loads is not there.
        """
        try:
            return read_myst_markdown_notebook(
                self.text(page), path=self.source(page), add_source_map=True
            )
        except (MystMetadataParsingError, _LoadFileParsingError) as error:
            raise BuildFailed(f"{page}: {error}") from error

    def is_page(self, name: str) -> bool:
        """Whether a document has code cells."""
        return self.source(name).is_file() and _has_cells(self.text(name))


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
