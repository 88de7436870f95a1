import hashlib
import importlib
import os
import sys

import pytest

from deepbook import data
from deepbook.data import fetching, registry
from deepbook.data.fetching import obtain, obtain_all
from deepbook.data.wheels import pip_arguments


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def test_the_file_in_the_cache_is_the_member_of_the_wheel(index, pinned, cache, content_of, tiny):
    path = obtain(pinned())
    assert path == cache / "tiny.csv.gz"
    assert path.read_bytes() == tiny
    assert content_of() == ["tiny.csv.gz"]


def test_a_file_in_the_cache_is_not_downloaded_again(index, pinned, cache):
    assert obtain(pinned()) == obtain(pinned())
    assert len(index.downloads) == 1


def test_a_damaged_file_in_the_cache_is_downloaded_again(index, pinned, cache, tiny):
    path = obtain(pinned())
    path.write_bytes(tiny[:-1])
    assert obtain(pinned()).read_bytes() == tiny
    assert len(index.downloads) == 2


def test_after_the_first_time_no_network_is_needed(index, pinned, cache, monkeypatch, tiny):
    obtain(pinned())
    monkeypatch.setenv("DEEPBOOK_OFFLINE", "1")
    assert obtain(pinned()).read_bytes() == tiny


def test_the_package_is_never_imported_nor_installed(index, pinned, rebuilt, cache, tiny):
    rebuilt({"tinydata/__init__.py": b"raise SystemExit", "tinydata/numbers.csv.gz": tiny})
    obtain(pinned())
    assert "tinydata" not in sys.modules
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("tinydata")


def test_a_member_whose_path_climbs_out_of_the_archive_stays_in_the_cache(
    index, pinned, rebuilt, cache, content_of, tmp_path, tiny
):
    rebuilt({"../../../escaped.csv.gz": tiny})
    path = obtain(pinned(member="../../../escaped.csv.gz"))
    assert path.parent == cache
    assert content_of() == ["tiny.csv.gz"]
    assert list(tmp_path.rglob("escaped*")) == []


def test_only_the_one_member_leaves_the_archive(index, pinned, rebuilt, cache, content_of, tiny):
    rebuilt({"tinydata/numbers.csv.gz": tiny, "tinydata/more.csv": b"1"})
    obtain(pinned())
    assert content_of() == ["tiny.csv.gz"]


def test_pip_works_inside_the_cache_and_keeps_no_copy_elsewhere(
    pinned, cache, monkeypatch, tmp_path
):
    pip = tmp_path / "pip-that-tells-how-it-was-called"
    pip.write_text(f"""#!/bin/sh\necho "$TMPDIR" "$@" > {tmp_path}/told\nexit 1\n""")
    pip.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(pip))
    with pytest.raises(data.NotReachable):
        obtain(pinned())
    folder, *arguments = (tmp_path / "told").read_text().split()
    assert folder.startswith(str(cache))
    assert "--no-cache-dir" in arguments


def test_a_file_called_pip_in_the_readers_folder_is_not_run(
    index, pinned, cache, monkeypatch, tmp_path, tiny
):
    (tmp_path / "pip.py").write_text("raise SystemExit('wrong pip')")
    monkeypatch.chdir(tmp_path)
    assert obtain(pinned()).read_bytes() == tiny


def test_the_process_knows_what_it_fetched(index, pinned, cache, monkeypatch):
    monkeypatch.setattr(fetching, "_fetched", {})
    assert data.fetched() == {}
    obtain(pinned())
    assert data.fetched() == {"tiny": pinned().member_sha256}
    # from the cache, too: a page depends on data that an earlier page downloaded
    monkeypatch.setattr(fetching, "_fetched", {})
    obtain(pinned())
    assert data.fetched() == {"tiny": pinned().member_sha256}
    data.fetched().clear()
    assert data.fetched() == {"tiny": pinned().member_sha256}


def test_a_download_announces_licence_and_citation_and_the_cache_does_not(
    index, pinned, cache, capsys
):
    obtain(pinned(announce=True))
    said = capsys.readouterr().out
    assert "Do not pass it on." in said
    assert "A. Author. 2001." in said
    obtain(pinned(announce=True))
    assert capsys.readouterr().out == ""


def test_data_without_terms_to_announce_is_downloaded_in_silence(index, pinned, cache, capfd):
    obtain(pinned(), progress=False)
    assert capfd.readouterr() == ("", "")


