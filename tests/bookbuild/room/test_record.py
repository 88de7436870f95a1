"""The room of claims: what it is, when its record is stale, and what a strict build makes of it."""

import json
import math
import re
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest

from bookbuild.execution.experiment import experiment_of, modules_that_measure
from bookbuild.execution.kernel import Run
from bookbuild.execution.store import Store
from bookbuild.room.measure import summary
from bookbuild.room.record import Room, RoomRecord, check_room, read_room, room_file, room_of

# a mean of eight draws of sd 1 around ten
RANDOM = """import deepbook, torch
deepbook.seed(0)
drawn = 10 + torch.randn(8).mean()
deepbook.claim("answer", drawn, at_least=5)
deepbook.glue("doubled", 2 * drawn)
deepbook.claim("fixed", 3, at_least=3)
answer = 41"""


def runs(values, low=None, high=None):
    return [{"value": value, "low": low, "high": high} for value in values]


def test_the_room_is_the_distance_from_mean_to_bound_in_standard_deviations():
    room = room_of(runs([1.0, 2.0, 3.0], low=0.0))
    assert room == Room(mean=2.0, deviation=1.0, worst=1.0, seeds=3, broken=0, room=2.0)
    assert room_of(runs([1.0, 2.0, 3.0], high=5.0)).room == 3.0
    # the nearer of two bounds
    assert room_of(runs([1.0, 2.0, 3.0], low=0.0, high=3.5)).room == 1.5
    assert room_of(runs([1.0, 2.0, 3.0], low=0.0, high=3.5)).worst == 3.0


def test_a_bound_that_moves_with_the_seed_is_compared_seed_by_seed():
    moving = [{"value": v, "low": v - 1, "high": None} for v in (5.0, 50.0, 500.0)]
    assert room_of(moving).room == math.inf
    moving[1]["low"] -= 1
    assert room_of(moving).room == pytest.approx((4 / 3) / math.sqrt(1 / 3))


def test_values_that_do_not_move_are_exact_and_still_have_to_keep_the_bound():
    assert room_of(runs([7.0] * 12, low=7.0)).exact
    assert room_of(runs([7.0] * 12, low=7.0)).enough
    assert not room_of(runs([7.0] * 12, low=7.1)).enough


@pytest.mark.parametrize(
    ("values", "low", "enough"),
    [
        ([10.0, 12.0] * 6, 0.0, True),
        ([10.0, 12.0] * 6, 8.0, False),  # under three standard deviations
        ([10.0, 12.0] * 3, 0.0, False),  # too few seeds
        ([10.0] * 11 + [math.nan], 0.0, False),
        ([10.0] * 11 + [math.inf], 0.0, False),
    ],
)
def test_a_promise_needs_four_standard_deviations_over_twelve_seeds(values, low, enough):
    assert room_of(runs(values, low=low)).enough is enough


def test_one_seed_that_breaks_a_claim_is_one_too_many():
    room = room_of(runs([100.0 + n for n in range(99)] + [-1.0], low=0.0))
    assert (room.broken, room.enough) == (1, False)


def test_a_record_keeps_what_does_not_move_to_the_last_digit(tmp_path):
    one, project = 1.6925523317102, SimpleNamespace(root=tmp_path)
    exact = runs([one] * 3, low=one - 1e-12, high=one + 1e-12)
    moving = runs([one, 2 * one, math.nan], low=0.0)
    told = {"exact": exact, "moving": moving, "endless": runs([math.inf] * 3)}
    told = {name: [{"bound": "", **run} for run in each] for name, each in told.items()}
    RoomRecord("", "", {}, {}, [1, 2, 3], told).write(tmp_path / "page.room.json")
    back = read_room(project, "page")
    assert back.runs["exact"] == told["exact"]
    assert room_of(back.runs["exact"]).enough is True
    assert [run["value"] for run in back.runs["moving"][:2]] == [1.692552, 3.385105]
    assert math.isnan(back.runs["moving"][2]["value"])
    assert back.runs["endless"] == told["endless"]


def cells(*sources):
    from nbformat.v4 import new_code_cell, new_notebook

    return new_notebook(cells=[new_code_cell(source) for source in sources])


