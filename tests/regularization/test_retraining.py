import math

import pytest
import torch
from torch import nn

from deepbook.feedforward import MLP
from deepbook.regularization import fit_steps, fit_until_loss, steps_of
from deepbook.training import EarlyStopping, History, evaluate, fit, fit_many

LOSS = nn.functional.cross_entropy


def seeded(n):
    return torch.Generator().manual_seed(n)


def network(seed=0):
    return MLP([5, 16, 2], generator=seeded(seed))


def sgd(model, rate=0.1):
    return torch.optim.SGD(model.parameters(), lr=rate)


@pytest.fixture
def data():
    """Inputs, noisy classes, of which 40 are trained on first and 20 are held out."""
    x = torch.randn(60, 5, generator=seeded(0))
    y = (x[:, 0] + 0.7 * torch.randn(60, generator=seeded(1)) > 0).long()
    return x, y, (x[40:], y[40:])


def test_steps_are_epochs_times_batches_of_which_the_last_may_be_small():
    assert steps_of(3, 40, 10) == 12
    assert steps_of(3, 41, 10) == 15
    assert steps_of(0, 41, 10) == 0


@pytest.mark.parametrize("steps", [1, 4, 7, 12])
def test_so_many_steps_are_those_that_fit_takes_first(data, steps):
    x, y, _ = data
    ours, theirs = network(), network()
    history = fit_steps(
        ours, x, y, loss=LOSS, optimizer=sgd(ours), steps=steps, batch_size=16, generator=seeded(5)
    )
    assert len(history.trace["loss"]) == steps
    # by hand: epochs of 4 batches, cut off after so many steps
    generator, taken, optimizer = seeded(5), 0, sgd(theirs)
    while taken < steps:
        for rows in torch.randperm(60, generator=generator).split(16):
            if taken < steps:
                optimizer.zero_grad()
                LOSS(theirs(x[rows]), y[rows]).backward()
                optimizer.step()
                taken += 1
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)


def test_algorithm_7_2_trains_a_new_network_for_the_steps_of_the_best_epoch(data):
    x, y, held_out = data
    first = network()
    stopping = EarlyStopping(first, patience=5)
    fit(
        first,
        x[:40],
        y[:40],
        loss=LOSS,
        optimizer=sgd(first, 0.5),
        epochs=100,
        batch_size=10,
        validation=held_out,
        after_epoch=stopping,
        generator=seeded(2),
    )
    steps = steps_of(stopping.best_epoch, 40, 10)
    again = network()
    history = fit_steps(
        again, x, y, loss=LOSS, optimizer=sgd(again, 0.5), steps=steps, batch_size=10
    )
    assert len(history.trace["loss"]) == 4 * stopping.best_epoch


def test_the_best_weights_come_back_also_where_patience_never_ended_the_training():
    model = nn.Linear(1, 1, bias=False)
    stopping, history = EarlyStopping(model, patience=9), History()
    for value in (4.0, 2.0, 2.5):
        history.epoch += 1
        nn.init.constant_(model.weight, history.epoch)
        history.note({"validation_loss": value})
        assert not stopping(history)
    stopping.restore()
    assert model.weight.item() == 2


def test_side_by_side_the_best_weights_come_back_too(data):
    x, y, held_out = data
    nets = [network(s) for s in range(2)]
    options = {"loss": LOSS, "batch_size": 10, "validation": held_out, "generators": seeded(1)}
    histories = fit_many(
        nets,
        x[:40],
        y[:40],
        optimizer=lambda p: torch.optim.SGD(p, lr=0.8),
        epochs=30,
        patience=100,
        **options,
    )
    for net, history in zip(nets, histories, strict=True):
        best = min(history.validation_loss)
        assert evaluate(net, *held_out, LOSS) == pytest.approx(best, rel=1e-5)
        assert best < history.validation_loss[-1]


def test_algorithm_7_3_goes_on_until_the_held_out_loss_is_as_low(data):
    x, y, held_out = data
    model = network()
    before = evaluate(model, *held_out, LOSS)
    goal = 0.8 * before
    options = {"loss": LOSS, "batch_size": 10, "target_loss": goal, "generator": seeded(1)}
    history = fit_until_loss(model, x, y, held_out, optimizer=sgd(model), epochs=200, **options)
    assert history.stopped
    assert evaluate(model, *held_out, LOSS) <= goal
    assert all(loss > goal for loss in history.validation_loss[:-1])
    again = fit_until_loss(model, x, y, held_out, optimizer=sgd(model), epochs=200, **options)
    assert (again.stopped, again.epoch) == (True, 0)


def test_algorithm_7_3_ends_after_the_last_epoch_where_the_goal_is_out_of_reach(data):
    x, y, held_out = data
    model = network()
    history = fit_until_loss(
        model,
        x,
        y,
        held_out,
        target_loss=1e-9,
        loss=LOSS,
        optimizer=sgd(model),
        epochs=3,
        batch_size=10,
    )
    assert (history.stopped, history.epoch) == (False, 3)


def test_what_cannot_be_is_refused(data):
    x, y, held_out = data
    model = network()
    options = {"loss": LOSS, "optimizer": sgd(model), "batch_size": 10}
    with pytest.raises(ValueError, match="at least 1 step, got 0"):
        fit_steps(model, x, y, steps=0, **options)
    with pytest.raises(ValueError, match=r"as many targets as inputs.*got 59 and 60"):
        fit_steps(model, x, y[1:], steps=1, **options)
    with pytest.raises(ValueError, match="a finite target loss, got nan"):
        fit_until_loss(model, x, y, held_out, target_loss=math.nan, epochs=1, **options)
    with pytest.raises(ValueError, match="at least 1 epoch, got 0"):
        fit_until_loss(model, x, y, held_out, target_loss=1.0, epochs=0, **options)
    with pytest.raises(ValueError, match="at least 1 example, got 0"):
        steps_of(1, 0, 10)
