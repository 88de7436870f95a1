"""The Sphinx extension that gives the site as much of the mathematics font as its formulas use.

The font in the repository holds what a page may want; a reader loads it with the first page.
"""

import re
import unicodedata
from dataclasses import dataclass
from hashlib import sha256
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx

FONT = "_static/fonts/deepbook-math.woff2"

_MATH = re.compile(r"<math\b.*?</math>", re.DOTALL)
# a name of HTML that XML does not know
_ENTITY = re.compile(r"&(?!amp;|lt;|gt;|quot;|apos;)\w+;")
# all but the first part of these are set smaller
_SCRIPTED = {
    *("msub", "msup", "msubsup", "munder", "mover", "munderover", "mmultiscripts", "mroot"),
}


@dataclass(frozen=True)
class Characters:
    """What formulas show, and what of it they show in indices and exponents too."""

    shown: frozenset[str] = frozenset()
    small: frozenset[str] = frozenset()

    def __or__(self, other: "Characters") -> "Characters":
        return Characters(self.shown | other.shown, self.small | other.small)


def characters_in(html: str) -> Characters:
    """The characters that the formulas of a page show.

    A letter that stands alone in ``<mi>`` is shown as its italic form, a root with its sign.
    """
    shown: set[str] = set()
    small: set[str] = set()

    def walk(element: ElementTree.Element, in_script: bool, displayed: bool) -> None:
        tag = element.tag.rpartition("}")[2]
        if tag == "annotation":
            return
        found = set("".join((element.text or "").split()))
        if tag == "mi" and len(found) == 1:
            found |= {italic(letter) for letter in found}
        if tag in ("msqrt", "mroot"):
            found.add("√")
        shown.update(found)
        if in_script:
            small.update(found)
        for place, child in enumerate(element):
            smaller = (tag in _SCRIPTED and place > 0) or (tag == "mfrac" and not displayed)
            walk(child, in_script or smaller, displayed and tag != "mfrac")

    for formula in _MATH.findall(html):
        text = _ENTITY.sub(lambda name: unescape(name[0]), formula)
        root = ElementTree.fromstring(text)
        walk(root, False, root.get("display") == "block")
    return Characters(frozenset(shown), frozenset(small))


def italic(letter: str) -> str:
    """A letter's form for variables; the letter itself if it has none."""
    name = unicodedata.name(letter, "")
    found = re.fullmatch(r"(LATIN|GREEK) (SMALL|CAPITAL) LETTER (\w+)", name)
    if found is None:
        return letter
    if letter == "h":  # it was there before the others
        return "\N{PLANCK CONSTANT}"
    try:
        return unicodedata.lookup(f"MATHEMATICAL ITALIC {found[2]} {found[3]}")
    except KeyError:
        return letter


def subset(font: bytes, characters: Characters) -> bytes:
    """The font with these characters alone: all sizes of brackets, small forms where they serve."""
    opened = TTFont(BytesIO(font), recalcTimestamp=False)
    glyphs = opened.getBestCmap()
    # a blank and digits whatever the formulas say
    text = {*" 0123456789", *characters.shown}
    small = {glyphs.get(ord(character)) for character in characters.small}
    gsub = opened["GSUB"].table
    for feature in gsub.FeatureList.FeatureRecord:
        for index in feature.Feature.LookupListIndex:
            for table in gsub.LookupList.Lookup[index].SubTable:
                forms = table.alternates
                table.alternates = {glyph: forms[glyph] for glyph in forms if glyph in small}
    subsetter = Subsetter(
        Options(layout_features=["ssty"], hinting=False, name_IDs=["*"], bidi_closure=False)
    )
    subsetter.populate(text="".join(sorted(text)))
    subsetter.subset(opened)
    opened.flavor = "woff2"
    written = BytesIO()
    opened.save(written)
    return written.getvalue()


def cut_font(app: Sphinx, error: Exception | None) -> None:
    """When all pages are written: the font with the characters that they use."""
    source, target = Path(app.srcdir, "book", FONT), Path(app.outdir, FONT)
    if error is not None or app.builder.format != "html" or not source.is_file():
        return
    characters = Characters()
    for page in app.env.found_docs:
        file = Path(app.builder.get_outfilename(page))  # type: ignore[attr-defined]
        characters |= characters_in(file.read_text("utf-8"))
    font = source.read_bytes()
    wanted = ["".join(sorted(part)) for part in (characters.shown, characters.small)]
    made_of = sha256(font + "\n".join(wanted).encode()).hexdigest()
    kept = Path(app.doctreedir) / f"font-{made_of}.woff2"
    if not kept.is_file():
        for old in kept.parent.glob("font-*.woff2"):
            old.unlink()
        kept.write_bytes(subset(font, characters))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(kept.read_bytes())


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("build-finished", cut_font)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
