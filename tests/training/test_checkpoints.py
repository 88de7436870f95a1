import re

import numpy as np
import pytest
import torch

from deepbook.training import Checkpoint, Stateful


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


def states(parts, generator):
    """Everything that loading may change."""
    everything = [generator.get_state(), torch.get_rng_state()]
    for part in parts.values():
        state = part.state_dict()
        everything += [v.clone() if isinstance(v, torch.Tensor) else v for v in state.values()]
    return everything


def equal(first, second):
    both = zip(first, second, strict=True)
    return all(torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b for a, b in both)


def assert_refused(checkpoint, message):
    before = states(checkpoint.parts, checkpoint.generator)
    with pytest.raises(ValueError, match=message):
        checkpoint.load()
    assert equal(states(checkpoint.parts, checkpoint.generator), before)


@pytest.fixture
def written(tmp_path):
    """A checkpoint's path, and a function that makes one of other parts for it."""
    path = tmp_path / "checkpoint.pt"

    def other(path=path, settings=None, **parts):
        parts = {"layer": torch.nn.Linear(2, 3), "counter": Counter(0)} | parts
        parts = {name: part for name, part in parts.items() if part is not None}
        return Checkpoint(path, settings or {"rate": 0.1}, parts, torch.Generator())

    other(counter=Counter(4)).save({"epoch": 7})
    return path, other


class Stubborn(Counter):
    """Takes nothing but what it gave itself, and says so after it has changed."""

    def load_state_dict(self, state):
        super().load_state_dict(state)
        if state["count"] == 4:
            raise KeyError("state")


class OnPurpose(BaseException):
    pass


def test_all_settings_that_differ_are_named_at_once(written):
    _, other = written
    assert_refused(
        other(settings={"rate": 0.2, "inner": {"k": 10}}),
        r"a checkpoint with rate 0\.2, got one with 0\.1; with inner\.k 10, got one with None",
    )


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"layer": torch.nn.Linear(2, 4)}, r"weight of layer .* shape \(4, 2\).*shape \(3, 2\)"),
        ({"layer": torch.nn.Linear(2, 3).double()}, r"torch.float64, got .* torch.float32"),
        ({"layer": torch.nn.Linear(2, 3, bias=False)}, "to have weight, got weight, bias"),
        ({"counter": None}, "a checkpoint of layer, got one of layer, counter"),
        ({"more": Counter(1)}, "a checkpoint of layer, counter, more, got one of layer, counter"),
        ({"counter": Stubborn(1)}, r"states that fit in .*checkpoint\.pt, got KeyError: 'state'"),
    ],
)
def test_states_that_do_not_fit_are_refused_and_nothing_is_changed(parts, message, written):
    _, other = written
    assert_refused(other(**parts), message)


def test_what_stops_the_loading_half_way_is_undone(written, monkeypatch):
    _, other = written
    checkpoint = other()
    before = states(checkpoint.parts, checkpoint.generator)
    asked = []

    def interrupted(state):
        asked.append(state)
        if len(asked) == 1:
            raise OnPurpose

    monkeypatch.setattr(checkpoint.parts["counter"], "load_state_dict", interrupted)
    with pytest.raises(OnPurpose):
        checkpoint.load()
    assert equal(states(checkpoint.parts, checkpoint.generator), before)


def test_a_checkpoint_with_a_generator_of_its_own_is_not_one_without(written):
    checkpoint = written[1]()
    checkpoint.generator = None
    with pytest.raises(ValueError, match="with the global generator, got one with a generator of"):
        checkpoint.load()


def test_the_record_can_be_refused_before_anything_is_changed(written):
    _, other = written
    checkpoint = other()
    before = states(checkpoint.parts, checkpoint.generator)

    def refuse(record):
        raise ValueError(f"epoch {record['epoch']} is too late")

    with pytest.raises(ValueError, match="epoch 7 is too late"):
        checkpoint.load(refuse)
    assert equal(states(checkpoint.parts, checkpoint.generator), before)


def test_a_truncated_file_is_named_whatever_is_left_of_it(written):
    path, other = written
    whole = path.read_bytes()
    for size in (0, 1, 4, 100, len(whole) // 2, len(whole) - 100, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert_refused(other(), re.escape(f"{path} is damaged or something else"))


def test_a_flipped_bit_is_found_or_changes_nothing(written):
    path, other = written
    intact = other()
    intact.load()
    loaded = states(intact.parts, intact.generator)
    whole = bytearray(path.read_bytes())
    refused = 0
    for place in range(0, len(whole), 97):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        checkpoint = other()
        before = states(checkpoint.parts, checkpoint.generator)
        try:
            assert checkpoint.load() == {"epoch": 7}  # there is padding in the file too
            assert equal(states(checkpoint.parts, checkpoint.generator), loaded)
        except ValueError:
            assert equal(states(checkpoint.parts, checkpoint.generator), before)
            refused += 1
    assert refused > 20


def test_a_file_that_is_no_checkpoint_is_named(written, tmp_path):
    path, other = written
    good = torch.load(path, weights_only=True)
    foreign = {
        "text": lambda p: p.write_text("epoch,loss"),
        "model": lambda p: torch.save(torch.nn.Linear(2, 3).state_dict(), p),
        "tensor": lambda p: torch.save(torch.zeros(3), p),
        "object": lambda p: torch.save(torch.nn.Linear(2, 3), p),
        "numpy.npz": lambda p: np.savez(p, np.zeros(3)),
        "no record": lambda p: torch.save({**good, "record": None}, p),
        "no parts": lambda p: torch.save({**good, "parts": {"layer": 1, "counter": 2}}, p),
        "no numbers": lambda p: torch.save({**good, "global": "none"}, p),
    }
    for name, write in foreign.items():
        write(tmp_path / name)
        assert_refused(other(tmp_path / name), f"expected .*{re.escape(str(tmp_path / name))}")


def test_a_file_that_is_not_there_is_no_damaged_one(written, tmp_path):
    _, other = written
    with pytest.raises(FileNotFoundError, match=r"nothing\.pt"):
        other(tmp_path / "nothing.pt").load()


def test_settings_are_plain_also_where_numpy_or_a_mapping_gave_them(tmp_path):
    numpy = {"rate": np.float64(0.1), "size": np.int64(3), "pair": (1, np.float32(0.5))}
    plain = {"rate": 0.1, "size": 3, "pair": [1, 0.5]}
    Checkpoint(tmp_path / "a.pt", {"inner": numpy}, {}).save({})
    assert Checkpoint(tmp_path / "a.pt", {"inner": plain}, {}).load() == {}
    with pytest.raises(TypeError, match=r"plain values as settings, got function for f"):
        Checkpoint(tmp_path / "b.pt", {"inner": {"f": equal}}, {})


def test_tensors_among_the_settings_are_the_same_up_to_rounding(tmp_path):
    path, base = tmp_path / "a.pt", torch.tensor([0.5, -1.0])
    Checkpoint(path, {"base": base}, {}).save({})
    Checkpoint(path, {"base": base * (1 + 1e-6)}, {}).load()
    for other in (base + 1, base[:1], base.double(), None, 0.5):
        with pytest.raises(
            ValueError, match=r"with base .*, got one with a tensor of shape \(2,\)"
        ):
            Checkpoint(path, {"base": other}, {}).load()
