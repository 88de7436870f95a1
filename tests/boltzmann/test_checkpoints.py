import pytest
import torch

from deepbook.boltzmann.checkpoints import Checkpoint, Stateful


class Counter(Stateful):
    def __init__(self, count):
        self.count = count

    def state_dict(self):
        return {"count": self.count}

    def load_state_dict(self, state):
        self.count = state["count"]


def test_all_that_is_stateful_and_all_generators_come_back(tmp_path):
    path, generator = tmp_path / "deep" / "down.pt", torch.Generator().manual_seed(1)
    parts = {"layer": torch.nn.Linear(2, 3), "counter": Counter(4)}
    Checkpoint(path, {"rate": 0.1}, parts, generator).save({"epoch": 7})
    expected = torch.rand(3), torch.rand(3, generator=generator)

    torch.rand(5)
    others = {"layer": torch.nn.Linear(2, 3), "counter": Counter(0)}
    assert Checkpoint(path, {"rate": 0.1}, others, generator).load() == {"epoch": 7}
    assert torch.equal(others["layer"].weight, parts["layer"].weight)
    assert others["counter"].count == 4
    assert torch.equal(torch.rand(3), expected[0])
    assert torch.equal(torch.rand(3, generator=generator), expected[1])


def test_settings_that_differ_or_are_missing_are_named_and_nothing_is_changed(tmp_path):
    path, counter = tmp_path / "checkpoint.pt", Counter(4)
    Checkpoint(path, {"rate": 0.1}, {"counter": counter}).save({})
    counter.count = 5
    for settings, message in (
        ({"rate": 0.2}, r"with rate 0\.2, got one with 0\.1"),
        ({"rate": 0.1, "size": 3}, "with size 3, got one with None"),
        ({}, r"with rate None, got one with 0\.1"),
    ):
        with pytest.raises(ValueError, match=message):
            Checkpoint(path, settings, {"counter": counter}).load()
    assert counter.count == 5
