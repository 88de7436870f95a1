import json
from dataclasses import replace

import pytest

import deepbook.boltzmann
from deepbook import carried, records
from deepbook.records import Record, read_record, record_names


@pytest.fixture
def record():
    return Record(
        name="speed",
        title="How fast",
        rows=({"who": "us & them", "per second": 24500.0}, {"who": "nobody", "per second": None}),
        command="python benchmarks/boltzmann.py speed",
        commit="0123abcd",
        date="2026-11-22",
        machine="a machine, 2 cores",
        versions={"torch": "2.13.0"},
    )


def test_a_record_is_read_as_it_was_written(record, tmp_path, monkeypatch):
    (tmp_path / "chapter" / "records").mkdir(parents=True)
    path = tmp_path / "chapter" / "records" / "speed.json"
    path.write_text(json.dumps(vars(record)))

    def folder(package):
        return tmp_path.joinpath(*package.split(".")[1:])

    for module in (records, carried):
        monkeypatch.setattr(module, "files", folder)
    assert record_names("chapter") == ["speed"]
    assert read_record("chapter/speed") == record
    with pytest.raises(ValueError, match="expected one of chapter/speed, got 'chapter/depth'"):
        read_record("chapter/depth")
    with pytest.raises(ValueError, match="no record of 'speed'"):
        read_record("speed")


def test_a_chapter_reads_its_own_records():
    assert deepbook.boltzmann.record_names() == record_names("boltzmann")
    assert deepbook.boltzmann.read_record("speed") == read_record("boltzmann/speed")


CHAPTERS = ["boltzmann", "regularization", "optimization", "convolution", "sequence"]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_record_of_a_chapter_has_rows_with_the_same_columns(chapter):
    assert record_names(chapter)
    for name in record_names(chapter):
        found = read_record(f"{chapter}/{name}")
        assert found.name == name
        assert len({tuple(row) for row in found.rows}) == 1
        assert found.command.startswith("python benchmarks/")
        assert found.commit
        assert found.machine


@pytest.mark.parametrize(
    ("name", "who", "setting", "judged", "best", "tries", "seeds"),
    [
        ("regularization/leaderboard", ["method"], "setting", "validation read", max, 4, 10),
        ("regularization/adversarial", ["training"], "setting", "validation score", max, 6, 10),
        ("regularization/which", ["regularizer"], "strength", "validation read", max, 3, 20),
        ("optimization/race", ["problem", "optimizer"], "rate", "validation loss", min, 10, 10),
    ],
)
def test_a_contest_gives_each_the_same_budget_and_races_what_validation_chose(
    name, who, setting, judged, best, tries, seeds
):
    tuned, raced = read_record(f"{name}_tuning").rows, read_record(name).rows
    contestants = {tuple(row[key] for key in who) for row in tuned}
    all_seeds = {row["seed"] for row in raced}
    assert len(all_seeds) == seeds
    for one in contestants:
        mine = [row for row in tuned if tuple(row[key] for key in who) == one]
        assert len(mine) == (1 if one == ("none",) else tries)
        runs = [row for row in raced if tuple(row[key] for key in who) == one]
        assert {row["seed"] for row in runs} == all_seeds
        assert len(runs) == seeds
        top = best(row[judged] for row in mine if row[judged] is not None)
        winners = {row[setting] for row in mine if row[judged] == top}
        assert {row[setting] for row in runs} <= winners


def test_numbers_of_a_column_have_equally_many_decimals(record):
    def shown(*values):
        rows = tuple({"number": value} for value in values)
        return [line.strip() for line in str(replace(record, rows=rows)).splitlines()[2:-1]]

    assert shown(590.5, 591.0, None) == ["590.5", "591.0", "–"]
    # four digits of the usual number, whatever the largest is
    assert shown(1.12598, 0.94113, 0.89294) == ["1.1260", "0.9411", "0.8929"]
    assert shown(0.1, 3.0, 0.003) == ["0.100", "3.000", "0.003"]
    assert shown(0.01739, 0.00743, 0.0061) == ["0.0174", "0.0074", "0.0061"]
    assert shown(0.00012345, 0.0002) == ["0.00012", "0.00020"]
    assert shown(24500.0, 1.5) == ["24,500.0", "1.5"]
    assert shown(24500.4, 31000.2) == ["24,500", "31,000"]
    assert shown(0.0, 0.0) == ["0", "0"]
    assert shown("-5", 2) == ["-5", "2"]


def test_a_row_is_found_by_its_values(record):
    assert record.row(who="us & them")["per second"] == 24500.0
    with pytest.raises(LookupError, match=r"expected one row with .*Tom.* in speed, got 0"):
        record.row(who="Tom")
    with pytest.raises(LookupError, match="got 2"):
        record.row()


def test_a_record_tells_where_it_comes_from_in_text_and_on_a_page(record):
    source = (
        "Recorded by `python benchmarks/boltzmann.py speed` at commit 0123abcd on 2026-11-22: "
        "a machine, 2 cores; torch 2.13.0."
    )
    assert source in str(record)
    in_html = source.replace("`python", "<code>python").replace("speed`", "speed</code>")
    assert in_html in record._repr_html_()
    assert "<td>us &amp; them</td><td>24,500</td>" in record._repr_html_()
    assert "<td>nobody</td><td>–</td>" in record._repr_html_()
    lines = str(record).splitlines()
    assert lines[1:3] == ["      who  per second", "us & them      24,500"]
