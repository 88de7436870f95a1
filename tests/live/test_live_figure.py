import json
import os
import re
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup

from deepbook import figures
from deepbook.live import LiveFigure, pack
from deepbook.live import live_figure as figure

SMALL = {"machine": {"weight": torch.ones(2, 1)}, "steps": [1, 2], "name": "x"}


def live(picture, data=SMALL, **other):
    arguments = {"module": "cd_bias.js", "data": data, "label": "A figure"} | picture | other
    return LiveFigure(**arguments)


def soup(live_figure):
    return BeautifulSoup(live_figure._repr_html_(), "html.parser")


def test_its_html_holds_the_picture_the_data_and_every_module_it_imports(picture):
    made = soup(live(picture))
    (host,) = made.select("[data-deepbook-live]")
    assert host["data-deepbook-live"] == "cd_bias.js"
    assert host.img["src"].startswith("data:image/png;base64,")
    assert host.img["alt"] == "A line that rises."
    names = [script["data-module"] for script in host.select("script[data-module]")]
    assert names == ["packing.js", "frame.js", "rbm.js", "cd_bias.js"]


def test_modules_travel_as_they_are_written(picture):
    made = live(picture)
    script = soup(made).select_one("script[data-module='rbm.js']").string
    assert script.lstrip("\n") == (figure._FOLDER / "rbm.js").read_text("utf-8")


def test_a_module_stands_after_all_that_it_imports(picture):
    seen = set()
    for name, source in live(picture).scripts.items():
        assert set(re.findall(r'from "\./([\w.]+)"', source)) <= seen
        seen.add(name)


def test_every_module_of_the_package_can_stand_in_html():
    for path in figure._FOLDER.glob("*.js"):
        assert figure._read(path.name)


def test_it_loads_nothing(picture):
    html = live(picture)._repr_html_()
    assert not re.search(r"(src|href)=[\"'](?!data:)|https?://|fetch\(|XMLHttpRequest", html)


def test_it_wears_the_look_of_the_other_figures(picture):
    told = json.loads(soup(live(picture)).select_one("script[data-about]").string)
    look = {"card": figures.CARD, "ink": figures.INK, "colors": list(figures.COLORS)}
    assert told == {"label": "A figure", "look": look}


def test_data_cannot_end_its_script(picture):
    text = "</script><script>alert(1)</script><!--"
    made = soup(live(picture, {"text": text}))
    assert json.loads(made.select_one("script[data-values]").string) == {"text": text}


def test_words_are_escaped_in_html(picture):
    made = live(picture | {"alt": 'a "b" <c>\n d'})
    assert soup(made).img["alt"] == 'a "b" <c> d'


def test_its_bundle_has_html_a_picture_and_words(picture):
    data, metadata = live(picture)._repr_mimebundle_()
    assert list(data) == ["text/html", "image/png", "text/plain"]
    assert data["text/plain"] == "LiveFigure: A line that rises."
    about = {"module": "cd_bias.js", "alt": "A line that rises."}
    assert metadata == {"deepbook": {"live": about}}


def test_the_picture_is_closed_so_that_it_is_not_shown_twice(picture):
    live(picture)
    assert plt.get_fignums() == []


def test_decoded_is_what_the_script_computes_with(picture):
    weight = torch.tensor([[0.1234, 1.0], [3.0, -2.0]])
    data = {"weight": pack(weight, "int8"), "list": [pack([0.1], "float16")], "n": 3}
    decoded = live(picture, data).decoded
    np.testing.assert_array_equal(decoded["weight"], pack(weight, "int8").unpack())
    assert decoded["list"][0] == [np.float16(0.1)]
    assert decoded["n"] == 3


SAME_BYTES = """
import hashlib, matplotlib.pyplot as plt, torch
from deepbook.live import CDBias

figure, axis = plt.subplots()
axis.plot([1, 2])
made = CDBias(
    torch.ones(2, 1), torch.zeros(2), torch.zeros(1), torch.full((4,), .25),
    fallback=figure, alt="A line.",
)
digest = hashlib.sha256(made._repr_html_().encode()).hexdigest()
"""


def test_two_interpreters_make_the_same_bytes():
    here = {}
    exec(SAME_BYTES, here)
    # whatever this one hashes by, the other one does otherwise
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    there = subprocess.run(
        [sys.executable, "-c", SAME_BYTES + "print(digest)"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": seed, "MPLBACKEND": "agg"},
    )
    assert there.stdout.strip() == here["digest"]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"module": "none.js"}, ValueError, "expected a JavaScript module among .*frame.js.*none"),
        ({"module": "../live/rbm.js"}, ValueError, "expected a JavaScript module among"),
        ({"alt": " "}, ValueError, "expected alt to say something, got ' '"),
        ({"label": ""}, ValueError, "expected label to say something"),
        ({"fallback": "disc.png"}, TypeError, "expected a matplotlib Figure as fallback"),
        ({"data": {"x": float("nan")}}, ValueError, "not JSON compliant"),
        ({"data": {"x": object()}}, ValueError, "expected arrays, numbers, texts, lists"),
        ({"data": {"x": np.array([np.nan])}}, ValueError, "expected finite numbers"),
    ],
)
def test_wrong_arguments_are_refused(picture, change, error, message):
    with pytest.raises(error, match=message):
        live(picture, **change)


def test_modules_that_import_each_other_are_refused(picture, tmp_path, monkeypatch):
    for name in ("frame", "one", "two"):
        other = {"one": "two", "two": "one"}.get(name)
        text = f'import {{ a }} from "./{other}.js";\n' if other else ""
        (tmp_path / f"{name}.js").write_text(text)
    monkeypatch.setattr(figure, "_FOLDER", tmp_path)
    with pytest.raises(ValueError, match=r"no circle of imports, got one.js > two.js > one.js"):
        live(picture, module="one.js")


def test_a_module_that_would_end_its_script_is_refused(picture, tmp_path, monkeypatch):
    (tmp_path / "frame.js").write_text('"</script>"')
    monkeypatch.setattr(figure, "_FOLDER", tmp_path)
    with pytest.raises(ValueError, match=r"frame.js cannot stand in HTML"):
        live(picture)