def test_progress_is_shown_when_it_is_asked_for(index, pinned, cache, capfd):
    obtain(pinned(), progress=True)
    assert "downloading tinydata 1.0" in capfd.readouterr().err


def test_a_plain_wheel_needs_no_platform(pinned):
    assert pip_arguments(pinned(), "here") == [
        *["download", "--no-deps", "--only-binary=:all:", "--dest", "here", "tinydata==1.0"],
    ]


def test_a_platform_wheel_is_asked_for_by_its_tags(pinned):
    arguments = pip_arguments(pinned(wheel="tinydata-1.0-cp311-cp311-win_amd64.whl"), "here")
    assert " ".join(arguments[3:-3]) == (
        "--platform win_amd64 --python-version 311 --implementation cp --abi cp311"
    )


def test_a_wheel_of_several_platforms_for_any_python_3_is_asked_for_by_its_tags(pinned):
    wheel = "tinydata-1.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    assert " ".join(pip_arguments(pinned(wheel=wheel), "here")[3:-3]) == (
        "--platform manylinux_2_17_x86_64 --python-version 3 --implementation py --abi none"
    )


@pytest.mark.parametrize("tags", ["cp311-cp311-win_amd64", "py3-none-macosx_11_0_arm64.any"])
def test_another_machines_wheel_can_be_downloaded(index, pinned, cache, tiny, tags):
    plain, pinned_name = "tinydata-1.0-py3-none-any.whl", f"tinydata-1.0-{tags}.whl"
    index.files = {pinned_name: index.files[plain]}
    assert obtain(pinned()).read_bytes() == tiny
    assert index.downloads == [pinned_name]


@pytest.fixture
def three_uses(monkeypatch, pinned):
    """A registry with one data set for each use; asks for nothing but the names."""
    users = {"a": "pages", "b": "benchmarks", "c": "no page yet"}
    entries = {name: pinned(name=name, used_by=user) for name, user in users.items()}
    monkeypatch.setattr(registry, "_entries", lambda: entries)
    monkeypatch.setattr(
        fetching, "obtain_all", lambda chosen, progress: {data.name: progress for data in chosen}
    )


def test_fetch_all_brings_what_pages_use_and_the_rest_only_when_asked(three_uses):
    assert data.fetch_all(progress=False) == {"a": False}
    assert list(data.fetch_all(everything=True)) == ["a", "b", "c"]


def test_names_are_told_by_who_uses_the_data(three_uses):
    assert data.names() == ("a", "b", "c")
    assert [data.names(used_by=user) for user in registry.USERS] == [("a",), ("c",), ("b",)]
    with pytest.raises(ValueError, match="one of pages, no page yet, benchmarks; got 'page'"):
        data.names(used_by="page")


def test_an_entry_that_nobody_known_uses_is_refused(pinned):
    with pytest.raises(ValueError, match=r"tiny: expected used_by .* got 'page'"):
        pinned(used_by="page")


def test_what_one_wheel_carries_is_taken_out_of_one_download(
    index, pinned, rebuilt, cache, content_of, tiny
):
    rebuilt({"tinydata/numbers.csv.gz": tiny, "tinydata/more.csv": b"1"})
    both = [
        pinned(),
        pinned(name="more", member="tinydata/more.csv", member_sha256=sha256(b"1")),
    ]
    paths = obtain_all(both)
    assert paths == {"tiny": cache / "tiny.csv.gz", "more": cache / "more.csv"}
    assert content_of() == ["more.csv", "tiny.csv.gz"]
    assert len(index.downloads) == 1
    paths["more"].unlink()
    assert obtain_all(both)["more"].read_bytes() == b"1"
    assert len(index.downloads) == 2


def test_the_cache_is_the_users_unless_another_is_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("DEEPBOOK_DATA", "")
    monkeypatch.setattr(fetching.platformdirs, "user_cache_path", lambda *a, **k: tmp_path / "user")
    assert fetching._cache_folder() == tmp_path / "user"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEEPBOOK_DATA", "chosen")
    assert fetching._cache_folder() == tmp_path / "chosen"
    monkeypatch.setenv("DEEPBOOK_DATA", os.path.join("~", "chosen"))
    assert "~" not in str(fetching._cache_folder())
