import json

import pytest
import torch

from deepbook import carried
from deepbook.regularization import Leaderboard, LeaderboardRow, read_leaderboard

ABOUT = {
    "command": "python benchmarks/leaderboard.py",
    "commit": "0123abcd",
    "date": "2026-12-01",
    "machine": "a machine, 2 cores",
    "versions": {"torch": "2.13.0"},
}


@pytest.fixture
def row():
    tried = ({"rate": 0.1, "validation": 90.0}, {"rate": 0.2, "validation": 91.5})
    return LeaderboardRow("plain", {"rate": 0.2}, tried, (95.0, 96.0))


def test_it_is_read_as_it_was_written(row, tmp_path, monkeypatch):
    (tmp_path / "records").mkdir()
    path = tmp_path / "records" / "leaderboard.json"
    path.write_text(json.dumps({"rows": [vars(row)], **ABOUT}))
    monkeypatch.setattr(carried, "files", lambda package: tmp_path)
    assert read_leaderboard() == Leaderboard((row,), **ABOUT)


def test_a_row_is_found_by_its_method_and_gives_its_scores(row):
    found = Leaderboard((row,), **ABOUT).row("plain")
    assert torch.equal(found.scores, torch.tensor([95.0, 96.0], dtype=torch.float64))
    with pytest.raises(LookupError, match="expected one of plain, got 'fancy'"):
        Leaderboard((row,), **ABOUT).row("fancy")


def test_it_tells_where_it_comes_from(row):
    assert Leaderboard((row,), **ABOUT).source == (
        "Recorded by python benchmarks/leaderboard.py at commit 0123abcd on 2026-12-01: "
        "a machine, 2 cores; torch 2.13.0."
    )


def test_the_record_of_the_package_keeps_to_its_protocol():
    found = read_leaderboard()
    assert found.command == ABOUT["command"]
    assert len({row.method for row in found.rows}) == len(found.rows)
    for row in found.rows:
        assert len(row.test) == 10
        # as many settings for each, and the chosen one is the best on the validation digits
        assert len(row.tried) == 4
        best = max(one["validation"] for one in row.tried)
        assert {**row.chosen, "validation": best} in row.tried
