import json
import math

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from sphinx.cmd.build import main as sphinx

import deepbook
from deepbook.claims import Claim, book_values

BOUNDS = [{"at_least": 0.0}, {"at_most": 0.0}, {"close_to": 0.0, "tolerance": 1e9}]


@pytest.fixture
def shown(monkeypatch):
    """What is displayed, as (data, metadata)."""
    outputs = []
    monkeypatch.setattr(
        "deepbook.claims.display",
        lambda data, raw, metadata: outputs.append((data, json.loads(json.dumps(metadata)))),
    )
    return outputs


@pytest.fixture
def lenient(monkeypatch):
    monkeypatch.delenv("DEEPBOOK_CLAIMS")


@pytest.mark.parametrize(
    ("bound", "inside", "outside", "words"),
    [
        ({"at_least": 0.92}, [0.92, 1.0], [0.9199], "at least 0.92"),
        ({"at_most": 3}, [3, -1], [3.0001], "at most 3"),
        ({"at_least": 1, "at_most": 2}, [1, 1.5, 2], [0.99, 2.01], "from 1 to 2"),
        ({"close_to": 0.5, "tolerance": 0.25}, [0.25, 0.75], [0.2, 0.8], "within 0.25 of 0.5"),
        (
            {"close_to": 0.8239592165010823, "tolerance": 0.01},
            [0.8139592165010824, 0.83],
            [0.8139592165010822],
            "within 0.01 of 0.824",
        ),
        (
            {"close_to": torch.tensor(0.5), "tolerance": torch.tensor(0.25)},
            [0.5],
            [0.8],
            "within 0.25 of 0.5",
        ),
        ({"close_to": 131072.3, "tolerance": 2e3}, [130000], [1], "within 2000 of 131070"),
        ({"close_to": 1, "tolerance": 0}, [1], [1.0001], "exactly 1"),
    ],
)
def test_each_kind_of_bound_holds_inside_and_breaks_outside(shown, bound, inside, outside, words):
    for value in inside:
        deepbook.claim("error", value, **bound)
        assert shown[-1][1]["deepbook"]["claim"]["holds"] is True
        assert shown[-1][1]["deepbook"]["claim"]["bound"] == words
    for value in outside:
        with pytest.raises(deepbook.BrokenClaim, match=rf"'error' .* {words}, got {value}"):
            deepbook.claim("error", value, **bound)
        assert shown[-1][1]["deepbook"]["claim"]["holds"] is False


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, torch.tensor(math.nan)])
def test_nan_and_infinity_satisfy_no_claim(shown, value, bound):
    with pytest.raises(deepbook.BrokenClaim):
        deepbook.claim("loss", value, **bound)
    # and stand in the metadata as JSON, which has neither, can hold them
    assert shown[-1][1]["deepbook"]["claim"]["value"] == str(float(value))
    json.dumps(shown[-1][1], allow_nan=False)


@given(value=st.floats(), low=st.floats(-1e6, 1e6), width=st.floats(0, 1e6))
def test_a_claim_holds_exactly_when_the_value_lies_in_its_range(value, low, width):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deepbook.claims.display", lambda *args, **options: None)
        try:
            deepbook.claim("x", value, at_least=low, at_most=low + width)
        except deepbook.BrokenClaim:
            assert not low <= value <= low + width
        else:
            assert low <= value <= low + width


@pytest.mark.parametrize(
    "name",
    [
        "training-seconds",
        "time",
        "time-per-epoch",
        "speedup",
        "epoch-ms",
        "wallclock",
        "digits-per-second",
    ],
)
def test_a_claim_about_a_time_is_refused(shown, name):
    with pytest.raises(ValueError, match=f"{name!r} is about a time"):
        deepbook.claim(name, 1, at_least=0)
    assert not shown


def test_a_word_that_only_contains_a_time_word_is_no_time(shown):
    deepbook.claim("sentiment-secant-timetable", 1, at_least=0)
    deepbook.claim("accuracy-of-second-layer", 1, at_least=0)


@pytest.mark.parametrize("name", ["", "Upper", "two words", "a_b", "-a", "a-", "<b>", "a--b", 3])
@pytest.mark.parametrize("show", [deepbook.glue, lambda n, v: deepbook.claim(n, v, at_least=0)])
def test_a_name_is_lower_case_words_joined_by_hyphens(shown, name, show):
    with pytest.raises(ValueError, match="lower-case words joined by hyphens, got"):
        show(name, 1.0)
    assert not shown


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({}, "promises nothing"),
        ({"close_to": 1}, "given together"),
        ({"tolerance": 1}, "given together"),
        ({"close_to": 1, "tolerance": 1, "at_least": 0}, "not both"),
        ({"close_to": 1, "tolerance": -1}, "tolerance of at least 0, got -1"),
        ({"at_least": 2, "at_most": 1}, "nothing is at least 2 and at most 1"),
        ({"at_least": math.nan}, "finite bounds"),
        ({"at_most": math.inf}, "finite bounds"),
    ],
)
def test_a_bound_that_promises_nothing_or_too_much_is_refused(shown, bounds, message):
    with pytest.raises(ValueError, match=message):
        deepbook.claim("error", 1, **bounds)
    assert not shown


