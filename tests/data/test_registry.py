import gzip
import re
from dataclasses import asdict, replace

import pytest
from PIL import Image

from deepbook.data import Entry, UnknownData, entry, fetch, names

# what pages use, in the order of the registry
TABLES = ("mnist-5k", "digits-8x8", "movielens-100k", "movielens-100k-items")
PHOTOGRAPHS = ("photograph-china", "photograph-flower")
OF_CHAPTERS_4_AND_5 = ("textures", "bach-scores", "indian-pines", "cmudict")
USED: tuple[str, ...] = (
    *TABLES[:2],
    "diabetes",
    *PHOTOGRAPHS,
    *TABLES[2:],
    "20-newsgroups",
    *OF_CHAPTERS_4_AND_5,
)


def test_the_registry_holds_the_books_data_sets():
    assert names(used_by="pages") == USED
    assert names(used_by="benchmarks") == ("mnist-70k",)


@pytest.mark.parametrize("name", names())
def test_an_entry_is_complete(name):
    data = entry(name)
    assert data.name == name
    assert re.fullmatch("[0-9a-f]{64}", data.wheel_sha256)
    hashes = [data.sha256, *data.members.values()]
    assert all(re.fullmatch("[0-9a-f]{64}", value) for value in hashes)
    # the wheel is the one of the pinned version: name-version-tags
    distribution, version, *tags = data.wheel.removesuffix(".whl").split("-")
    assert distribution.replace("_", "-") == data.package
    assert version == data.version
    assert len(tags) == 3
    assert data.wheel_size > 1e5
    assert all([data.homepage, data.licence, data.citation, data.citation_key])


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_the_registry_tells_the_shape_of_the_photograph(name):
    with Image.open(fetch(name)) as picture:
        assert (picture.height, picture.width) == entry(name).shape


@pytest.mark.parametrize("name", TABLES)
def test_the_registry_tells_the_shape_of_the_file(name):
    content = fetch(name).read_bytes()
    if name in ("mnist-5k", "digits-8x8"):
        rows = [line.split(b",") for line in gzip.decompress(content).splitlines()]
    else:
        rows = [line.split(b"\t") for line in content.splitlines()][1:]
    assert (len(rows), len(rows[0])) == entry(name).shape
    assert {len(row) for row in rows} == {entry(name).shape[1]}


def test_no_two_data_sets_share_a_file_in_the_cache():
    assert len({entry(name).filename for name in names()}) == len(names())


def test_only_data_with_terms_of_their_own_are_announced():
    assert [name for name in names() if entry(name).announce] == ["movielens-100k"]


def test_an_unknown_entry_is_refused():
    with pytest.raises(UnknownData, match=r"mnist-5k.*got 'imagenet'"):
        entry("imagenet")


@pytest.mark.parametrize("ways", [{}, {"members": {"a": "1"}}, {"folder": "b"}])
def test_an_entry_names_one_file_several_or_a_folder(ways):
    fields = asdict(entry("mnist-5k")) | ways
    if not ways:
        fields["member"] = ""
    with pytest.raises(ValueError, match="mnist-5k: expected one of member, members and folder"):
        Entry(**fields)


def test_files_of_several_folders_keep_what_their_paths_do_not_share():
    paths = ["a/locale/fr/x.po", "a/locale/de/x.po"]
    data = replace(entry("mnist-5k"), member="", members=dict.fromkeys(paths, "0"))
    assert data.places([]) == {paths[0]: "fr/x.po", paths[1]: "de/x.po"}
    assert data.filename == "mnist-5k"
    flat = replace(data, members={"a/train.txt": "0", "a/test.txt": "0"})
    assert set(flat.places([]).values()) == {"train.txt", "test.txt"}
    assert replace(data, members={"top.txt": "0"}).places([]) == {"top.txt": "top.txt"}
