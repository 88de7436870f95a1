"""What every test runs under, like the book's build; set before torch is imported."""

import os
import shutil
import sys

os.environ |= {"DEEPBOOK_CLAIMS": "strict", "DEEPBOOK_PROGRESS": "0", "OMP_NUM_THREADS": "1"}

import hypothesis
import matplotlib as mpl
import pytest

mpl.use("agg")

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# no test depends on a clock, or on luck
hypothesis.settings.register_profile("book", deadline=None, derandomize=True)
hypothesis.settings.load_profile("book")


@pytest.fixture(autouse=True)
def close_figures():
    """Leave no figure open for the next test."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(autouse=True)
def keep_denormals():
    """Leave no test the processor's state of another: `deepbook.seed` flushes denormals."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@pytest.fixture(scope="session")
def split():
    """Training and test ratings of 60 users and 40 films: user + film + one taste, and noise."""
    import torch

    from deepbook.data.movielens import Ratings

    users, items = 60, 40
    generator = torch.Generator().manual_seed(0)
    normal = lambda *shape: torch.randn(*shape, generator=generator)
    table = 3.3 + 0.6 * normal(users, 1) + 0.6 * normal(1, items)
    table += 0.8 * normal(users, 1) * normal(1, items) + 0.4 * normal(users, items)
    stars = table.round().clamp(1, 5).long()
    rated = torch.rand(users, items, generator=generator) < 0.5
    pairs = rated.nonzero()[torch.randperm(int(rated.sum()), generator=generator)]
    held = len(pairs) // 5
    return tuple(
        Ratings(
            part[:, 0], part[:, 1], stars[part[:, 0], part[:, 1]], torch.zeros(len(part)).long()
        )
        for part in (pairs[held:], pairs[:held])
    )


@pytest.fixture(scope="module")
def browser():
    """Chromium; for one module, as Playwright keeps asyncio's loop for itself while it runs."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("no Chromium here (Debian: apt install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        yield started
        started.close()
