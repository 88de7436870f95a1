import copy

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from deepbook.training import Checkpoint, Descent, EarlyStopping, History, Minibatches, loop


def seeded(n):
    return torch.Generator().manual_seed(n)


def test_the_step_gets_every_batch_and_the_share_that_is_done():
    seen = []
    loop(lambda batch, done: seen.append((batch, done)), ["a", "b"], epochs=2)
    assert seen == [("a", 0.0), ("b", 0.25), ("a", 0.5), ("b", 0.75)]


def test_the_history_keeps_each_step_and_the_mean_over_the_examples_of_an_epoch():
    batches = [torch.zeros(3), torch.zeros(1)]
    values = iter([{"loss": 2.0, "length": 7.0}, 6.0, 1.0, 5.0])
    history = loop(lambda batch, done: next(values), batches, epochs=2)
    assert history.trace == {"loss": [2.0, 6.0, 1.0, 5.0], "length": [7.0]}
    assert history.loss == [(3 * 2 + 6) / 4, (3 * 1 + 5) / 4]
    assert (history.epoch, history.stopped) == (2, False)


def test_a_step_that_returns_nothing_leaves_nothing():
    history = loop(lambda batch, done: None, [1], epochs=2)
    assert history == History(epoch=2)


def test_torchs_data_loader_gives_batches_too():
    data = TensorDataset(torch.arange(5.0)[:, None], torch.zeros(5))
    seen = []

    def step(batch, done):
        seen.append(batch[0])
        return float(batch[0].sum())

    history = loop(step, DataLoader(data, batch_size=2), epochs=1)
    assert torch.equal(torch.cat(seen), torch.arange(5.0)[:, None])
    # sums 1, 5 and 4 of batches of 2, 2 and 1
    assert history.loss == [(2 * 1 + 2 * 5 + 4) / 5]


def test_the_monitor_is_called_without_autograd_every_so_many_epochs_and_at_the_end():
    modes = []

    def monitor():
        modes.append(torch.is_grad_enabled())
        return {"number": torch.tensor(2.0)}

    history = loop(lambda batch, done: None, [1], epochs=5, monitor=monitor, monitor_every=2)
    assert history.column("epoch") == [2, 4, 5]
    assert history.column("number") == [2.0] * 3
    assert modes == [False] * 3
    with pytest.raises(KeyError, match="expected one of epoch, number, seconds, got size"):
        history.column("size")


class Network:
    """What a training with everything changes, as a new process would make it anew."""

    def __init__(self):
        torch.manual_seed(3)
        self.model = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(0.3))
        self.model.append(nn.Linear(6, 1))
        first = {"params": self.model[0].parameters(), "lr": 0.05}
        rest = {"params": [*self.model[1].parameters(), *self.model[3].parameters()]}
        optimizer = torch.optim.Adam([first, rest], lr=0.01)
        self.step = Descent(
            self.model,
            lambda model, batch: (model(batch[0]) - batch[1]).square().mean(),
            optimizer,
            schedule=lambda done: 1 - done / 2,
            clip_norm=1.0,
        )
        self.generator, self.stop = seeded(4), EarlyStopping(self.model, 3, measure="error")
        x = torch.randn(30, 4, generator=seeded(1))
        self.x, self.y = x, x[:, :1] ** 2
        self.batches = Minibatches(
            self.x,
            self.y,
            batch_size=8,
            augment=lambda x, y: (x + 0.1 * torch.randn_like(x), y),  # the global generator
            generator=self.generator,
        )

    def run(self, path, epochs, fail_at=None, resume=False, every=1):
        def monitor():
            if fail_at is not None and self.step.steps_taken >= fail_at:
                raise KeyboardInterrupt
            # so that patience ends the training at a known epoch
            return {"error": abs(self.step.steps_taken / 4 - 5)}

        parts = {"model": self.model, "step": self.step, "stop": self.stop}
        return loop(
            self.step,
            self.batches,
            epochs=epochs,
            monitor=monitor,
            after_epoch=self.stop,
            checkpoint=Checkpoint(path, {"epochs": epochs}, parts, self.generator),
            checkpoint_every=every,
            resume=resume,
        )


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("fail_at", [1, 9, 13, 25, 29])
def test_a_training_with_everything_resumed_equals_one_never_stopped(tmp_path, fail_at, every):
    whole = Network()
    expected = whole.run(tmp_path / "whole", 20)
    assert (expected.epoch, expected.stopped, whole.stop.best_epoch) == (8, True, 5)

    with pytest.raises(KeyboardInterrupt):
        Network().run(tmp_path / "broken", 20, fail_at=fail_at, every=every)
    resumed = Network()
    if (tmp_path / "broken").exists():
        torch.rand(99)  # another process has other random numbers behind it
        torch.rand(9, generator=resumed.generator)
    history = resumed.run(tmp_path / "broken", 20, resume=True, every=every)
    for name in ("epoch", "stopped", "loss", "trace"):
        assert getattr(history, name) == getattr(expected, name)
    assert history.column("error") == expected.column("error")
    assert resumed.run(tmp_path / "broken", 20, resume=True) == history  # it has ended
    for one in (resumed, whole):
        one.stop.restore()
    for ours, theirs in zip(
        resumed.model.state_dict().values(), whole.model.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": 0}, "at least 1 epoch, got 0"),
        ({"batches": []}, "at least 1 batch, got 0"),
        ({"monitor_every": 0}, "epoch between monitorings, got 0"),
        ({"checkpoint_every": 0}, "epoch between checkpoints, got 0"),
        ({"resume": True}, "expected a checkpoint to resume from, got none"),
    ],
)
def test_what_is_out_of_range_is_refused_before_a_step(wrong, message):
    def step(batch, done):
        raise AssertionError

    arguments = {"batches": [1], "epochs": 1} | wrong
    with pytest.raises(ValueError, match=message):
        loop(step, arguments.pop("batches"), **arguments)


def test_a_checkpoint_of_a_longer_training_is_refused_and_nothing_is_changed(tmp_path):
    model = nn.Linear(2, 1)

    def run(epochs, resume=False):
        checkpoint = Checkpoint(tmp_path / "file", {}, {"model": model})
        return loop(lambda b, d: None, [1], epochs=epochs, checkpoint=checkpoint, resume=resume)

    run(3)
    with torch.no_grad():
        model.weight.fill_(1)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match="a checkpoint of at most 2 epochs, got one of 3"):
        run(2, resume=True)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert run(4, resume=True).epoch == 4
