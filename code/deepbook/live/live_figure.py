"""The base of every live figure: data, script and static picture in one piece of HTML."""

import base64
import io
import json
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from deepbook import figures
from deepbook.live.packing import Packed, pack

__all__ = ["LiveFigure"]

_FOLDER = Path(__file__).parent
_IMPORT = re.compile(r'^(?:import|export)\b[^;"]*?"\./([\w-]+\.js)";', re.MULTILINE)
_PIXELS_PER_INCH = 200


class LiveFigure:
    """A figure that the reader plays with. A cell's last line shows it, like any figure.

    Where scripts don't run, or the script fails, ``fallback`` stands there with its alternative
    text. The HTML depends on nothing but the arguments and the files of this package.

    Parameters
    ----------
    module : str
        A JavaScript module of this package, ``"gibbs_dream.js"``. It exports
        ``create(frame, data)``, which builds the figure (see ``frame.js``); it and the modules
        that it imports by ``"./name.js"`` travel with the figure.
    data : mapping
        By name, what ``create`` gets as ``data``: arrays and tensors (as float32), arrays made
        smaller by :func:`deepbook.live.pack`, and whatever JSON can say. NaN it cannot.
    fallback : matplotlib Figure
        The static picture. It is closed, so that the notebook does not show it by itself.
    alt : str
        Its alternative text: what is to be seen.
    label : str
        A few words that name the figure to those who hear the page.

    Raises
    ------
    ValueError
        If there is no such module, a text is empty, or the data cannot be written.
    """

    def __init__(
        self,
        module: str,
        data: Mapping[str, Any],
        *,
        fallback: Figure,
        alt: str,
        label: str,
    ) -> None:
        for name, text in {"alt": alt, "label": label}.items():
            if not isinstance(text, str) or not text.strip():
                raise ValueError(f"expected {name} to say something, got {text!r}")
        if not isinstance(fallback, Figure):
            raise TypeError(f"expected a matplotlib Figure as fallback, got {fallback!r}")
        self.module, self.alt, self.label = module, " ".join(alt.split()), label
        self.scripts = _modules(module)
        self.data = {name: _packed(value) for name, value in data.items()}
        self._json = _to_json(self.data)
        self._width = round(100 * fallback.get_figwidth())
        self._picture = _png(fallback)

    @property
    def decoded(self) -> dict[str, Any]:
        """The data as the script sees it: arrays after packing, as float32."""
        return {name: _unpacked(value) for name, value in self.data.items()}

    def _repr_html_(self) -> str:
        picture = base64.b64encode(self._picture).decode()
        look = {"card": figures.CARD, "ink": figures.INK, "colors": figures.COLORS}
        told = {"label": self.label, "look": look}
        parts = [
            f'<div data-deepbook-live="{escape(self.module)}">',
            f'<img src="data:image/png;base64,{picture}" alt="{escape(self.alt)}" '
            f'width="{self._width}" style="max-width: 100%; height: auto">',
            f'<script type="application/json" data-about>{_to_json(told)}</script>',
            f'<script type="application/json" data-values>{self._json}</script>',
        ]
        for name, source in self.scripts.items():
            parts.append(f'<script type="text/plain" data-module="{name}">\n{source}</script>')
        parts += [f"<script>\n{_read('start.js')}</script>", "</div>"]
        return "\n".join(parts)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        # the picture by itself is what a PDF shows
        bundle = {
            "text/html": self._repr_html_(),
            "image/png": base64.b64encode(self._picture).decode(),
            "text/plain": repr(self),
        }
        return bundle, {"deepbook": {"live": {"module": self.module, "alt": self.alt}}}

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.alt}"


def _modules(name: str) -> dict[str, str]:
    """Sources of a module and of all that it and the frame import, each after its imports."""
    found: dict[str, str] = {}

    def add(name: str, importers: tuple[str, ...]) -> None:
        if name in importers:
            raise ValueError(f"expected no circle of imports, got {' > '.join((*importers, name))}")
        if name not in found:
            source = _read(name)
            for imported in _IMPORT.findall(source):
                add(imported, (*importers, name))
            found[name] = source

    add("frame.js", ())
    add(name, ())
    return found


def _read(name: str) -> str:
    path = _FOLDER / name
    if not re.fullmatch(r"[\w-]+\.js", name) or not path.is_file():
        known = ", ".join(sorted(path.name for path in _FOLDER.glob("*.js")))
        raise ValueError(f"expected a JavaScript module among {known}, got {name!r}")
    source = path.read_text("utf-8")
    if re.search("<(/script|script|!--)", source, re.IGNORECASE):
        raise ValueError(f"{name} cannot stand in HTML: it holds <script, </script or <!--")
    return source


def _packed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _packed(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_packed(inner) for inner in value]
    if isinstance(value, np.ndarray) or hasattr(value, "detach"):
        return pack(value)
    return value


def _unpacked(value: Any) -> Any:
    if isinstance(value, Packed):
        return value.unpack()
    if isinstance(value, dict):
        return {name: _unpacked(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_unpacked(inner) for inner in value]
    return value


def _to_json(data: Any) -> str:
    def other(value: Any) -> Any:
        if isinstance(value, Packed):
            return value.to_json()
        raise ValueError(f"expected arrays, numbers, texts, lists or mappings, got {value!r}")

    text = json.dumps(data, default=other, allow_nan=False, ensure_ascii=False)
    # inside <script> nothing may look like a tag
    return text.replace("<", "\\u003c")


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    # which matplotlib drew it is no part of the picture
    figure.savefig(buffer, format="png", dpi=_PIXELS_PER_INCH, metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()
