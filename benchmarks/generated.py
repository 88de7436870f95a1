"""Books of trivial pages in a temporary folder, and the cost of commands at work on them."""

import ctypes
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
_PR_SET_CHILD_SUBREAPER = 36

PAGE = """\
---
jupytext: {{text_representation: {{extension: .md, format_name: myst}}}}
kernelspec: {{display_name: Python 3, language: python, name: python3}}
---

# Page {n}

This page of a generated book does as little as a page can.

```{{code-cell}} ipython3
import torch

import deepbook
from deepbook import figures

numbers = torch.linspace(0, {n}, 20)
deepbook.glue("total-{n}", float(numbers.sum()))
```

The sum is {{glue:text}}`total-{n}:.1f`, as {{eq}}`eq-{n}` says.

$$
s = \\sum_i x_i
$$ (eq-{n})

```{{code-cell}} ipython3
---
mystnb:
  figure: {{caption: 'Line {n}.', name: fig-{n}}}
  image: {{alt: 'A straight line that rises to {n}.'}}
---
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(3, 2))
axes.plot(numbers);
```

{{numref}}`fig-{n}` shows them.
"""

INDEX = """\
# A generated book

It has pages, and a bibliography {cite:p}`someone2026`.

```{bibliography}
```
"""
WORK = "@book{someone2026, author={Some One}, title={A book}, publisher={Nobody}, year={2026}}\n"


@dataclass(frozen=True)
class Cost:
    """What a command took: CPU time of its whole tree of processes, and wall time."""

    cpu_seconds: float
    wall_seconds: float
    output: str


@contextmanager
def book(pages: int, *, stock: bool = False) -> Iterator[Path]:
    """The folder of a new book; with ``stock``, one without any extension of ours."""
    with TemporaryDirectory(prefix="book-") as folder:
        root = Path(folder)
        names = [f"book/page{n:03}" for n in range(1, pages + 1)]
        (root / "book").mkdir()
        for n, name in enumerate(names, start=1):
            (root / f"{name}.md").write_text(PAGE.format(n=n))
        (root / "book/index.md").write_text(
            "# A generated book\n\nIt has pages.\n" if stock else INDEX
        )
        chapters = [{"file": name} for name in names]
        toc = {"format": "jb-book", "root": "book/index", "chapters": chapters}
        (root / "_toc.yml").write_text(yaml.safe_dump(toc))
        config = yaml.safe_load((ROOT / "_config.yml").read_text())
        if stock:
            config = _without_our_extensions(config)
        else:
            for name in ("_static", "_templates"):
                shutil.copytree(ROOT / "book" / name, root / "book" / name)
            (root / "book/references.bib").write_text(WORK)
        (root / "_config.yml").write_text(yaml.safe_dump(config))
        yield root


def _without_our_extensions(config: dict) -> dict:
    """Jupyter Book's own list of extensions, theme and style; it executes the pages itself."""
    kept = {name: config[name] for name in ("title", "only_build_toc_files", "exclude_patterns")}
    kept["parse"] = {"myst_enable_extensions": config["parse"]["myst_enable_extensions"]}
    kept["execute"] = {"execute_notebooks": "cache", "cache": "_build/cache", "timeout": 120}
    kept["latex"] = config["latex"]
    kept["sphinx"] = {"config": {"nb_merge_streams": True}}
    return kept


def count_every_process() -> None:
    """Make this process the one that orphans fall to, so that :func:`measure` counts them."""
    if ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError("this system has no way to count the CPU time of orphaned processes")


def measure(command: Sequence[str], folder: Path) -> Cost:
    """Run a command to its end and to that of everything it started.

    Raises
    ------
    RuntimeError
        If it fails; with the end of what it printed.
    """
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with TemporaryDirectory() as scratch, (Path(scratch) / "output").open("w+") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(), stdout=output, stderr=subprocess.STDOUT
        )
        status = process.wait()
        wall = time.monotonic() - start
        _wait_for_orphans()
        output.seek(0)
        text = output.read()
    if status != 0:
        raise RuntimeError(f"{' '.join(command)} failed with {status}:\n{text[-3000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, wall, text)


def _wait_for_orphans() -> None:
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def environment() -> dict[str, str]:
    """One thread for each process; and no colours in what is printed."""
    return os.environ | {"OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
