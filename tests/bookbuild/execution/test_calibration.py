"""How fast the machine is: a number that belongs to it, and a page's cost by it."""

import math
from types import SimpleNamespace

import pytest

from bookbuild.execution import kernel
from bookbuild.execution.calibration import REFERENCE, WORTH_CALIBRATING, measure, times
from bookbuild.execution.forkserver import can_fork
from bookbuild.execution.kernel import run_page
from bookbuild.execution.store import Record
from bookbuild.report import write_report

from nbformat.v4 import new_code_cell, new_notebook  # isort: skip


def test_the_shares_of_the_kinds_of_work_are_a_whole():
    assert sum(share for _, share in REFERENCE.values()) == pytest.approx(1)
    assert times(1).keys() == REFERENCE.keys()


def test_it_takes_well_under_a_second_of_a_reference_machine():
    speed, took = measure()
    assert speed > 0
    assert took * speed < 0.5


def test_it_changes_nothing_that_a_page_draws():
    import torch

    torch.manual_seed(0)
    wanted = torch.rand(3).tolist()
    torch.manual_seed(0)
    measure(rounds=1)
    assert torch.rand(3).tolist() == wanted


@pytest.mark.parametrize(
    "work", ["torch.set_default_dtype(torch.float64)", "torch.set_grad_enabled(False)"]
)
def test_what_a_page_has_set_does_not_matter(work, monkeypatch):
    # a page of a tenth of a second is asked, too
    monkeypatch.setattr(kernel, "WORTH_CALIBRATING", 0.1)
    source = f"""
import torch, time
{work}
end = time.process_time() + 0.2
while time.process_time() < end: pass
"""
    notebook = new_notebook(cells=[new_code_cell(source)])
    run = run_page("page", notebook, fork=can_fork())
    assert run.failure is None
    assert 0 < run.speed < 100
    assert run.cpu_seconds > 0.1


def test_a_short_page_is_not_asked():
    run = run_page("page", new_notebook(cells=[new_code_cell("1")]), fork=can_fork())
    assert run.cpu_seconds < WORTH_CALIBRATING
    assert math.isnan(run.speed)


def test_reference_seconds_are_cpu_seconds_times_the_median_speed(tmp_path):
    speeds = {"a": 0.5, "b": 0.3, "c": math.nan, "d": 0.31}
    told = report_of(tmp_path, speeds)
    assert {page: told[page]["reference_seconds"] for page in told} == dict.fromkeys(speeds, 9.3)
    assert told["c"]["speed"] is None
    # nobody was asked
    assert report_of(tmp_path, {"a": math.nan})["a"]["reference_seconds"] == 30.0


def test_a_page_is_judged_by_the_speed_of_the_time_at_which_it_ran(tmp_path):
    # two when the machine had nothing else to do, one an hour later beside other work
    speeds = {"a": 0.7, "b": 0.6, "c": 0.3, "d": math.nan}
    times = {"a": "22:00:00", "b": "22:01:50", "c": "23:05:00", "d": "23:06:00"}
    told = report_of(tmp_path, speeds, {p: f"2026-11-30T{t}Z" for p, t in times.items()})
    costs = {page: told[page]["reference_seconds"] for page in told}
    assert costs == {"a": 19.5, "b": 19.5, "c": 9.0, "d": 9.0}


def report_of(folder, speeds, finished=None):
    records = {
        page: Record(None, 9.0, 30.0, speed, (finished or {}).get(page, ""))
        for page, speed in speeds.items()
    }
    project = SimpleNamespace(report=folder / "report.json")
    store = SimpleNamespace(project=project, fresh=records.get, claims=lambda page: [])
    return write_report(store, records, {})["pages"]
