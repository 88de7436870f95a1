import subprocess
import sys
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from bookbuild.extensions.math_font import FAMILY, TARGET, subset

FONT = Path(__file__).parents[3] / TARGET
SOURCE = Path("/usr/share/texmf/fonts/opentype/public/lm-math/latinmodern-math.otf")
needs_source = pytest.mark.skipif(not SOURCE.exists(), reason=f"no {SOURCE} (fonts-lmodern)")


def test_the_font_can_set_mathematics_and_is_small():
    font = TTFont(FONT)
    assert "MATH" in font
    assert [script.ScriptTag for script in font["GSUB"].table.ScriptList.ScriptRecord] == ["DFLT"]
    assert FONT.stat().st_size < 150_000


def test_the_derived_font_has_its_own_name_and_comes_with_its_licence():
    names = {record.nameID: record.toUnicode() for record in TTFont(FONT)["name"].names}
    assert names[1] == names[4] == FAMILY
    assert "GUST Font License" in names[0]
    assert "LaTeX Project Public License" in (FONT.parent / "GUST-FONT-LICENSE.txt").read_text()
    assert "modified version of Latin Modern Math" in (FONT.parent / "README.txt").read_text()


@pytest.mark.parametrize("bracket", "()[]{}⟨⟩")
def test_no_form_of_a_bracket_is_much_wider_than_the_bracket(bracket):
    # Chromium gives each bracket the room of its widest form
    font = TTFont(FONT)
    variants = font["MATH"].table.MathVariants
    name = font.getBestCmap()[ord(bracket)]
    forms = variants.VertGlyphConstruction[variants.VertGlyphCoverage.glyphs.index(name)]
    widths = [font["hmtx"][r.VariantGlyph][0] for r in forms.MathGlyphVariantRecord]
    if forms.GlyphAssembly:
        widths += [font["hmtx"][part.glyph][0] for part in forms.GlyphAssembly.PartRecords]
    assert len(widths) > 5
    assert max(widths) <= widths[0] + 130


@needs_source
def test_the_font_in_the_repository_is_what_the_command_makes(tmp_path):
    target = tmp_path / "font.woff2"
    command = [sys.executable, "-m", "bookbuild.extensions.math_font", SOURCE, "--target", target]
    said = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True).stdout
    assert target.read_bytes() == FONT.read_bytes()
    assert f"{target.stat().st_size:,} bytes" in said


@needs_source
def test_fraktur_is_left_out():
    assert 0x1D504 in TTFont(SOURCE).getBestCmap()
    assert 0x1D504 not in subset(SOURCE).getBestCmap()
