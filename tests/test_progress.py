import io
import itertools
import sys
from contextlib import redirect_stderr

import pytest
import torch
from torch import nn

from deepbook.progress import progress, someone_watches
from deepbook.training import fit


class Screen(io.StringIO):
    watched = True

    def isatty(self):
        return self.watched


@pytest.fixture
def screen(monkeypatch):
    """Where a bar would appear, and a clock that goes a second at each look."""
    ticks = itertools.count()
    monkeypatch.delenv("DEEPBOOK_PROGRESS")
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    monkeypatch.setattr("tqdm.std.time", lambda: float(next(ticks)))
    monkeypatch.setattr("tqdm.std.tqdm.monitor_interval", 0)
    return Screen()


def count_to_nine(screen):
    with redirect_stderr(screen):
        assert list(progress(range(9), "epochs")) == list(range(9))
    return screen.getvalue()


def test_progress_shows_when_a_person_watches_and_leaves_no_trace(screen):
    shown = count_to_nine(screen)
    assert "epochs:  67%" in shown
    assert shown.endswith("\r")
    assert shown.split("\r")[-2].strip() == ""


def test_progress_shows_nothing_in_the_first_two_seconds(screen, monkeypatch):
    monkeypatch.setattr("tqdm.std.time", lambda: 0.0)
    assert count_to_nine(screen).strip() == ""


def test_progress_shows_in_a_notebook(screen, monkeypatch):
    screen.watched = False
    monkeypatch.setitem(sys.modules, "ipykernel", None)
    assert "epochs:  67%" in count_to_nine(screen)


def test_progress_is_silent_where_nobody_watches(screen):
    screen.watched = False
    assert count_to_nine(screen) == ""


@pytest.mark.parametrize(
    ("terminal", "setting", "shown"),
    [(True, None, True), (True, "1", True), (True, "0", False), (False, None, False)],
)
def test_someone_watches_a_terminal_unless_the_setting_says_no(
    monkeypatch, terminal, setting, shown
):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    monkeypatch.delenv("DEEPBOOK_PROGRESS", raising=False)
    if setting is not None:
        monkeypatch.setenv("DEEPBOOK_PROGRESS", setting)
    assert someone_watches() is shown


def test_someone_watches_a_notebook(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    monkeypatch.delenv("DEEPBOOK_PROGRESS", raising=False)
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    assert someone_watches()


def test_training_shows_its_epochs_but_not_in_the_books_build(screen, monkeypatch):
    def train():
        model = nn.Linear(4, 3)
        with redirect_stderr(screen):
            fit(
                model,
                torch.zeros(50, 4),
                torch.zeros(50, dtype=torch.int64),
                loss=nn.functional.cross_entropy,
                optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
                epochs=9,
                batch_size=50,
            )

    monkeypatch.setenv("DEEPBOOK_PROGRESS", "0")
    train()
    assert screen.getvalue() == ""
    monkeypatch.delenv("DEEPBOOK_PROGRESS")
    train()
    assert "epochs" in screen.getvalue()
