import pytest

from bookbuild.execution.store import Store
from bookbuild.project import BuildFailed, Project, hash_of_folder


def test_the_book_is_found_from_any_folder_in_it(fresh_book):
    for start in (fresh_book.root, fresh_book.root / "book"):
        assert Project.find(start).root == fresh_book.root.resolve()


def test_where_no_book_is_the_message_says_what_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no book here: no _toc.yml in"):
        Project.find(tmp_path)


def test_the_pages_are_those_with_code_cells_in_the_books_order(fresh_book):
    assert fresh_book.project.pages() == ["book/one", "book/two"]
    toc = (fresh_book.root / "_toc.yml").read_text()
    fresh_book.write("_toc.yml", toc.replace("book/one", "book/x").replace("book/two", "book/one"))
    assert fresh_book.project.pages() == ["book/one"]


def test_a_page_is_read_without_outputs(fresh_book):
    cells = fresh_book.project.notebook("book/one").cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    assert code[0] == "import deepbook\nanswer = 41"
    assert len(code) == 2


@pytest.mark.parametrize("header", ["tags: [", "a: b: c", "- 1\n- 2\n---\n---"])
def test_a_cells_header_that_is_no_yaml_names_page_and_line(fresh_book, header):
    fresh_book.edit("book/one", "import deepbook\n", f"---\n{header}\n---\nimport deepbook\n")
    with pytest.raises(BuildFailed, match=r"^book/one: .*line 8 could not be read"):
        fresh_book.project.notebook("book/one")
    assert Store(fresh_book.project).get("book/one") is None


def test_a_folders_hash_changes_with_each_file_but_compiled_ones_and_not_with_its_place(tmp_path):
    folder = tmp_path / "package"
    (folder / "sub").mkdir(parents=True)
    (folder / "module.py").write_text("answer = 41\n")
    seen = {hash_of_folder(folder)}
    (folder / "sub" / "registry.toml").write_text("")
    seen.add(hash_of_folder(folder))
    (folder / "module.py").write_text("answer = 42\n")
    seen.add(hash_of_folder(folder))
    (folder / "module.py").rename(folder / "sub" / "module.py")
    last = hash_of_folder(folder)
    assert len(seen | {last}) == 4
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "module.cpython-311.pyc").write_text("compiled")
    assert hash_of_folder(folder.rename(tmp_path / "elsewhere")) == last
