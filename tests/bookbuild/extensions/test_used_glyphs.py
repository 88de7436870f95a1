from io import BytesIO
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from bookbuild.extensions.used_glyphs import FONT, characters_in, italic, subset

WHOLE = (Path(__file__).parents[3] / "book" / FONT).read_bytes()


@pytest.mark.parametrize(
    ("letter", "form"),
    [
        *(("x", "𝑥"), ("A", "𝐴"), ("h", "ℎ"), ("α", "𝛼"), ("Γ", "𝛤")),
        *(("1", "1"), ("∑", "∑"), ("𝒙", "𝒙"), ("é", "é")),
    ],
)
def test_a_variable_is_set_in_italics(letter, form):
    assert italic(letter) == form


def test_what_formulas_show_is_found_and_nothing_else():
    html = (
        "<p>zq</p><math><mi>x</mi> <mo>&lt;</mo><mi>log</mi><mn>2</mn>"
        '<mi mathvariant="normal">R</mi>'
        '<annotation encoding="application/x-tex">\\nonsense{k}</annotation></math> w'
        "<math display='block'><mi>&alpha;</mi>\n<mo>&#x2211;</mo></math>"
    )
    assert characters_in(html) == set("x𝑥<log2R𝑅α𝛼∑")
    assert characters_in("<p>no formula</p>") == set()


def test_the_font_keeps_what_is_used_in_all_its_sizes():
    font = TTFont(BytesIO(subset(WHOLE, "x𝑥(∑√")))
    before = TTFont(BytesIO(WHOLE))
    assert {chr(code) for code in font.getBestCmap()} == set(" 0123456789x𝑥(∑√")
    for bracket in "(√":
        assert forms(font, bracket) == forms(before, bracket) >= 5
    names = {record.nameID: record.toUnicode() for record in font["name"].names}
    assert names[1] == "Deepbook Math"
    assert "GUST Font License" in names[0]


def forms(font, character):
    variants = font["MATH"].table.MathVariants
    name = font.getBestCmap()[ord(character)]
    made = variants.VertGlyphConstruction[variants.VertGlyphCoverage.glyphs.index(name)]
    return len(made.MathGlyphVariantRecord)


def test_the_same_characters_give_the_same_bytes():
    assert subset(WHOLE, "abc") == subset(WHOLE, "cba")
    assert subset(WHOLE, "abc") != subset(WHOLE, "xyz")


def test_a_site_carries_the_font_with_the_characters_of_its_formulas(fresh_book):
    config = (fresh_book.root / "_config.yml").read_text()
    held = "bookbuild.extensions.held,"
    config = config.replace(held, f"{held} bookbuild.extensions.used_glyphs,")
    fresh_book.write("_config.yml", config.replace("[static]", "[book/_static]"))
    (fresh_book.root / "book/_static/fonts").mkdir(parents=True)
    (fresh_book.root / "book" / FONT).write_bytes(WHOLE)
    (fresh_book.root / "book/_static/mathml.css").write_text("")
    fresh_book.build()
    # y = a x + b
    assert shipped(fresh_book) == set(" 0123456789yaxb=+𝑦𝑎𝑥𝑏")
    assert len((fresh_book.project.site / FONT).read_bytes()) < len(WHOLE) / 4
    fresh_book.edit("book/one", "y = a x", r"y = \sqrt{a} x")
    fresh_book.build()
    assert "√" in shipped(fresh_book)
    assert (fresh_book.root / "book" / FONT).read_bytes() == WHOLE


def shipped(book):
    font = TTFont(book.project.site / FONT)
    return {chr(code) for code in font.getBestCmap()}
