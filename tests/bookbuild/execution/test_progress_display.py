import io
import os
import select
import subprocess
import sys
import threading
import time

import pytest
from rich.console import Console

from bookbuild.execution.progress import Done, Progress
from bookbuild.execution.progress_display import LiveShow, Show, make_show, short_names

FAILURE = "book/one, code cell 2:\n    1 / 0\n    ZeroDivisionError: division by zero"


class Clock:
    """A clock that stands still until it is told otherwise."""

    now = 100.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("CI", "NO_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def plain(clock):
    return Show(io.StringIO(), clock)


@pytest.fixture
def live(clock):
    with LiveShow(Terminal(), clock) as show:
        yield show


def printed(show):
    return show._stream.getvalue()


def picture(show, width=60):
    """The display's lines, without colours."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(show.picture())
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


# --- plain lines


def test_plain_lines_number_the_pages_as_they_end(plain):
    plain.start({"book/one": 1.0, "book/two": None, "book/three": 3.0}, jobs=2)
    plain.running("book/one")
    plain.running("book/two")
    plain.done("book/two", 17.2, 16.94, None)
    plain.done("book/one", 1.0, 0.5, FAILURE)
    assert printed(plain) == (
        "[1/3] book/two: 16.9 CPU-seconds\n"
        "[2/3] book/one: FAILED\n"
        "    book/one, code cell 2:\n"
        "        1 / 0\n"
        "        ZeroDivisionError: division by zero\n"
    )


def test_cpu_time_that_could_not_be_measured_is_said_to_be_unknown(plain, clock):
    plain.start({"book/one": None, "book/two": None}, jobs=1)
    plain.done("book/one", 4.0, float("nan"), None)
    plain.done("book/two", 4.0, 3.0, None)
    clock.now += 10
    plain.finish()
    assert printed(plain).splitlines() == [
        "[1/2] book/one: CPU time unknown",
        "[2/2] book/two: 3.0 CPU-seconds",
        "slowest: one 4.0 s, two 4.0 s",
        "used: at least 3.0 CPU-seconds in 10.0 s",
        "busy: 30% of 1 core",
    ]


@pytest.mark.parametrize(
    ("fresh", "line"),
    [(13, "all 13 pages are fresh"), (1, "the only page is fresh"), (0, "no page to execute")],
)
@pytest.mark.parametrize("kind", [Show, LiveShow])
def test_nothing_to_do_is_one_line(kind, fresh, line, clock):
    with kind(Terminal(), clock) as show:
        show.start({}, jobs=2, fresh=fresh)
        show.finish()
    assert printed(show).split("\x1b")[0] == f"{line}\n"
    assert len(printed(show).splitlines()) == 1


# --- the end


@pytest.mark.parametrize("kind", [Show, LiveShow])
def test_the_end_names_the_five_slowest_the_cost_and_the_share_of_the_cores(kind, clock):
    seconds = {f"book/a/{name}": float(10 * n) for n, name in enumerate("tuvwxyz", start=1)}
    with kind(Terminal(), clock) as show:
        show.start(dict.fromkeys(seconds), jobs=4)
        for page, took in seconds.items():
            show.running(page)
            show.done(page, took, took / 2, None)
        clock.now += 100
        before = len(printed(show))
        show.finish()
    assert printed(show)[before:].split("\x1b[?25h")[-1].split("\x1b[2K")[-1].splitlines() == [
        "slowest: z 70.0 s, y 60.0 s, x 50.0 s, w 40.0 s, v 30.0 s",
        "used: 140.0 CPU-seconds in 1 min 40 s",
        "busy: 35% of 4 cores",
    ]


def test_a_run_in_which_no_page_ended_has_no_summary(plain):
    plain.start({"book/one": 1.0}, jobs=1)
    plain.finish()
    assert printed(plain) == ""


def test_names_are_as_short_as_they_can_be_told_apart():
    pages = ["book/index", "book/a/index", "book/a/digits", "book/a/loss", "book/b/loss"]
    assert list(short_names(pages).values()) == [
        "book/index", "a/index", "digits", "a/loss", "b/loss",
    ]  # fmt: skip
    assert short_names(["book/a/index"]) == {"book/a/index": "a/index"}
    assert short_names(["index"]) == {"index": "index"}


# --- how far it is


@pytest.fixture
def progress(clock):
    return Progress({"a": 10.0, "b": 8.0, "c": None, "d": 6.0}, 2, clock)


def test_the_rest_is_estimated_as_pages_go_to_the_job_that_is_free_first(progress, clock):
    # c counts as 8: one job has a, then d; the other b, then c
    assert progress.left() == 16
    progress.start("a")
    progress.start("b")
    clock.now += 4
    assert progress.left() == 12
    clock.now += 3
    progress.end("b", Done(7.0, 7.0, False))
    # three seconds of a, then d; c at once
    assert progress.left() == 9


def test_a_page_over_its_time_counts_as_nearly_done(progress, clock):
    for page in "ab":
        progress.start(page)
    clock.now += 30
    assert progress.left() == 8


def test_without_any_known_time_the_rest_is_unknown_until_a_page_has_ended(clock):
    progress = Progress({"a": None, "b": None, "c": None, "d": None}, 1, clock)
    assert progress.left() is None
    assert progress.share() == 0
    progress.start("a")
    progress.end("a", Done(5.0, 5.0, False))
    assert progress.left() == 15
    assert progress.share() == 0.25


def test_the_share_of_the_work_counts_what_running_pages_have_done(progress, clock):
    progress.start("a")
    clock.now += 5
    assert progress.share() == pytest.approx(5 / 32)
    progress.end("a", Done(9.0, 9.0, False))
    assert progress.share() == pytest.approx(10 / 32)
    for page in "bcd":
        progress.end(page, Done(1.0, 1.0, True))
    assert (progress.share(), progress.left()) == (1, 0)


def test_pages_may_start_in_one_thread_while_another_draws(clock):
    pages = {f"book/{number}": 1.0 for number in range(300)}
    show = LiveShow(Terminal(), clock)
    Show.start(show, pages, jobs=3)
    starting = threading.Thread(target=lambda: [show.running(page) for page in pages])
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        starting.start()
        while starting.is_alive():
            show._progress.left()
            show._progress.share()
    finally:
        sys.setswitchinterval(interval)
        starting.join()
    assert len(show._progress.running()) == 300


# --- the live display


def test_the_display_shows_what_runs_what_is_done_and_the_remaining_time(live, clock):
    live.start({"book/a/digits": 100.0, "book/a/loss": None, "book/b/loss": 20.0}, jobs=2)
    live.running("book/a/digits")
    live.running("book/a/loss")
    clock.now += 12
    head, bar, first, second = picture(live)
    assert head == "0 of 3 pages done, about 1 min 28 s left"
    assert first.split() == "digits 12 s of 1 min 40 s".split()
    assert second.split() == "a/loss 12 s".split()
    live.done("book/a/digits", 12.0, 11.0, None)
    live.done("book/a/loss", 12.0, 11.0, FAILURE)
    head, after = picture(live)
    assert head == "2 of 3 pages done, 1 failed, about 20 s left"
    # 24 of 180 expected seconds are done, then 160: the last page's 20 are left
    assert (len(bar), len(after)) == (60 * 24 // 180, 60 * 160 // 180)


def test_the_rest_is_not_named_where_it_is_unknown_and_nearly_done_at_the_end(live, clock):
    live.start({"book/one": None}, jobs=1)
    assert picture(live)[0] == "0 of 1 pages done"
    live.close()
    live.start({"book/one": 5.0}, jobs=1)
    live.running("book/one")
    clock.now += 9
    assert picture(live)[0] == "0 of 1 pages done, nearly done"
    live.done("book/one", 9.0, 9.0, None)
    assert picture(live)[0] == "1 of 1 pages done"


@pytest.mark.parametrize("width", [24, 40])
def test_on_a_narrow_terminal_names_are_cut_and_times_are_not(live, clock, width):
    live.start({"book/a/approximation-and-the-depth-of-networks": 16.0}, jobs=1)
    live.running("book/a/approximation-and-the-depth-of-networks")
    clock.now += 3
    lines = picture(live, width)
    assert max(map(len, lines)) <= width
    assert lines[-1].startswith("approxi")
    assert lines[-1].endswith("3 s of 16 s")
    assert "…" in lines[-1]


def test_a_failure_stands_above_the_display_at_once_and_in_full(clock, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    long = "ValueError: [bold]expected[/bold] :smile: " + "x" * 100
    with LiveShow(Terminal(), clock) as show:
        show.start({"book/one": 5.0, "book/two": 5.0}, jobs=1)
        show.running("book/one")
        show.done("book/one", 1.0, 1.0, f"first\n{long}")
        assert f"[1/2] book/one: FAILED\n    first\n    {long}\n" in printed(show)
        before = printed(show)
        show.done("book/two", 1.0, 1.0, None)
        assert "book/two" not in printed(show).removeprefix(before)


def test_the_display_gives_the_cursor_back_whatever_happens(clock):
    with pytest.raises(ZeroDivisionError), LiveShow(Terminal(), clock) as show:  # noqa: PT012
        show.start({"book/one": 5.0}, jobs=1)
        assert printed(show).count("\x1b[?25l") == 1
        assert printed(show).count("\x1b[?25h") == 0
        raise ZeroDivisionError
    assert printed(show).count("\x1b[?25h") == 1


# --- which of the two


def test_a_terminal_gets_the_display_and_a_pipe_gets_lines():
    assert type(make_show(Terminal())) is LiveShow
    assert type(make_show(io.StringIO())) is Show


@pytest.mark.parametrize(("name", "value"), [("CI", "true"), ("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_that_wants_no_display_gets_lines(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert type(make_show(Terminal())) is Show


def test_lines_go_to_standard_output_if_nothing_else_is_said(capsys):
    make_show().start({}, jobs=1, fresh=2)
    assert capsys.readouterr().out == "all 2 pages are fresh\n"


INTERRUPTED = """
import time
from bookbuild.execution.progress_display import make_show
with make_show() as show:
    show.start({"book/one": 60.0}, jobs=1)
    show.running("book/one")
    time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_ctrl_c_on_a_real_terminal_leaves_it_as_it_was():
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    seen = b""
    pressed = False
    stop = time.monotonic() + 300
    while time.monotonic() < stop and process.poll() is None:
        if select.select([ours], [], [], 0.1)[0]:
            seen += os.read(ours, 65536)
        if b"pages done" in seen and not pressed:
            pressed = os.write(ours, b"\x03") == 1
    error = process.communicate(timeout=600)[1]
    while select.select([ours], [], [], 0)[0]:
        seen += os.read(ours, 65536)
    after = termios.tcgetattr(theirs)
    os.close(ours)
    os.close(theirs)
    assert b"KeyboardInterrupt" in error
    assert seen.count(b"\x1b[?25l") == seen.count(b"\x1b[?25h") == 1
    assert after == before
