"""Executed pages: their outputs in jupyter-cache, and beside it what they depended on.

The record is the truth: outputs count only if a page's record says what made them and they
are still the same. So a build that was killed between the two, or a damaged cache, can make
a page run again, and can never pass off other outputs as its own.
"""

import copy
import hashlib
import json
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from jupyter_cache.cache.db import NbCacheRecord
from sqlalchemy.exc import OperationalError

from bookbuild.execution.dependencies import Dependencies, Surroundings, hash_of_cells
from bookbuild.execution.experiment import Measurement, experiment_of, modules_that_measure
from bookbuild.project import PACKAGE, BuildFailed, Project, hash_of_folder

# the option by which a cell takes its code from a file
_LOADS = re.compile(rb"^:?load:", re.MULTILINE)

# the store that whoever asks for one shall have: it has read the pages already
_at_work: ContextVar["Store | None"] = ContextVar("_at_work", default=None)


@dataclass(frozen=True)
class Record:
    """What is known of a page's last good run.

    Attributes
    ----------
    ran_with : Dependencies
    key : str
        The hash under which jupyter-cache holds its outputs.
    outputs : str
        Hash of the outputs.
    seconds, cpu_seconds : float
        What it took; the kernel's start and imports included.
    speed : float
        Reference seconds in a CPU-second when it ran; NaN if nobody asked.
    finished : str
        When, in UTC: ``"2026-11-21T22:04:05Z"``.
    file : str
        Hash of the file in jupyter-cache. The same bytes need not be read and judged again;
        with others, or without this hash, the outputs themselves are compared.
    source : str
        Hash of the page's source when it was last served. The same source has the same cells.
    claims : list of dict, optional
        What the cells claimed, as :func:`claims_in` gives it.
    """

    ran_with: Dependencies
    key: str
    outputs: str
    seconds: float
    cpu_seconds: float
    speed: float
    finished: str
    file: str = ""
    source: str = ""
    claims: list[dict[str, Any]] | None = None


