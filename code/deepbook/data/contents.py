"""One hash for a file, or for a folder of files by their names and contents."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

__all__ = ["hash_of", "hash_of_listing"]


def hash_of(path: Path) -> str:
    """SHA-256 of a file; of a folder, the hash over its files; "" if there is neither.

    Hidden files in a folder do not count: file managers leave them behind.

    Parameters
    ----------
    path : Path
    """
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if not path.is_dir():
        return ""
    files = [file for file in path.rglob("*") if file.is_file() and not file.name.startswith(".")]
    return hash_of_listing({file.relative_to(path).as_posix(): hash_of(file) for file in files})


def hash_of_listing(digests: Mapping[str, str]) -> str:
    """SHA-256 over names and contents: of what ``sha256sum`` prints for them, sorted by name.

    Parameters
    ----------
    digests : mapping from str to str
        Path below the folder, with ``/`` between its parts, to the file's SHA-256.
    """
    lines = [f"{digest}  {name}\n" for name, digest in sorted(digests.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
