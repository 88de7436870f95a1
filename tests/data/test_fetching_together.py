"""Several processes, and processes that are killed."""

import multiprocessing
import signal
import time

import psutil
import pytest

from deepbook.data.fetching import obtain

spawn = multiprocessing.get_context("spawn")


def test_of_two_processes_at_once_one_downloads_and_both_have_the_file(
    index, pinned, cache, content_of, tiny
):
    index.stall = True  # the first keeps its lock until the second has had time to come
    both = [spawn.Process(target=obtain, args=(pinned(),)) for _ in range(2)]
    for process in both:
        process.start()
    assert index.half_sent.wait(30)
    time.sleep(1)
    index.go_on.set()
    for process in both:
        process.join(30)
    assert [process.exitcode for process in both] == [0, 0]
    assert len(index.downloads) == 1
    assert (cache / "tiny.csv.gz").read_bytes() == tiny
    assert content_of() == ["tiny.csv.gz"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_process_killed_in_the_middle_leaves_no_file_and_the_next_sweeps_up(
    index, pinned, cache, content_of, tiny
):
    index.stall = True
    process = spawn.Process(target=obtain, args=(pinned(),))
    process.start()
    assert index.half_sent.wait(30)
    orphans = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.join(30)
    assert not (cache / "tiny.csv.gz").exists()
    assert any(".staging-" in name for name in content_of())  # else this test shows nothing
    index.stall = False
    index.go_on.set()
    psutil.wait_procs(orphans, 30)  # while pip still writes, nobody can sweep up behind it
    assert obtain(pinned()).read_bytes() == tiny
    assert content_of() == ["tiny.csv.gz"]
