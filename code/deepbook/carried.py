"""Files that the package carries, such as recorded tables: read, and told to whoever asks."""

import hashlib
from importlib.resources import files

__all__ = ["files_read", "read_carried"]

_read: dict[str, str] = {}


def read_carried(package: str, name: str) -> str:
    """Text of a file that lies in a package's folder.

    Parameters
    ----------
    package : str
        ``"deepbook.boltzmann"``.
    name : str
        Relative to the package: ``"records/ais.json"``.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    content = (files(package) / name).read_bytes()
    _read[f"{package.replace('.', '/')}/{name}"] = hashlib.sha256(content).hexdigest()
    return content.decode("utf-8")


def files_read() -> dict[str, str]:
    """SHA-256 of each file that this process has read so far, by its path.

    The book's build asks: a page depends on the files that it read.
    """
    return dict(_read)
