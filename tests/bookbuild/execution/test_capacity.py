"""As many pages at once as this process may run, and no more."""

import os

import joblib
import psutil
import pytest

from bookbuild.execution.capacity import PAGE_BYTES, memory, pages_at_once


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system knows no affinity")
def test_a_process_that_is_bound_to_one_core_runs_one_page():
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert pages_at_once() == 1
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize(("gigabytes", "pages"), [(0.2, 1), (1.5, 1), (8.5, 8), (200, 64)])
def test_memory_and_cores_bound_how_many(monkeypatch, gigabytes, pages):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 64)
    monkeypatch.setattr("bookbuild.execution.capacity.memory", lambda: int(gigabytes * PAGE_BYTES))
    assert pages_at_once() == pages


@pytest.mark.parametrize(
    "names",
    [
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ],
)
def test_a_containers_limit_counts(tmp_path, names):
    (tmp_path / "memory").mkdir()
    for name, text in zip(names, ("3000", "1000"), strict=True):
        (tmp_path / name).write_text(text)
    assert memory(tmp_path) == 2000


def test_no_limit_is_no_limit(tmp_path):
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("1000\n")
    free = psutil.virtual_memory().available
    assert memory(tmp_path) == pytest.approx(free, rel=0.5)
