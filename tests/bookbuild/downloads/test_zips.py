import zipfile

import pytest

from bookbuild.downloads.zips import chapters, opening_of, readme, write_zip, zip_name


def test_a_zip_depends_on_nothing_but_its_name_and_its_files(tmp_path):
    for folder, files in {"one": {"a": b"1", "b": b"2"}, "two": {"b": b"2", "a": b"1"}}.items():
        (tmp_path / folder).mkdir()
        write_zip(tmp_path / folder / "z.zip", files)
    first, second = (tmp_path / folder / "z.zip" for folder in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()


def test_what_comes_out_of_a_zip_lies_in_a_folder_of_its_own_with_fixed_dates(tmp_path):
    write_zip(tmp_path / "deepbook-x.zip", {"a.ipynb": b"1", "README.txt": b"2"})
    entries = zipfile.ZipFile(tmp_path / "deepbook-x.zip").infolist()
    assert [e.filename for e in entries] == ["deepbook-x/README.txt", "deepbook-x/a.ipynb"]
    assert {(e.date_time, e.external_attr >> 16) for e in entries} == {
        ((1980, 1, 1, 0, 0, 0), 0o644)
    }


@pytest.mark.parametrize(
    ("page", "opening"),
    [
        ("book/boltzmann/sampling", "book/boltzmann/index"),
        ("book/boltzmann/index", "book/boltzmann/index"),
        ("book/index", None),
        ("index", None),
    ],
)
def test_a_page_belongs_to_the_chapter_in_whose_folder_it_lies(page, opening):
    assert opening_of(page) == opening


def test_chapters_have_their_pages_in_order_and_names_by_their_folders():
    pages = ["book/index", "book/b/index", "book/b/y", "book/a/z", "book/b/x"]
    found = chapters(pages)
    assert found == {"book/b/index": ["book/b/index", "book/b/y", "book/b/x"],
                     "book/a/index": ["book/a/z"]}  # fmt: skip
    assert [*map(zip_name, found)] == ["deepbook-b.zip", "deepbook-a.zip"]


def test_the_readme_says_what_to_do_and_which_notebook_is_which():
    text = readme("A title", "d-1-py3-none-any.whl", {"b.ipynb": "First", "long.ipynb": "Second"})
    lines = text.decode().splitlines()
    assert lines[:2] == ["A title", "======="]
    assert "    python -m pip install d-1-py3-none-any.whl" in lines
    assert lines[-2:] == ["    b.ipynb     First", "    long.ipynb  Second"]
