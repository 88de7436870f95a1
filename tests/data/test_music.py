import io
import zipfile
from fractions import Fraction

import pytest
import torch

from deepbook.data import DataError, chorales, fetched, fiddle_tunes

REEL = "X:1\nT:The Alhambra -- Reel\nR:reel\nM:C|\nL:1/8\nK:D\ndcdA|\n"


def mxl(score):
    container = '<container><rootfiles><rootfile full-path="a.xml"/></rootfiles></container>'
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("a.xml", score)
    return packed.getvalue()


def note(pitch, duration, more=""):
    if pitch is None:
        return f"<note><rest/><duration>{duration}</duration></note>"
    step, alter, octave = pitch[0], pitch.count("#") - pitch.count("b"), pitch[-1]
    told = f"<step>{step}</step><alter>{alter}</alter><octave>{octave}</octave>"
    return f"<note>{more}<pitch>{told}</pitch><duration>{duration}</duration></note>"


def score(*parts, divisions=2):
    attributes = f"<attributes><divisions>{divisions}</divisions></attributes>"
    text = "".join(
        f'<part id="P{n}">'
        + "".join(
            f"<measure>{attributes if i == 0 else ''}{''.join(notes)}</measure>"
            for i, notes in enumerate(measures)
        )
        + "</part>"
        for n, measures in enumerate(parts)
    )
    return mxl(f"<score-partwise><part-list/>{text}</score-partwise>")


HELD = [[note("C2", 4)], [note("C2", 2)]]


def test_each_tune_has_its_title_and_kind(carried):
    kinds = ["reel", "REEL", "slipjig", "fling", "waltz"]
    carried("fiddle-tunes", *[REEL.replace("reel", kind).encode() for kind in kinds])
    data = fiddle_tunes()
    both = [*data.train.targets.tolist(), *data.test.targets.tolist()]
    names = sorted(data.train.class_names[i] for i in both)
    assert names == ["highland fling", "other", "reel", "reel", "slip jig"]
    assert data.train.titles[0] == "The Alhambra -- Reel"
    assert data.train[0].startswith("X:1\nT:The Alhambra")
    assert len(data.train.rows(torch.tensor([0])).texts) == 1
    assert "Ryan" in data.citation
    assert "fiddle-tunes" in fetched()


def test_what_mail_did_to_a_text_is_undone(carried):
    mailed = REEL.replace("\n", "\r\n").replace("dcdA|", "dc=\r\ndA|=20\r\n=3Dc|")
    carried("fiddle-tunes", *[mailed.encode()] * 5)
    assert fiddle_tunes().train[0].split("K:D\n")[1] == "dcdA| \n=c|\n"


def test_a_file_without_a_kind_is_another_kind(carried):
    carried("fiddle-tunes", *[REEL.replace("R:reel\n", "").encode()] * 5)
    data = fiddle_tunes()
    assert {data.train.class_names[i] for i in data.train.targets.tolist()} == {"other"}


def test_parts_are_sampled_where_a_step_begins(carried):
    tenor = [[note("Bb3", 3), note("F#4", 1)], [note(None, 2)]]
    carried("bach-scores", *[score(HELD, HELD, tenor, HELD)] * 5)
    data = chorales()
    assert (len(data.train), len(data.test)) == (4, 1)
    assert (data.train_names[0], data.test_names) == ("0", ("4",))
    # quarter notes begin at 0, 2 and 4: the second F sharp is too late to be heard
    assert data.test[0].tolist() == [[36, 36, 58, 36], [36, 36, 58, 36], [36, 36, 0, 36]]
    halves = chorales(Fraction(1, 2)).test[0][:, 2]
    assert halves.tolist() == [58, 58, 58, 66, 0, 0]
    assert {p.device.type for p in data.to("meta").train} == {"meta"}
    assert "Bach" in data.citation


def test_chords_voices_and_short_notes_leave_the_first_note(carried):
    chord = [
        [note("C4", 2), note("E4", 2, "<chord/>"), note("D4", 1), note("E4", 1)],
        [note("C4", 2)],
    ]
    voices = [
        [note("C4", 4), "<backup><duration>4</duration></backup>", note("A3", 4)],
        ["<forward><duration>2</duration></forward>"],
    ]
    carried("bach-scores", *[score(chord, voices, HELD, HELD)] * 5)
    first, second = chorales().test[0][:, :2].T.tolist()
    assert first == [60, 62, 60]
    assert second == [60, 60, 0]


def test_other_numbers_of_parts_and_silent_parts_are_left_out(carried):
    silent = [[note(None, 6)]]
    four = score(HELD, HELD, HELD, HELD)
    others = [score(HELD, HELD), score(HELD, HELD, HELD, HELD, HELD), score(*[HELD] * 3, silent)]
    carried("bach-scores", *others, *[four] * 5)
    data = chorales()
    assert (len(data.train), len(data.test)) == (4, 1)
    assert data.train_names == ("3", "4", "5", "6")


@pytest.mark.parametrize("step", [0, 2, Fraction(1, 11)])
def test_a_step_that_cannot_be_is_refused(step):
    with pytest.raises(ValueError, match=f"expected a step above 0 .* got {step}"):
        chorales(step)


@pytest.mark.parametrize("load", [fiddle_tunes, chorales])
def test_without_network_and_cache_the_loader_says_what_is_missing(carried, monkeypatch, load):
    name = "fiddle-tunes" if load is fiddle_tunes else "bach-scores"
    carried(name, b"")
    monkeypatch.setenv("DEEPBOOK_OFFLINE", "1")
    with pytest.raises(DataError, match=f"{name} is not in the cache"):
        load()


def test_the_real_tunes_are_as_the_docstring_says(in_cache):
    in_cache("fiddle-tunes")
    data = fiddle_tunes()
    assert (len(data.train), len(data.test)) == (847, 212)
    counts = torch.bincount(data.train.targets)
    assert dict(zip(data.train.class_names, counts.tolist(), strict=True))["reel"] == 351
    assert all("K:" in text for text in data.train.texts)


def test_the_real_pieces_have_four_voices_that_rarely_rest(in_cache):
    in_cache("bach-scores")
    data = chorales()
    assert (len(data.train), len(data.test)) == (292, 72)
    notes = torch.cat(data.train + data.test)
    assert float((notes == 0).double().mean()) < 0.02
    sung = notes[notes > 0]
    assert (int(sung.min()), int(sung.max())) == (36, 81)
    # the parts stand from high to low
    means = [float(part[part > 0].double().mean()) for part in notes.T]
    assert means == sorted(means, reverse=True)
