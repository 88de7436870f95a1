"""How fast the machine is: a number that belongs to it, and a page's cost by it."""

import math

import pytest

from bookbuild.calibration import REFERENCE, WORTH_CALIBRATING, measure, times
from bookbuild.kernel import run_page
from bookbuild.store import Record

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
def test_what_a_page_has_set_does_not_matter(work):
    source = f"""
import torch, time
{work}
end = time.process_time() + {WORTH_CALIBRATING + 1}
while time.process_time() < end: pass
"""
    run = run_page("page", new_notebook(cells=[new_code_cell(source)]), fork=False)
    assert run.failure is None
    assert 0 < run.speed < 100
    assert run.cpu_seconds > WORTH_CALIBRATING


def test_a_short_page_is_not_asked():
    run = run_page("page", new_notebook(cells=[new_code_cell("1")]), fork=False)
    assert math.isnan(run.speed)


def test_reference_seconds_are_cpu_seconds_times_speed():
    def record(speed):
        return Record(None, "", "", 9.0, 30.0, speed, "")

    assert record(0.5).reference_seconds == 15.0
    assert record(float("nan")).reference_seconds == 30.0
