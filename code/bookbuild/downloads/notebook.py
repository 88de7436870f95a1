"""A downloadable notebook: a page's Markdown and code, made to run by itself."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping

import nbformat
from nbformat import NotebookNode

from bookbuild.downloads.doctree_to_markdown import Block, CodeCell

FOLDER = "_downloads"
ZIP = "deepbook-notebooks.zip"

# the tags by which a page folds or hides a cell, as JupyterLab says it
_FOLDED = {
    "source_hidden": {"hide-input", "hide-cell", "remove-input", "remove-cell"},
    "outputs_hidden": {"hide-output", "hide-cell", "remove-output", "remove-cell"},
}


def setup_code(wheel: str, book_url: str, claims: Mapping[str, float]) -> str:
    """Source of the first code cell: gets ``deepbook``, and tells it the book's numbers.

    It sets one thread for torch: on two cores the pages are then as fast as with two threads
    on a quiet machine, and four times as fast on a busy one. And it asks for figures as PNG
    beside SVG.

    Parameters
    ----------
    wheel : str
        File name of the wheel.
    book_url : str
        Where the site is; empty if that is not known.
    claims : mapping
        Name of a claim to what the book's build measured.
    """
    if book_url:
        missing = f'wheel = "{book_url}/{FOLDER}/{wheel}"'
    else:
        missing = f"""\
raise ModuleNotFoundError(
            "this notebook needs the book's package: take {ZIP} from the "
            f"book's site and put {{wheel}} out of it beside this notebook"
        )"""
    lines = f"""\
# Get the book's package if it is missing (never by its bare name: that is not ours on the
# public index).
import importlib.util
import subprocess
import sys
from pathlib import Path

if importlib.util.find_spec("deepbook") is None:
    wheel = "{wheel}"
    if not Path(wheel).exists():
        {missing}
    if importlib.util.find_spec("pip") is None:
        raise ModuleNotFoundError(
            f"this environment has no pip: install {{wheel}} with the tool that made it, "
            f"for example: uv pip install --python {{sys.executable}} {{wheel}}"
        )
    subprocess.run([sys.executable, "-m", "pip", "install", wheel], check=True)
    importlib.invalidate_caches()

import torch

import deepbook

# The book's networks are small: threads that share one lose more time waiting for each other
# than they save, most of all on a busy machine.
torch.set_num_threads(1)

# Not everything that shows a notebook shows SVG: figures are kept as PNG, too.
deepbook.figures.also_png()
"""
    if claims:
        values = "".join(f'        "{name}": {value!r},\n' for name, value in claims.items())
        lines += f"""
# What the book's own build measured, so that a claim which does not hold here can say it.
deepbook.claims.book_values(
    {{
{values}    }}
)
"""
    return lines.rstrip()


def assemble(
    docname: str,
    blocks: list[Block],
    executed: NotebookNode,
    *,
    attachments: Mapping[str, Mapping[str, str]],
    about: str,
    setup: str,
) -> NotebookNode:
    """The notebook of a page: title, what it is, the set-up cell, then the page.

    Parameters
    ----------
    docname : str
    blocks : list
        Markdown and places of code cells; the first block is the title.
    executed : NotebookNode
        The page's notebook as it ran; the sources and tags of the code cells come from it.
    attachments : mapping
        Name of a picture to its mime bundle.
    about : str
        Paragraph below the title.
    setup : str
        Source of the first code cell.
    """
    title, *rest = blocks
    cells = [
        nbformat.v4.new_markdown_cell(f"{title}\n\n{about}"),
        nbformat.v4.new_code_cell(setup),
    ]
    for part in _parts(_with_hidden_cells(rest, executed)):
        if isinstance(part, CodeCell):
            cells.append(_code_cell(part, executed.cells[part.index]))
            continue
        cells.append(nbformat.v4.new_markdown_cell(part))
        shown = {name: a for name, a in attachments.items() if f"(attachment:{name})" in part}
        if shown:
            cells[-1]["attachments"] = shown
    for index, cell in enumerate(cells):  # nbformat's own ids are random
        cell["id"] = hashlib.sha256(f"{docname}:{index}".encode()).hexdigest()[:12]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = nbformat.v4.new_notebook(
        cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}}
    )
    nbformat.validate(notebook)
    return notebook


def _code_cell(place: CodeCell, ran: NotebookNode) -> NotebookNode:
    tags = list(ran.metadata.get("tags", []))
    folded = {
        key: True for key, by in _FOLDED.items() if place.in_solution or not by.isdisjoint(tags)
    }
    metadata = ({"tags": tags} if tags else {}) | ({"jupyter": folded} if folded else {})
    return nbformat.v4.new_code_cell(ran.source, metadata=metadata)


def _with_hidden_cells(blocks: list[Block], executed: NotebookNode) -> Iterator[Block]:
    """Put the code cells that the page leaves out where they ran."""
    waiting = [i for i, cell in enumerate(executed.cells) if cell.cell_type == "code"]
    for block in blocks:
        if isinstance(block, CodeCell):
            while waiting[0] < block.index:
                yield CodeCell(waiting.pop(0))
            waiting.pop(0)
        yield block
    yield from map(CodeCell, waiting)


def _parts(blocks: Iterable[Block]) -> Iterator[Block]:
    """Join the Markdown between code cells; a heading begins a new cell, as Jupyter folds them."""
    text: list[str] = []
    for block in blocks:
        if text and (isinstance(block, CodeCell) or re.match("#+ ", block)):
            yield "\n\n".join(text)
            text = []
        if isinstance(block, CodeCell):
            yield block
        else:
            text.append(block)
    if text:
        yield "\n\n".join(text)
