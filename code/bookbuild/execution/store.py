"""Executed pages: their outputs, and beside them what they depended on.

The record is the truth: outputs count only if a page's record says what made them and they
are still the same. So a build that was killed between the two, or a damaged file, can make
a page run again, and can never pass off other outputs as its own.
"""

import copy
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat

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
    seconds, cpu_seconds : float
        What it took; the kernel's start and imports included.
    speed : float
        Reference seconds in a CPU-second when it ran; NaN if nobody asked.
    finished : str
        When, in UTC: ``"2026-11-21T22:04:05Z"``.
    outputs : str
        Hash of the outputs.
    file : str
        Hash of the file that holds them.
    source : str
        Hash of the page's source when it was last found to be fresh. The same source has the
        same cells.
    claims : list of dict
        What the cells claimed, as :func:`claims_in` gives it.
    """

    ran_with: Dependencies
    seconds: float
    cpu_seconds: float
    speed: float
    finished: str
    outputs: str = ""
    file: str = ""
    source: str = ""
    claims: list[dict[str, Any]] = field(default_factory=list)


class Store:
    """The executed pages of one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.surroundings = Surroundings()
        # what makes cells of a source and outputs of a cell: this package, and MyST-NB
        self.reader = hash_of_folder(PACKAGE) + version("myst-nb")
        self._records: dict[str, Record | None] = {}
        self._read: dict[str, tuple[str, nbformat.NotebookNode, str]] = {}
        self._ran: dict[str, nbformat.NotebookNode] = {}
        self._intact: dict[str, bool] = {}

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
            damaged = self._path(page, "records", ".json").exists()
            return "its record is damaged" if damaged else "it was never executed"
        # a page that was not edited need not be parsed
        same = record.source == self._hash_of_source(page)
        cells = record.ran_with.cells if same else self._page(page)[1]
        change = self.surroundings.change(record.ran_with, cells)
        if change is None and not self._is_intact(page, record):
            return "its outputs are missing or damaged"
        return change

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
        if page not in self._ran:
            text = self._path(page, "executed", ".ipynb").read_text("utf-8")
            # without nbformat's judgement: it was valid when it was written
            self._ran[page] = nbformat.v4.reads_json(text)
        ran = self._ran[page]
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
        return record.claims if record is not None else None

    def put(self, page: str, notebook: nbformat.NotebookNode, record: Record) -> None:
        """Keep a page's outputs, and then its record."""
        text = nbformat.writes(notebook)
        path = self._path(page, "executed", ".ipynb")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        self._ran.pop(page, None)
        self._intact.pop(page, None)
        record = replace(
            record,
            outputs=hash_of_outputs(notebook),
            file=_hash_of_file(path),
            source="",  # it may have been edited while it ran
            claims=claims_in(notebook),
        )
        self._write(page, record)
        if not self.surroundings.change(record.ran_with, record.ran_with.cells):
            modules = modules_that_measure(record.ran_with.modules)
            code = experiment_of(notebook).code
            Measurement(code, modules, record.ran_with.data, record.claims).keep(self.project, page)

    def remember_source(self, page: str) -> None:
        """Note that a fresh page has this source: until it is edited it need not be parsed."""
        source, record = self._hash_of_source(page), self.fresh(page)
        # unless somebody edits it just now
        if record is not None and record.source != source == self._hash_of_source(page):
            self._write(page, replace(record, source=source))

    def record(self, page: str) -> Record | None:
        """A page's record; None if it has none, or a damaged one."""
        if page not in self._records:
            self._records[page] = self._read_record(page)
        return self._records[page]

    def _write(self, page: str, record: Record) -> None:
        path = self._path(page, "records", ".json")
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
            fields = json.loads(self._path(page, "records", ".json").read_text("utf-8"))
            return Record(**{**fields, "ran_with": Dependencies(**fields["ran_with"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _is_intact(self, page: str, record: Record) -> bool:
        """Whether the outputs are, byte for byte, what was written with this record."""
        if page not in self._intact:
            try:
                found = _hash_of_file(self._path(page, "executed", ".ipynb"))
            except FileNotFoundError:
                found = ""
            self._intact[page] = found == record.file
        return self._intact[page]

    def _path(self, page: str, kind: str, suffix: str) -> Path:
        return self.project.build / kind / f"{page}{suffix}"


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
