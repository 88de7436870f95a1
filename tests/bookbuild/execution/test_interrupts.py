import os
import signal
import threading
from concurrent.futures import Future

import pytest

from bookbuild.execution.interrupts import noting_interrupts, when_completed


def press_ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)
    sum(range(1000))  # the signal arrives between two steps of the interpreter


class PressesCtrlC:
    """While it is finalized, where Python ignores what is raised."""

    def __del__(self):
        press_ctrl_c()


@pytest.fixture(autouse=True)
def default_handler():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def done(value):
    future = Future()
    future.set_result(value)
    return future


def test_each_future_comes_when_it_is_done():
    late, early = Future(), done("early")
    completed = when_completed([late, early], look=0.01)
    assert next(completed).result() == "early"
    threading.Timer(0.1, late.set_result, ["late"]).start()
    assert [future.result() for future in completed] == ["late"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_in_a_finalizer_stops_what_waits():
    late = Future()
    in_time = threading.Timer(60, late.set_result, ["nobody stopped it"])
    in_time.start()
    with noting_interrupts():
        PressesCtrlC()  # nothing is raised here: Python ignores it
        with pytest.raises(KeyboardInterrupt):
            next(when_completed([late], look=0.01))
    in_time.cancel()
    # and the next build begins anew
    assert next(when_completed([done(1)])).result() == 1


def test_ctrl_c_is_raised_as_ever():
    with noting_interrupts(), pytest.raises(KeyboardInterrupt):
        press_ctrl_c()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_where_ctrl_c_is_ignored_it_stays_so():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with noting_interrupts():
        press_ctrl_c()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    assert next(when_completed([done(1)])).result() == 1


def test_another_thread_handles_no_signals():
    seen = []

    def look():
        with noting_interrupts():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
