import struct

import pytest

from bookbuild.extensions.pictures import size_of

SVG = '<svg xmlns="http://www.w3.org/2000/svg" {}><circle r="9"/></svg>'
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 300, 200)


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="9" height="12"', (9, 12)),
        ('width="460.8pt" height="244.8pt" viewBox="0 0 460.8 244.8"', (614, 326)),
        ('width="1in" height="25.4mm"', (96, 96)),
        ('viewBox="0 0 30 40.4"', (30, 40)),
        ('width="100%" height="50%" viewBox="0,0,30,40"', (30, 40)),
        ('width="100%"', None),
        ("", None),
    ],
)
def test_the_size_of_an_svg_is_that_of_its_first_line(tmp_path, attributes, size):
    file = tmp_path / "a.svg"
    file.write_text(f'<?xml version="1.0"?>\n<!-- no size -->\n{SVG.format(attributes)}')
    assert size_of(file) == size


def test_the_size_of_a_png_is_that_of_its_head_and_of_others_none(tmp_path):
    (tmp_path / "a.png").write_bytes(PNG)
    assert size_of(tmp_path / "a.png") == (300, 200)
    for name, content in {"b.png": b"GIF", "c.svg": b"no <xml", "d.svg": b"", "e.jpg": PNG}.items():
        (tmp_path / name).write_bytes(content)
        assert size_of(tmp_path / name) is None
    assert size_of(tmp_path / "none.svg") is None


def test_pictures_of_a_page_have_sizes_and_all_but_the_first_load_when_they_are_near(fresh_book):
    config = (fresh_book.root / "_config.yml").read_text()
    held = "bookbuild.extensions.held,"
    fresh_book.write("_config.yml", config.replace(held, f"{held} bookbuild.extensions.pictures,"))
    (fresh_book.root / "book" / "wide-picture.png").write_bytes(PNG)
    text = "\n```{image} wide-picture.png\n:alt: Wide.\n```\n"
    text += "\n```{image} wide-picture.png\n:alt: Narrow.\n:width: 30px\n```\n"
    text += '\n<img src="data:image/png;base64,AA" alt="None.">\n'
    with (fresh_book.root / "book" / "two.md").open("a") as file:
        file.write(text)
    fresh_book.build()
    disc, wide, narrow, data = fresh_book.page("book/two").select("img")
    assert (disc["width"], disc["height"], disc.get("loading")) == ("9", "9", None)
    assert (wide["width"], wide["height"], wide.get("loading")) == ("300", "200", "lazy")
    assert (narrow["width"], narrow["height"], narrow["style"]) == ("300", "200", "width: 30px;")
    assert set(data.attrs) == {"src", "alt"}
