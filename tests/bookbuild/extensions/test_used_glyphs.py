from io import BytesIO
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from bookbuild.extensions.used_glyphs import FONT, Characters, characters_in, italic, subset

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
        '<annotation encoding="application/x-tex">\\nonsense{k}</annotation></math> w'
        "<math display='block'><mi>&alpha;</mi>\n<mo>&#x2211;</mo><msqrt><mn>3</mn></msqrt></math>"
    )
    found = characters_in(html)
    assert found.shown == set("x𝑥<log2α𝛼∑√3")
    assert found.small == set()
    assert characters_in("<p>no formula</p>") == Characters()


@pytest.mark.parametrize(
    ("formula", "small"),
    [
        ("<msub><mi>x</mi><mi>i</mi></msub>", "i𝑖"),
        ("<msubsup><mi>x</mi><mn>1</mn><mo>′</mo></msubsup>", "1′"),
        ("<munder><mo>∑</mo><mrow><mi>k</mi><mo>=</mo></mrow></munder>", "k𝑘="),
        ("<mfrac><mn>1</mn><mn>2</mn></mfrac>", "12"),
        ("<mrow><mn>1</mn></mrow>", ""),
    ],
)
def test_what_stands_in_indices_or_in_a_fraction_of_a_line_is_small(formula, small):
    assert characters_in(f"<math>{formula}</math>").small == set(small)


def test_a_fraction_of_its_own_line_is_large_and_one_inside_it_small():
    inner = "<mfrac><mn>1</mn><mn>2</mn></mfrac>"
    html = f'<math display="block"><mfrac><mn>3</mn>{inner}</mfrac></math>'
    assert characters_in(html).small == set("12")


def test_the_font_keeps_what_is_used_in_all_its_sizes():
    font = TTFont(BytesIO(subset(WHOLE, Characters(frozenset("x𝑥(∑√"), frozenset("x")))))
    before = TTFont(BytesIO(WHOLE))
    assert {chr(code) for code in font.getBestCmap()} == set(" 0123456789x𝑥(∑√")
    for bracket in "(√":
        assert forms(font, bracket) == forms(before, bracket) >= 5
    assert set(small_forms(font)) == {font.getBestCmap()[ord("x")]}
    assert len(small_forms(before)) > 50
    names = {record.nameID: record.toUnicode() for record in font["name"].names}
    assert names[1] == "Deepbook Math"
    assert "GUST Font License" in names[0]


def small_forms(font):
    tables = [table for lookup in font["GSUB"].table.LookupList.Lookup for table in lookup.SubTable]
    return [glyph for table in tables for glyph in table.alternates]


def forms(font, character):
    variants = font["MATH"].table.MathVariants
    name = font.getBestCmap()[ord(character)]
    made = variants.VertGlyphConstruction[variants.VertGlyphCoverage.glyphs.index(name)]
    return len(made.MathGlyphVariantRecord)


def test_the_same_characters_give_the_same_bytes():
    of = lambda shown, small="": subset(WHOLE, Characters(frozenset(shown), frozenset(small)))
    assert of("abc") == of("cba")
    assert len({of("abc"), of("xyz"), of("abc", "a")}) == 3


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