@pytest.mark.parametrize("value", ["1", None, torch.zeros(2), np.zeros(2), 1j, 10**400, [1]])
def test_a_value_that_is_not_one_number_is_refused(shown, value):
    with pytest.raises(TypeError, match="'error': expected"):
        deepbook.claim("error", value, at_least=0)


@pytest.mark.parametrize(
    "value",
    [
        torch.tensor([0.5]),
        torch.tensor(0.5, requires_grad=True),  # torch warns when float() meets it
        np.float32(0.5),
        np.array([0.5]),
    ],
)
def test_a_value_may_be_a_tensor_or_an_array_with_one_element(shown, value):
    deepbook.claim("error", value, at_most=0.5)
    deepbook.glue("other", value)
    assert [next(iter(data.values())) for data, _ in shown] == ["0.5", "0.5"]


@pytest.mark.parametrize("bound", [np.float64(0.9), torch.tensor(0.9)])
def test_a_bound_may_come_from_numpy_or_torch(shown, lenient, bound):
    for value in (0.5, 1.5):
        deepbook.claim("error", value, at_least=bound)
    assert [m["deepbook"]["claim"]["holds"] for _, m in shown] == [False, True]


def test_a_reader_is_told_and_goes_on_where_the_build_would_stop(shown, lenient):
    book_values({"accuracy": 0.93, "errors": 70})
    deepbook.claim("accuracy", 0.8, at_least=0.9)
    deepbook.claim("errors", 200, at_most=100)
    texts = [BeautifulSoup(data["text/html"], "html.parser").text for data, _ in shown]
    assert texts == [
        "✗ accuracy 0.8 promised at least 0.9: does not hold here; the book's build got 0.93",
        "✗ errors 200 promised at most 100: does not hold here; the book's build got 70",
    ]


def test_a_reader_is_not_told_of_a_value_that_the_book_does_not_have(shown, lenient):
    book_values({"accuracy": 0.93})
    book_values({})
    deepbook.claim("accuracy", 0.8, at_least=0.9)
    assert shown[0][0]["text/html"].endswith("does not hold here</span></div>")


def test_a_claim_that_holds_is_shown_with_its_bound_and_source(shown):
    deepbook.claim("accuracy", 0.934567, at_least=0.9, source="Goodfellow 2016")
    (data, _) = shown[0]
    text = BeautifulSoup(data["text/html"], "html.parser").text
    assert text == "✓ accuracy 0.9346 promised at least 0.9 (Goodfellow 2016): holds"
    assert data["text/plain"] == "0.934567"


def test_what_a_claim_shows_is_escaped(shown):
    deepbook.claim("error", 1, at_least=0, source="<script>'&\"</script>")
    html = shown[0][0]["text/html"]
    assert "<script>" not in html
    assert BeautifulSoup(html, "html.parser").select_one(".db-claim-source").text == (
        "(<script>'&\"</script>)"
    )


def test_a_claims_metadata_is_for_machines(shown):
    deepbook.claim("error", 0.25, close_to=0.2, tolerance=0.1, source="eq. 1")
    assert shown[0][1] == {
        "scrapbook": {"name": "error", "mime_prefix": ""},
        "deepbook": {
            "claim": {
                "name": "error",
                "value": 0.25,
                "bound": "within 0.1 of 0.2",
                "holds": True,
                "source": "eq. 1",
                "low": pytest.approx(0.1),
                "high": pytest.approx(0.3),
            }
        },
    }
    Claim(**shown[0][1]["deepbook"]["claim"])


def test_what_is_glued_is_kept_off_the_page(shown):
    deepbook.glue("count", 4000)
    deepbook.glue("kind", "it's")
    prefix = "application/papermill.record/"
    for (data, metadata), name, text in zip(
        shown, ("count", "kind"), ("4000", '"it\'s"'), strict=True
    ):
        assert data == {prefix + "text/plain": text}
        assert metadata == {"scrapbook": {"name": name, "mime_prefix": prefix}}


PAGE = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---
# Page

```{code-cell} ipython3
import deepbook
deepbook.claim("third", 1 / 3, at_most=1)
deepbook.glue("two-thirds", 2 / 3)
deepbook.glue("whole", 109386.0)
deepbook.glue("separated", f"{109386:,}")
deepbook.glue("text", "a <b>")
```

{glue:text}`third:.2f`; {glue:text}`two-thirds:.3f`; {glue:text}`two-thirds:.1%`;
{glue:text}`whole`; {glue:text}`whole:,.0f`; {glue:text}`separated`; {glue:text}`text`
"""


def test_sentences_show_glued_values_as_myst_nb_reads_them(tmp_path):
    (tmp_path / "conf.py").write_text(
        "extensions = ['myst_nb']\nhtml_theme = 'basic'\nnb_execution_mode = 'force'\n"
        "nb_execution_raise_on_error = True\nnb_merge_streams = True\n"
    )
    (tmp_path / "index.md").write_text(PAGE)
    assert sphinx(["-q", "-W", "-n", str(tmp_path), str(tmp_path / "out")]) == 0
    page = BeautifulSoup((tmp_path / "out" / "index.html").read_text(), "html.parser")
    sentence = page.select(".cell + p")[0].text.replace("\n", " ")
    assert sentence == "0.33; 0.667; 66.7%; 109386; 109,386; 109,386; a <b>"
    # the claim's quiet line is the only output on the page
    assert [o.text.strip() for o in page.select(".cell_output")] == [
        "✓ third 0.3333 promised at most 1: holds"
    ]
