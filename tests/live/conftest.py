import matplotlib.pyplot as plt
import pytest


@pytest.fixture
def picture():
    """A new picture that can stand in for a live figure, and the words that every one needs."""
    figure, axis = plt.subplots(figsize=(3, 2))
    axis.plot([0, 1])
    return {"fallback": figure, "alt": "A line that rises."}
