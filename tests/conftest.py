"""What every test runs under, like the book's build; set before torch is imported."""

import os
import sys

os.environ |= {"DEEPBOOK_CLAIMS": "strict", "DEEPBOOK_PROGRESS": "0", "OMP_NUM_THREADS": "1"}

import hypothesis
import matplotlib as mpl
import pytest

mpl.use("agg")

# no test depends on a clock, or on luck
hypothesis.settings.register_profile("book", deadline=None, derandomize=True)
hypothesis.settings.load_profile("book")


@pytest.fixture(autouse=True)
def close_figures():
    """Leave no figure open for the next test."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
