"""Citations and spelling of the whole book."""

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence

from bookbuild.page_source import Finding
from bookbuild.project import BuildFailed, Project

BIBLIOGRAPHY = "book/references.bib"

_ENTRY = re.compile(r"^\s*@(?!comment|string|preamble)\w+\s*\{\s*([^\s,]+)", re.IGNORECASE)
_CITATION = re.compile(r"\{cite(?::\w+)?\}`([^`]*)`")
_MISSPELLED = re.compile(r"(.+?):(\d+): (.+ ==> .+)")


def check_citations(project: Project, texts: Mapping[str, str]) -> list[Finding]:
    """Find entries that no page cites, and citations of no entry.

    Parameters
    ----------
    project : Project
    texts : mapping from page to source
        Every document of the book.
    """
    bibliography = project.root / BIBLIOGRAPHY
    entries = (
        {
            match[1]: number
            for number, line in enumerate(_lines(bibliography.read_text("utf-8")), start=1)
            if (match := _ENTRY.match(line))
        }
        if bibliography.is_file()
        else {}
    )
    findings, cited = [], set()
    for page, text in texts.items():
        for number, line in enumerate(_lines(text), start=1):
            for role in _CITATION.findall(line):
                # braces hold what stands before and behind a citation
                for key in re.sub(r"\{[^{}]*\}", "", role).replace(" ", "").split(","):
                    cited.add(key)
                    if key not in entries:
                        message = f"{key!r} is not in {BIBLIOGRAPHY}"
                        findings.append(Finding(f"{page}.md", number, message))
    findings += [
        Finding(BIBLIOGRAPHY, number, f"no page cites {key!r}")
        for key, number in entries.items()
        if key not in cited
    ]
    return findings


class Spelling:
    """Looks for misspelled words, with the settings of the project's ``pyproject.toml``.

    Parameters
    ----------
    project : Project
    pages : sequence of str
    """

    def __init__(self, project: Project, pages: Sequence[str]) -> None:
        self._process: subprocess.Popen[str] | None = None
        if not pages:  # without a name codespell would read everything
            return
        self._process = subprocess.Popen(
            [sys.executable, "-m", "codespell_lib", *(f"{page}.md" for page in pages)],
            cwd=project.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def findings(self) -> list[Finding]:
        """What was found; waits until everything is read.

        Raises
        ------
        BuildFailed
            If codespell cannot do its work.
        """
        if self._process is None:
            return []
        output, errors = self._process.communicate()
        found = [match for line in output.splitlines() if (match := _MISSPELLED.fullmatch(line))]
        if self._process.returncode and not found:
            raise BuildFailed(f"codespell failed:\n{output}{errors}".rstrip())
        return [Finding(m[1].removeprefix("./"), int(m[2]), f"spelling: {m[3]}") for m in found]


def _lines(text: str) -> list[str]:
    return text.split("\n")