def test_bounds_comments_and_glue_are_no_part_of_an_experiment():
    base = experiment_of(cells("x = 1", "claim('a', x, at_least=2)"))
    for same in (
        ["x = 1  # a comment", "claim('a', x, at_least=-3.5)"],
        ["x = 1", "claim('a', x, close_to=1, tolerance=0.5)"],
        ["x = 1", "glue('a', x)"],
        ["x = 1\nclaim('a', x, at_least=2)"],
        ["x = (1)", "deepbook.claim(\n    'a', x, at_most=7, source='somebody')"],
    ):
        assert experiment_of(cells(*same)).code == base.code
    for other in (
        ["x = 2", "claim('a', x, at_least=2)"],
        ["x = 1", "claim('b', x, at_least=2)"],
        ["x = 1", "claim('a', x, at_least=2 * x)"],
        ["x = 1", "print('a', x)"],
    ):
        assert experiment_of(cells(*other)).code != base.code
    assert experiment_of(cells("x = 1", "claim('a', x, at_least=3)")).bounds != base.bounds
    assert base.written_out == {"a"}
    assert experiment_of(cells("claim('a', 1, at_least=x)")).written_out == frozenset()


def test_a_module_that_only_shows_fetches_or_names_others_measures_nothing():
    shown = ["deepbook", "deepbook.figures", "deepbook.data.fetching", "deepbook.tables"]
    names = [*shown, "deepbook.training", "deepbook.training.loops", "torch"]
    assert list(modules_that_measure(names)) == ["deepbook.training.loops"]


FEW = 3


@pytest.fixture
def random_book(fresh_book, monkeypatch):
    """A book of which one claim is random; three seeds are enough for it."""
    for module in ("room.record", "__main__"):
        monkeypatch.setattr(f"bookbuild.{module}.SEEDS", FEW)
    fresh_book.edit("book/one", "import deepbook\nanswer = 41", RANDOM)
    fresh_book.edit("book/one", 'deepbook.claim("answer", answer, at_least=40)\n', "")
    return fresh_book


