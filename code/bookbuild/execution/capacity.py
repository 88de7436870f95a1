"""How many pages this process may run at once: by its processors, and by its memory."""

from pathlib import Path

import joblib
import psutil

# a page takes up to .9 GiB
PAGE_BYTES = 2**30
CGROUP = Path("/sys/fs/cgroup")


def pages_at_once() -> int:
    """One page a core, of those that this process may use, as far as memory goes; at least one.

    joblib counts the cores: it knows affinity and the quotas of containers.
    """
    return max(1, min(joblib.cpu_count(), memory() // PAGE_BYTES))


def memory(cgroup: Path = CGROUP) -> int:
    """Bytes that are free for this process: the machine's, or what its container leaves it."""
    free = psutil.virtual_memory().available
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            # "max" where there is no limit
            free = min(free, int((cgroup / limit).read_text()) - int((cgroup / used).read_text()))
        except (OSError, ValueError):
            continue
    return int(free)
