import base64
import json
import re

import matplotlib.pyplot as plt
import pytest
import torch
from bs4 import BeautifulSoup

from bookbuild.extensions import live_files
from bookbuild.extensions.live_files import FOLDER, LARGEST, move_out
from deepbook.live import GibbsDream


def dream(hidden):
    fallback, axis = plt.subplots(figsize=(4, 2))
    axis.plot([0, 1])
    weight = torch.linspace(-1, 1, 64 * hidden).reshape(64, hidden)
    return GibbsDream(
        weight,
        torch.zeros(64),
        torch.zeros(hidden),
        shape=(8, 8),
        examples=torch.zeros(2, 8, 8),
        fallback=fallback,
        alt="A line.",
    )._repr_html_()


class Files(dict):
    """Files by their address."""

    def keep(self, content, ending):
        self[f"{len(self)}.{ending}"] = content
        return f"{len(self) - 1}.{ending}"


def test_large_data_and_the_picture_leave_the_page_and_nothing_is_lost():
    before, files = dream(hidden=200), Files()
    after = move_out(before, files.keep)
    assert len(before) > 50_000
    assert len(after) < len(before) - 25_000
    old, new = (BeautifulSoup(text, "html.parser") for text in (before, after))
    values = new.select_one("script[data-values]")
    assert values.text == ""
    script = files[values["data-src"]].decode()
    handed = re.fullmatch(r"document\.currentScript\.values = (.*);\n", script)
    assert json.loads(handed[1]) == old.select_one("script[data-values]").string
    picture = base64.b64decode(old.img["src"].removeprefix("data:image/png;base64,"))
    assert files[new.img["src"]] == picture
    # the rest of it is as it was
    assert new.img["alt"] == old.img["alt"]
    assert new.select("script[data-module]") == old.select("script[data-module]")
    assert new.select_one("script[data-about]") == old.select_one("script[data-about]")
    start = new.select_one("script[type='text/plain'][data-start]")
    assert start.string == old.select("script")[-1].string


def test_a_picture_in_a_file_keeps_the_room_that_it_takes():
    picture = BeautifulSoup(move_out(dream(hidden=3), Files().keep), "html.parser").img
    assert (picture["width"], picture["height"]) == ("400", "200")
    assert "height: auto" in picture["style"]


def test_small_data_stays_and_its_figure_starts_by_itself():
    files = Files()
    after = move_out(dream(hidden=3), files.keep)
    assert len(BeautifulSoup(after, "html.parser").select_one("[data-values]").string) < LARGEST
    assert [name for name in files if name.endswith(".js")] == []
    assert "data-start" not in after


@pytest.mark.parametrize("lost", ["data-values", "data:image/png", "\n<script>"])
def test_a_figure_of_another_form_is_refused(lost):
    with pytest.raises(ValueError, match="expected a live figure with a picture in base64"):
        move_out(dream(hidden=3).replace(lost, "-"), Files().keep)


def test_a_picture_that_is_no_png_is_refused(monkeypatch):
    monkeypatch.setattr(live_files, "LARGEST", 10)
    broken = re.sub('base64,[^"]*', "base64," + base64.b64encode(b"GIF" * 9).decode(), dream(3))
    with pytest.raises(ValueError, match="expected a PNG, got b'GIFGIFGI'"):
        move_out(broken, Files().keep)


CELL = """---
mystnb:
  figure: {{caption: A dream., name: fig-dream}}
  image: {{alt: A line.}}
---
import matplotlib
import matplotlib.pyplot as plt
import torch
from deepbook.live import GibbsDream

fallback, axis = plt.subplots()
axis.plot([0, 1])
GibbsDream(
    torch.full((64, 200), {weight}), torch.zeros(64), torch.zeros(200), shape=(8, 8),
    examples=torch.zeros(2, 8, 8), fallback=fallback, alt="A line.",
)
"""


def test_the_site_holds_the_files_of_its_pages_and_no_others(fresh_book, cell):
    config = (fresh_book.root / "_config.yml").read_text()
    held = "bookbuild.extensions.held,"
    extensions = "bookbuild.extensions.live_files, bookbuild.extensions.pictures,"
    fresh_book.write("_config.yml", config.replace(held, f"{held} {extensions}"))
    source = fresh_book.project.source("book/two")
    source.write_text(source.read_text() + cell(CELL.format(weight=0.5)))

    def files():
        fresh_book.build()
        folder = fresh_book.project.site / FOLDER
        return {file.name: file.read_bytes() for file in folder.iterdir()}

    first = files()
    page = fresh_book.page("book/two")
    picture, values = page.select_one(".output img[src$=png]"), page.select_one("[data-values]")
    assert picture["loading"] == "lazy"
    named = [tag.rpartition("/") for tag in (picture["src"], values["data-src"])]
    assert {folder for folder, _, _ in named} == {f"../{FOLDER}"}
    assert {name for _, _, name in named} == {*first}
    # another page written alone leaves them where they are; other data has another name
    fresh_book.edit("book/index", "See", "Look at")
    assert files() == first
    fresh_book.edit("book/two", "0.5)", "0.25)")
    second = files()
    assert len(second) == 2
    assert len({*first} & {*second}) == 1
