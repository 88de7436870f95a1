"""Make the book's mathematics font: the part of Latin Modern Math that the book uses.

``python -m bookbuild.extensions.math_font latinmodern-math.otf`` writes the same bytes every
time. The font comes with Debian's ``fonts-lmodern``, in
``/usr/share/texmf/fonts/opentype/public/lm-math``.

Without a font that has a MATH table brackets and roots do not grow with what they hold. The
subset keeps this table, and with it the larger variants of every kept bracket.
"""

import argparse
from pathlib import Path

from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.transformPen import TransformPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

# The GUST Font License asks that a derived font has another name.
FAMILY = "Deepbook Math"
TARGET = Path("book/_static/fonts/deepbook-math.woff2")

# First and last character of each part that is kept.
_RANGES = [
    (0x0020, 0x007E),  # Latin letters, digits
    (0x00A0, 0x00B7),  # signs and spacing accents of Latin-1
    (0x00D7, 0x00D7),  # times
    (0x00F7, 0x00F7),  # divided by
    (0x02C6, 0x02DD),  # spacing accents: hat, check, bar, tilde
    (0x0300, 0x0338),  # combining accents, the stroke of "not"
    (0x0391, 0x03F6),  # Greek
    (0x2009, 0x2064),  # thin space, dashes, quotes, dots, primes, invisible operators
    (0x20D6, 0x20D7),  # arrows over letters
    (0x2102, 0x213C),  # letter-like: the real numbers, script letters that stand here, ell
    (0x2190, 0x21A6),  # arrows
    (0x21D0, 0x21D5),  # double arrows
    (0x2200, 0x22A5),  # operators and relations
    (0x22C0, 0x22C6),  # large and, or, intersection, union; dot, star
    (0x22EE, 0x22F1),  # dots in matrices
    (0x2308, 0x230B),  # floor and ceiling
    (0x239B, 0x23B1),  # pieces that large brackets are built from
    (0x23B4, 0x23DF),  # brackets and braces over and under
    (0x27C2, 0x27C2),  # perpendicular
    (0x27E8, 0x27E9),  # angle brackets
    (0x27F5, 0x27FC),  # long arrows
    (0x2A00, 0x2A02),  # large circled operators
    (0x2A7D, 0x2A7E),  # slanted "less or equal"
    (0x1D400, 0x1D49B),  # Latin in bold, italic, bold italic
    (0x1D49C, 0x1D4B5),  # script capitals
    (0x1D538, 0x1D56B),  # blackboard bold
    (0x1D5A0, 0x1D5B9),  # sans serif capitals: tensors
    (0x1D6A4, 0x1D6A5),  # dotless i and j
    (0x1D6A8, 0x1D6C0),  # Greek capitals in bold
    (0x1D6E2, 0x1D755),  # Greek in italic and bold italic
    (0x1D7CE, 0x1D7E1),  # digits in bold and blackboard bold
]

# Those that keep the sturdier forms for small sizes: what stands in indices and exponents.
_SCRIPT_RANGES = [
    (0x0028, 0x0039),  # digits, brackets, plus
    (0x003D, 0x003D),  # equals
    (0x0041, 0x007A),  # words as indices
    (0x2032, 0x2034),  # primes
    (0x2190, 0x2192),  # arrows
    (0x2208, 0x2223),  # element of, minus, infinity, mid
    (0x223C, 0x223C),  # distributed as
    (0x2260, 0x2265),  # comparisons
    (0x22A4, 0x22A4),  # transposed
    (0x1D434, 0x1D49B),  # Latin in italic and bold italic
    (0x210E, 0x210E),  # italic h
    (0x1D6FC, 0x1D71B),  # small Greek in italic
    (0x1D736, 0x1D755),  # small Greek in bold italic
]

# Chromium gives every bracket the room of its widest form, so that small ones stand in a gap.
# Larger forms are therefore made narrower: bracket, and the greatest width of a form.
_WIDTHS = {"(": 480, ")": 480, "[": 400, "]": 400, "{": 600, "}": 600, "⟨": 480, "⟩": 480}


def subset(source: Path) -> TTFont:
    """Return the font in ``source`` with the glyphs of the book, under its new name."""
    font = TTFont(source, recalcTimestamp=False)
    _keep_script_forms(font, {font.getBestCmap().get(c) for c in _characters(_SCRIPT_RANGES)})
    options = Options(
        flavor="woff2",
        layout_features=["ssty"],
        hinting=False,
        desubroutinize=True,  # smaller once compressed
        name_IDs=["*"],
        drop_tables=["FFTM"],
    )
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=_characters(_RANGES))
    subsetter.subset(font)
    _narrow_brackets(font)
    font.flavor = "woff2"
    for record in font["name"].names:
        if record.nameID in {1, 4, 16}:
            record.string = FAMILY
        elif record.nameID == 6:
            record.string = FAMILY.replace(" ", "")
    font["CFF "].cff.fontNames = [FAMILY.replace(" ", "")]
    return font


def _characters(ranges: list[tuple[int, int]]) -> list[int]:
    return [character for first, last in ranges for character in range(first, last + 1)]


def _keep_script_forms(font: TTFont, glyphs: set[str | None]) -> None:
    """Drop the other small forms, and offer what stays to all text, not to Firefox alone."""
    gsub = font["GSUB"].table
    for script in gsub.ScriptList.ScriptRecord:
        script.ScriptTag = "DFLT"  # it was "math", which Chromium never asks for
    for feature in gsub.FeatureList.FeatureRecord:
        if feature.FeatureTag != "ssty":
            continue
        for index in feature.Feature.LookupListIndex:
            for table in gsub.LookupList.Lookup[index].SubTable:
                forms = table.alternates
                table.alternates = {g: forms[g] for g in forms if g in glyphs}


def _narrow_brackets(font: TTFont) -> None:
    """Squeeze the larger forms of brackets to the widths of ``_WIDTHS``."""
    variants = font["MATH"].table.MathVariants
    forms_of = dict(
        zip(variants.VertGlyphCoverage.glyphs, variants.VertGlyphConstruction, strict=True)
    )
    top = font["CFF "].cff.topDictIndex[0]
    glyphs = font.getGlyphSet()
    for bracket, width in _WIDTHS.items():
        forms = forms_of[font.getBestCmap()[ord(bracket)]]
        names = [record.VariantGlyph for record in forms.MathGlyphVariantRecord]
        if forms.GlyphAssembly:
            names += [part.glyph for part in forms.GlyphAssembly.PartRecords]
        for name in dict.fromkeys(names):
            advance, bearing = font["hmtx"][name]
            if advance <= width:
                continue
            pen = T2CharStringPen(width, None)
            glyphs[name].draw(TransformPen(pen, (width / advance, 0, 0, 1, 0, 0)))
            old = top.CharStrings[name]
            top.CharStrings[name] = pen.getCharString(old.private, old.globalSubrs)
            font["hmtx"][name] = (width, round(bearing * width / advance))


def main() -> None:
    """Write the font that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("source", type=Path, help="latinmodern-math.otf")
    parser.add_argument("--target", type=Path, default=TARGET, help=f"default: {TARGET}")
    arguments = parser.parse_args()
    arguments.target.parent.mkdir(parents=True, exist_ok=True)
    subset(arguments.source).save(arguments.target)
    print(f"{arguments.target}: {arguments.target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