def room(book, *arguments):
    return book.run("room", "--jobs", "2", *arguments)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where the measured book is kept for the tests that come later."""
    return tmp_path_factory.mktemp("kept") / "book"


@pytest.fixture
def measured(random_book, kept):
    """The same book, with a record of room."""
    if kept.exists():
        shutil.rmtree(random_book.root)
        shutil.copytree(kept, random_book.root)
    else:
        outcome = room(random_book)
        # both pages
        assert (outcome.code, outcome.kernels) == (0, 2 * FEW), outcome.text
        shutil.copytree(random_book.root, kept)
    return random_book


def test_room_runs_pages_under_other_seeds_and_writes_what_they_measure(random_book):
    outcome = room(random_book, "--page", "book/one")
    assert outcome.code == 0, outcome.text
    assert outcome.kernels == FEW
    told = json.loads(room_file(random_book.project, "book/one").read_text())
    assert told["offsets"] == [1000 * (n + 1) for n in range(FEW)]
    assert len(set(told["claims"]["answer"]["value"])) == FEW
    assert abs(told["claims"]["answer"]["mean"] - 10) < 1
    assert told["claims"]["fixed"]["room"] == "exact"
    last = outcome.text.splitlines()[-1]
    assert re.fullmatch(r"1 exact claims, 1 with room, the least \d+\.\d", last)
    # nothing to do, and reading alone says the same
    assert room(random_book, "--page", "book/one").kernels == 0
    assert room(random_book, "--check", "--page", "book/one").code == 0


@pytest.mark.parametrize("executed", [False, True])
def test_a_first_look_is_part_of_the_whole(random_book, executed):
    if executed:
        random_book.run("execute")
    first = room(random_book, "--page", "book/one", "--seeds", "2")
    assert (first.code, first.kernels) == (1, 2)
    assert "rests on 2 seeds, expected at least 3" in first.text
    assert room(random_book, "--page", "book/one").kernels == FEW - 2


def test_new_bounds_are_laid_on_old_values(random_book):
    random_book.run("html")
    room(random_book)
    before = read_room(random_book.project, "book/one")
    random_book.edit("book/one", "at_least=5", "at_least=9.5")
    check = room(random_book, "--check", "--page", "book/one")
    assert "its bounds changed since its room was measured" in check.text
    random_book.run("execute")
    outcome = room(random_book, "--page", "book/one")
    assert outcome.kernels == 0
    assert (
        "standard deviations of room, expected at least 4: promised at least 9.5" in (outcome.text)
        or "was broken by" in outcome.text
    )
    after = read_room(random_book.project, "book/one")
    values = [[run["value"] for run in record.runs["answer"]] for record in (before, after)]
    assert values[0] == values[1]
    assert {run["low"] for run in after.runs["answer"]} == {9.5}
    # the same from the record alone, as on another machine
    shutil.rmtree(random_book.project.build / "room")
    random_book.edit("book/one", "at_least=9.5", "at_least=4")
    random_book.run("execute")
    assert room(random_book, "--page", "book/one").kernels == 0
    assert {r["low"] for r in read_room(random_book.project, "book/one").runs["answer"]} == {4}


def test_a_number_that_was_glued_becomes_a_claim_without_a_run(measured):
    measured.edit(
        "book/one", 'glue("doubled", 2 * drawn)', 'claim("doubled", 2 * drawn, at_least=9)'
    )
    measured.run("execute")
    assert room(measured, "--page", "book/one").kernels == 0
    assert set(read_room(measured.project, "book/one").runs) == {"answer", "doubled", "fixed"}


def test_new_code_makes_the_record_stale(measured):
    measured.edit("book/one", "torch.randn(8)", "torch.randn(9)")
    check = room(measured, "--check", "--page", "book/one")
    assert (check.code, check.kernels) == (1, 0)
    assert "its code changed since its room was measured" in check.text
    assert room(measured, "--page", "book/one").kernels == FEW


def test_two_seeds_tell_that_changed_code_measures_the_same(measured):
    before = read_room(measured.project, "book/one")
    measured.edit("book/one", "answer = 41", 'answer = 41\nprint("a title")')
    outcome = room(measured, "--page", "book/one")
    assert (outcome.code, outcome.kernels) == (0, 2), outcome.text
    assert "book/one: the first seeds measure what they did" in outcome.text
    after = read_room(measured.project, "book/one")
    assert after.runs == before.runs
    assert after.code != before.code
    assert room(measured, "--page", "book/one").kernels == 0


def test_changed_code_under_new_bounds_runs_no_seed_more(measured):
    measured.edit("book/one", "answer = 41", 'answer = 41\nprint("a title")')
    measured.edit("book/one", "at_least=5", "at_least=4")
    outcome = room(measured, "--page", "book/one")
    assert (outcome.code, outcome.kernels) == (0, 2), outcome.text
    record = read_room(measured.project, "book/one")
    assert {run["low"] for run in record.runs["answer"]} == {4}


def test_changed_code_with_a_new_claim_runs_under_all_seeds(measured):
    measured.edit(
        "book/one",
        'glue("doubled", 2 * drawn)',
        'claim("trebled", 3 * drawn, at_least=9)',
    )
    outcome = room(measured, "--page", "book/one")
    assert (outcome.code, outcome.kernels) == (0, FEW)
    assert "book/one: trebled is a new claim: all seeds run again" in outcome.text
    assert "trebled" in read_room(measured.project, "book/one").runs


def test_a_page_that_measures_here_what_it_did_keeps_its_record_without_a_run(measured):
    assert measured.run("execute").code == 0
    before = read_room(measured.project, "book/one")
    measured.edit("book/one", "answer = 41", 'answer = 41\nprint("a title")')
    assert measured.run("execute").code == 0
    outcome = room(measured, "--page", "book/one")
    assert (outcome.code, outcome.kernels) == (0, 0), outcome.text
    assert "book/one: it measures here what it did, to the last digit" in outcome.text
    after = read_room(measured.project, "book/one")
    assert after.runs == before.runs
    assert after.code != before.code


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("drawn = 10 +", "drawn = 10.00001 +"),  # seven digits of twelve are the same
        ('glue("doubled", 2 * drawn)', 'claim("trebled", 3 * drawn, at_least=9)'),
    ],
)
def test_a_page_that_measures_something_else_here_runs_under_other_seeds(measured, old, new):
    assert measured.run("execute").code == 0
    measured.edit("book/one", old, new)
    assert measured.run("execute").code == 0
    assert room(measured, "--page", "book/one").kernels > 0


@pytest.fixture
def old_modules(measured):
    """A book whose record of room was measured with another module."""
    record = read_room(measured.project, "book/one")
    assert "deepbook.randomness" in record.modules
    changed = {**record.modules, "deepbook.randomness": "another"}
    replace(record, modules=changed).write(room_file(measured.project, "book/one"))
    shutil.rmtree(measured.project.build / "room")
    return measured


def test_a_module_that_changed_makes_the_record_stale(old_modules):
    check = room(old_modules, "--check")
    assert "deepbook.randomness changed since its room was measured" in check.text
    # no fault of a strict build: its values are those of now
    old_modules.run("execute")
    store = Store(old_modules.project)
    claims = store.claims("book/one")
    found = list(check_room(old_modules.project, "book/one", claims, store.surroundings, {}))
    assert [finding.severity for finding in found] == ["warning"]


def test_one_seed_tells_that_a_changed_module_measures_the_same(old_modules):
    before = read_room(old_modules.project, "book/one")
    outcome = room(old_modules)
    assert (outcome.code, outcome.kernels) == (0, 1)
    assert "book/one: the first seeds measure what they did, so the record stands" in outcome.text
    after = read_room(old_modules.project, "book/one")
    assert after.runs == before.runs
    assert after.modules["deepbook.randomness"] != "another"
    assert room(old_modules).kernels == 0


def test_all_seeds_run_again_where_one_measures_another_number(old_modules):
    file = room_file(old_modules.project, "book/one")
    before = read_room(old_modules.project, "book/one")
    runs = [dict(run) for run in before.runs["answer"]]
    runs[0]["value"] += 1e-3
    replace(before, runs={**before.runs, "answer": runs}).write(file)
    outcome = room(old_modules)
    assert (outcome.code, outcome.kernels) == (0, FEW)
    assert "book/one: answer is another number now: all seeds run again" in outcome.text
    after = read_room(old_modules.project, "book/one")
    assert abs(after.runs["answer"][0]["value"] - runs[0]["value"] + 1e-3) < 1e-5


def test_a_changed_module_that_fails_is_told_once(old_modules, monkeypatch):
    failing = lambda page, *_, **__: Run.never(page, "no kernel")
    monkeypatch.setattr("bookbuild.room.measure.run_page", failing)
    outcome = room(old_modules)
    assert outcome.code == 1
    assert outcome.text.count("no kernel") == 1


def test_a_page_that_fails_under_a_seed_is_told_and_the_others_are_kept(random_book):
    random_book.edit(
        "book/one", "answer = 41", "answer = 41\nassert torch.initial_seed() != 2000, 'no luck'"
    )
    outcome = room(random_book, "--page", "book/one")
    assert outcome.code == 1
    assert "under seeds shifted by 2000: book/one, code cell 1:" in outcome.text
    assert "no luck" in outcome.text
    kept = list((random_book.project.build / "room/book/one").rglob("*.json"))
    assert len(kept) == FEW - 1


@pytest.mark.parametrize("damage", ["", "{", '{"code": 1}', "[]"])
def test_a_damaged_record_is_told_and_measured_again(measured, damage):
    room_file(measured.project, "book/one").write_text(damage)
    assert "its record of room is damaged" in room(measured, "--check").text
    assert room(measured, "--page", "book/one").code == 0


def test_a_strict_build_wants_room_and_a_readers_build_does_not(random_book):
    assert random_book.run("html").code == 0
    strict = random_book.run("html", "--strict")
    assert strict.code == 1
    assert "book/one.md:1: it has no record of room: run `python -m bookbuild room" in strict.text
    room(random_book)
    assert random_book.run("html", "--strict").code == 0, strict.text
    # two standard deviations are too few: that of the mean of eight is .35
    random_book.edit("book/one", "at_least=5", "at_least=9.3")
    random_book.run("execute")
    room(random_book)
    strict = random_book.run("html", "--strict")
    assert strict.code == 1
    assert "the claim answer " in strict.text
    assert "book/one.md:" in strict.text
    assert random_book.run("html").code == 0


def test_the_promises_show_the_room_of_every_claim(random_book):
    random_book.build()
    room(random_book)
    random_book.build()
    rows = [
        [cell.text.strip() for cell in row.select("td")]
        for row in random_book.page("book/promises").select("table.db-promises tr")
    ]
    told = {row[0]: row[3] for row in rows if row}
    assert told["fixed"] == "exact"
    assert told["answer"].endswith(f"sd, {FEW} seeds")
    (link, *_) = random_book.page("book/promises").select("table.db-promises a")
    assert link["href"] == "one.html#claim-answer"


def test_the_summary_counts_and_tells_the_least():
    rooms = [room_of(runs(values, low=0.0)) for values in ([1.0] * 12, [9.0, 10.0] * 6, [1.0, 5.0])]
    assert summary(rooms).startswith("1 exact claims, 1 with room, the least 1.1; 1 without room")
    assert summary([]) == "0 exact claims, 0 with room, the least inf"
