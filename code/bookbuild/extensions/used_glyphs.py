"""The Sphinx extension that gives the site as much of the mathematics font as its formulas use.

The font in the repository holds what a page may want; a reader loads it with the first page.
"""

import re
import unicodedata
from collections.abc import Iterable
from hashlib import sha256
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx

FONT = "_static/fonts/deepbook-math.woff2"

_MATH = re.compile(r"<math\b.*?</math>", re.DOTALL)
_ANNOTATION = re.compile(r"<annotation\b.*?</annotation>", re.DOTALL)
_NAME = re.compile(r"<mi(?:\s[^>]*)?>([^<]*)</mi>")
_ROOT = re.compile(r"<m(?:sqrt|root)\b")
_TAG = re.compile(r"<[^>]*>")


def characters_in(html: str) -> set[str]:
    """The characters that the formulas of a page show.

    A letter that stands alone in ``<mi>`` is shown as its italic form, a root with its sign.
    """
    shown: set[str] = set()
    for formula in _MATH.findall(html):
        formula = _ANNOTATION.sub("", formula)
        shown |= set(unescape(_TAG.sub("", formula)))
        names = map(unescape, _NAME.findall(formula))
        shown |= {italic(name) for name in names if len(name) == 1}
        shown |= {"√"} if _ROOT.search(formula) else set()
    return {character for character in shown if not character.isspace()}


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


def subset(font: bytes, characters: Iterable[str]) -> bytes:
    """The font with these characters alone, and all larger and smaller forms of them."""
    opened = TTFont(BytesIO(font), recalcTimestamp=False)
    options = Options(layout_features=["*"], hinting=False, name_IDs=["*"], bidi_closure=False)
    subsetter = Subsetter(options)
    # a blank and digits whatever the formulas say
    subsetter.populate(text=" 0123456789" + "".join(sorted(characters)))
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
    characters: set[str] = set()
    for page in app.env.found_docs:
        file = Path(app.builder.get_outfilename(page))  # type: ignore[attr-defined]
        characters |= characters_in(file.read_text("utf-8"))
    font = source.read_bytes()
    made_of = sha256(font + "".join(sorted(characters)).encode()).hexdigest()
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