class Store:
    """The executed pages of one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.surroundings = Surroundings()
        # what makes cells of a source and outputs of a cell: this package, and MyST-NB
        self.reader = hash_of_folder(PACKAGE) + version("myst-nb")
        self.cache = _open(project.cache_folder)
        self._records: dict[str, Record | None] = {}
        self._read: dict[str, tuple[str, nbformat.NotebookNode, str]] = {}
        self._ran: dict[str, nbformat.NotebookNode | None] = {}
        self._known: dict[str, bool] = {}

    @classmethod
    def of(cls, project: Project) -> "Store":
        """The store that is at work on the project, or a new one."""
        store = _at_work.get()
        return store if store is not None and store.project == project else cls(project)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Inside, :meth:`of` gives this store."""
        before = _at_work.set(self)
        try:
            yield
        finally:
            _at_work.reset(before)

    def why(self, page: str) -> str | None:
        """Why a page has to be executed, in a few words; None if it is fresh."""
        record = self.record(page)
        if record is None:
            damaged = self._path(page).exists()
            return "its record is damaged" if damaged else "it was never executed"
        # a page that was not edited need not be parsed
        same = record.source == self._hash_of_source(page)
        cells = record.ran_with.cells if same else self._page(page)[1]
        change = self.surroundings.change(record.ran_with, cells)
        if change is not None:
            return change
        if self._is_known(record):
            return None
        notebook = self._cached(record)
        if notebook is None:
            return "its outputs are missing or damaged"
        if hash_of_outputs(notebook) != record.outputs:
            return "its outputs are not those of its last run"
        return None

    def fresh(self, page: str) -> Record | None:
        """The record of a page whose outputs are those of today's code; None if it is stale."""
        try:
            return self.record(page) if self.why(page) is None else None
        except BuildFailed:
            return None

    def get(self, page: str) -> tuple[nbformat.NotebookNode, Record] | None:
        """A fresh page's cells, with their outputs and today's metadata; None if it is stale."""
        record = self.fresh(page)
        if record is None:
            return None
        ran = self._cached(record)
        assert ran is not None
        notebook = copy.deepcopy(self._page(page)[0])
        outputs = iter(cell for cell in ran.cells if cell.cell_type == "code")
        for cell in notebook.cells:
            if cell.cell_type == "code":
                before = next(outputs)
                cell.outputs = copy.deepcopy(before.outputs)
                cell.execution_count = before.execution_count
        notebook.metadata.update(
            {k: ran.metadata[k] for k in ("kernelspec", "language_info") if k in ran.metadata}
        )
        return notebook, record

    def claims(self, page: str) -> list[dict[str, Any]] | None:
        """What a fresh page claimed, in order; None if it is stale."""
        record = self.fresh(page)
        if record is None or record.claims is not None:
            return record.claims if record is not None else None
        executed = self.get(page)
        return claims_in(executed[0]) if executed is not None else None

    def put(self, page: str, notebook: nbformat.NotebookNode, record: Record) -> Record:
        """Keep a page's outputs, and then its record."""
        data = {"execution_seconds": record.seconds, "cpu_seconds": record.cpu_seconds}
        _, key = self.cache.create_hashed_notebook(notebook)
        self._remove(key)
        bundle = CacheBundleIn(notebook, str(self.project.source(page)), data=data)
        with _errors_of_sqlite():
            kept = self.cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
        file = _hash_of_file(self._file(kept.hashkey))
        record = replace(
            record,
            key=kept.hashkey,
            outputs=hash_of_outputs(notebook),
            file=file,
            source="",  # until it is served: it may have been edited while it ran
            claims=claims_in(notebook),
        )
        self._write(page, record)
        self._forget(record.key)
        if not self.surroundings.change(record.ran_with, record.ran_with.cells):
            modules = modules_that_measure(record.ran_with.modules)
            code = experiment_of(notebook).code
            Measurement(code, modules, record.ran_with.data, record.claims or []).keep(
                self.project, page
            )
        return record

    def serve(self, page: str) -> None:
        """See to it that MyST-NB finds a fresh page's outputs, and no outputs of a stale one.

        jupyter-cache takes a changed caption for a changed cell; outputs stay good for it.
        """
        source = self._hash_of_source(page)
        record = self.fresh(page)
        if record is not None and record.source == source and record.claims is not None:
            return
        _, key = self.cache.create_hashed_notebook(self._page(page)[0])
        if record is None:
            self._remove(key)
            return
        if record.key != key and (fresh := self.get(page)) is not None:
            record = self.put(page, *fresh)
        if self._hash_of_source(page) == source:  # nobody edits it just now
            self._write(page, replace(record, source=source, claims=self.claims(page)))

    def record(self, page: str) -> Record | None:
        """A page's record; None if it has none, or a damaged one."""
        if page not in self._records:
            self._records[page] = self._read_record(page)
        return self._records[page]

    def _write(self, page: str, record: Record) -> None:
        path = self._path(page)
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(".new")
        scratch.write_text(json.dumps(asdict(record), indent=1) + "\n", "utf-8")
        scratch.replace(path)
        self._records[page] = record

    def _hash_of_source(self, page: str) -> str:
        source = self.project.source(page).read_bytes()
        digest = hashlib.sha256(self.reader.encode() + source)
        if _LOADS.search(source):  # a cell's code stands in another file
            digest.update(hash_of_cells(self.project.notebook(page)).encode())
        return digest.hexdigest()

    def _page(self, page: str) -> tuple[nbformat.NotebookNode, str]:
        """The page as it stands now, and the hash of its code cells; parsed once."""
        source = self._hash_of_source(page)
        if page not in self._read or self._read[page][0] != source:
            notebook = self.project.notebook(page)
            self._read[page] = source, notebook, hash_of_cells(notebook)
        return self._read[page][1:]

    def _read_record(self, page: str) -> Record | None:
        try:
            fields = json.loads(self._path(page).read_text("utf-8"))
            return Record(**{**fields, "ran_with": Dependencies(**fields["ran_with"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _path(self, page: str) -> Path:
        return self.project.build / "records" / f"{page}.json"

    def _is_known(self, record: Record) -> bool:
        """Whether jupyter-cache holds, byte for byte, what it was given with this record."""
        if record.key not in self._known:
            known = False
            with suppress(KeyError, OSError), _errors_of_sqlite():
                NbCacheRecord.record_from_hashkey(record.key, self.cache.db)
                known = _hash_of_file(self._file(record.key)) == record.file
            self._known[record.key] = known
        return self._known[record.key]

    def _cached(self, record: Record) -> nbformat.NotebookNode | None:
        """What jupyter-cache holds under the record's key; read once."""
        if record.key not in self._ran:
            self._ran[record.key] = self._read_cached(record)
        return self._ran[record.key]

    def _read_cached(self, record: Record) -> nbformat.NotebookNode | None:
        # not through jupyter-cache, which writes to its database at every read
        file = self._file(record.key)
        try:
            if self._is_known(record):  # and so was judged when it was written
                return nbformat.v4.reads_json(file.read_text("utf-8"))
            with _errors_of_sqlite():
                NbCacheRecord.record_from_hashkey(record.key, self.cache.db)
            notebook = nbformat.read(file, nbformat.NO_CONVERT)
            nbformat.validate(notebook)
        except OperationalError:
            raise
        except Exception:  # whatever nbformat makes of a damaged file
            return None
        return notebook

    def _remove(self, key: str) -> None:
        with suppress(KeyError), _errors_of_sqlite():
            record = NbCacheRecord.record_from_hashkey(key, self.cache.db)
            NbCacheRecord.remove_records([record.pk], self.cache.db)
        # a folder that was left half written would stand in jupyter-cache's way for ever
        shutil.rmtree(self._file(key).parent, ignore_errors=True)
        self._forget(key)

    def _forget(self, key: str) -> None:
        self._ran.pop(key, None)
        self._known.pop(key, None)

    def _file(self, key: str) -> Path:
        """Where jupyter-cache holds the outputs with this key."""
        return self.project.cache_folder / "executed" / key / "base.ipynb"


def hash_of_outputs(notebook: nbformat.NotebookNode) -> str:
    """Hash of what a page's code cells gave out."""
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(outputs, sort_keys=True).encode()).hexdigest()


def claims_in(notebook: nbformat.NotebookNode) -> list[dict[str, Any]]:
    """The claims that a page's cells made, in order, as their outputs' metadata tell."""
    return [
        claim
        for cell in notebook.cells
        if cell.cell_type == "code"
        for claim in claims_in_cell(cell)
    ]


def claims_in_cell(cell: nbformat.NotebookNode) -> list[dict[str, Any]]:
    """The claims that one cell made."""
    outputs = [output.get("metadata", {}).get("deepbook", {}) for output in cell.get("outputs", [])]
    return [told["claim"] for told in outputs if "claim" in told]


def numbers_glued_in(notebook: nbformat.NotebookNode) -> dict[str, float]:
    """The numbers that a page's cells named without promising anything."""
    found = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            name = output.get("metadata", {}).get("scrapbook", {}).get("name")
            text = output.get("data", {}).get("application/papermill.record/text/plain")
            if name is not None and text is not None:
                with suppress(ValueError):  # a text
                    found[name] = float(text)
    return found


def _hash_of_file(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@contextmanager
def _errors_of_sqlite() -> Iterator[None]:
    """Let errors of the database through as what they are: jupyter-cache hides what they say."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error.__cause__, OperationalError):
            raise error.__cause__ from None
        raise


def _open(folder: Path) -> JupyterCacheAbstract:
    """The cache in ``folder``; a damaged one is thrown away, and said so.

    A database that is locked, on a full disk or in a folder that may not be written to is not
    damaged: sqlite calls these operational errors.
    """
    try:
        return _read(get_cache(folder))
    except OSError:
        raise
    except Exception as error:  # whatever a damaged database makes of itself
        if isinstance(error, OperationalError) and "no such table" not in str(error):
            raise
        print(f"the cache is damaged and begins anew ({error})", file=sys.stderr)
    shutil.rmtree(folder)
    return get_cache(folder)


def _read(cache: JupyterCacheAbstract) -> JupyterCacheAbstract:
    with _errors_of_sqlite():
        for record in cache.list_cache_records():
            assert record.hashkey
    return cache
