import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from deepbook.training import (
    EarlyStopping,
    NonFiniteError,
    StackedModels,
    accuracy,
    evaluate,
    fit,
    fit_many,
    linear_decay,
)
from deepbook.training.side_by_side import _Keeper


def seeded(n):
    return torch.Generator().manual_seed(n)


@pytest.fixture
def data():
    """Float64 inputs of shape (60, 4) and classes 0 to 2."""
    inputs = torch.randn(60, 4, generator=seeded(1), dtype=torch.float64)
    return inputs, (inputs[:, 0] > 0).long() + (inputs[:, 1] > 1).long()


def networks(count=3, *, norm=False, dropout=0.0):
    made = []
    for seed in range(count):
        torch.manual_seed(seed)
        middle = [nn.BatchNorm1d(8)] if norm else []
        layers = [nn.Linear(4, 8), *middle, nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 3)]
        made.append(nn.Sequential(*layers).double())
    return made


def adam(parameters):
    return torch.optim.Adam(parameters, lr=0.02)


def assert_same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        for name, value in a.state_dict().items():
            torch.testing.assert_close(value, b.state_dict()[name], rtol=1e-7, atol=1e-9)


def test_the_stack_is_every_network_on_the_same_inputs_or_on_its_own(data):
    models = networks(norm=True)
    stacked = StackedModels(models).eval()
    expected = torch.stack([model.eval()(data[0]) for model in models])
    torch.testing.assert_close(stacked(data[0]), expected)
    own = torch.stack([data[0][:9], data[0][9:18], data[0][18:27]])
    expected = torch.stack([model(x) for model, x in zip(models, own, strict=True)])
    torch.testing.assert_close(stacked.each(own), expected)
    with pytest.raises(ValueError, match="inputs of 3 networks, got 2"):
        stacked.each(own[:2])
    with pytest.raises(ValueError, match="at least 1 model, got 0"):
        StackedModels([])
    with pytest.raises(ValueError, match="expected 3 networks, got 1"):
        stacked.unstack(models[:1])


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("own_order", [False, True])
def test_many_at_once_are_what_fit_makes_of_each_alone(data, norm, own_order):
    together, alone = networks(norm=norm), networks(norm=norm)
    settings = {
        "loss": cross_entropy,
        "epochs": 4,
        "batch_size": 16,
        "schedule": linear_decay,
        "clip_norm": 0.4,
        "validation": (data[0][40:], data[1][40:]),
    }
    seeds = range(3) if own_order else [0] * 3
    orders = [seeded(n) for n in range(3)] if own_order else seeded(0)
    histories = fit_many(
        together, data[0][:40], data[1][:40], optimizer=adam, generators=orders, **settings
    )
    for seed, model, history in zip(seeds, alone, histories, strict=True):
        expected = fit(
            model,
            data[0][:40],
            data[1][:40],
            optimizer=adam(model.parameters()),
            generator=seeded(seed),
            **settings,
        )
        assert history.loss == pytest.approx(expected.loss, rel=1e-7)
        assert history.validation_loss == pytest.approx(expected.validation_loss, rel=1e-7)
        assert history.validation_accuracy == pytest.approx(expected.validation_accuracy)
        assert history.epoch == 4
    assert_same(together, alone)


@pytest.mark.parametrize("own_order", [False, True])
def test_with_rows_each_network_learns_from_its_own_draws(data, own_order):
    together, alone = networks(), networks()
    rows = torch.randint(60, (3, 45), generator=seeded(9))
    settings = {"loss": cross_entropy, "epochs": 3, "batch_size": 16, "schedule": linear_decay}
    seeds = range(3) if own_order else [4] * 3
    orders = [seeded(n) for n in range(3)] if own_order else seeded(4)
    histories = fit_many(together, *data, optimizer=adam, generators=orders, rows=rows, **settings)
    for seed, model, own, history in zip(seeds, alone, rows, histories, strict=True):
        expected = fit(
            model,
            data[0][own],
            data[1][own],
            optimizer=adam(model.parameters()),
            generator=seeded(seed),
            **settings,
        )
        assert history.loss == pytest.approx(expected.loss, rel=1e-7)
    assert_same(together, alone)
    for wrong in (rows[:2], rows[:, :0], rows[0]):
        with pytest.raises(ValueError, match=r"rows of shape \(3, draws\), got"):
            fit_many(networks(), *data, optimizer=adam, rows=wrong, **settings)


def test_each_stops_early_by_itself_with_its_own_best_weights(data):
    shuffled = data[1][torch.randperm(60, generator=seeded(5))]
    settings = {
        "loss": cross_entropy,
        "epochs": 60,
        "batch_size": 10,
        "validation": (data[0][30:], shuffled[30:]),
    }
    together, alone = networks(4), networks(4)
    x, y = data[0][:30], shuffled[:30]
    orders = [seeded(n) for n in range(4)]
    histories = fit_many(together, x, y, optimizer=adam, generators=orders, patience=4, **settings)
    lengths = []
    for seed, (model, history) in enumerate(zip(alone, histories, strict=True)):
        stopping = EarlyStopping(model, 4)
        expected = fit(
            model,
            x,
            y,
            optimizer=adam(model.parameters()),
            generator=seeded(seed),
            after_epoch=stopping,
            **settings,
        )
        stopping.restore()
        assert history.validation_loss == pytest.approx(expected.validation_loss, rel=1e-7)
        assert history.stopped == expected.stopped
        lengths.append(expected.epoch)
    assert len(set(lengths)) > 1, "networks that all stop at once show nothing"
    assert_same(together, alone)


def test_what_comes_after_a_network_has_stopped_is_not_kept():
    models = [nn.Linear(1, 1, bias=False).double() for _ in range(2)]
    stacked = StackedModels(models)
    keeper = _Keeper(stacked, patience=2)
    losses = torch.tensor([[3, 3], [4, 2], [5, 4], [1, 1], [1, 4], [0, 4]]).double()
    ended = []
    for epoch, pair in enumerate(losses):
        with torch.no_grad():
            next(stacked.parameters()).fill_(epoch)
        ended.append(keeper.look(pair))
    # the first has stopped after the third epoch, the second after the sixth
    assert ended == [False] * 5 + [True]
    keeper.restore()
    stacked.unstack(models)
    assert [model.weight.item() for model in models] == [0, 3]


def test_dropout_draws_for_each_network_anew(data):
    twins = [copy.deepcopy(networks(1, dropout=0.5)[0]) for _ in range(2)]
    stacked = StackedModels(twins)
    first, second = stacked(data[0])
    assert not torch.equal(first, second)
    first, second = stacked.eval()(data[0])
    assert torch.equal(first, second)


@pytest.mark.parametrize("own_order", [False, True])
def test_augmentation_is_taken_for_training_and_not_for_validation(data, own_order):
    shapes = []

    def augment(x, y):
        shapes.append(tuple(x.shape))
        return x + 1, y

    models = networks(2)
    fit_many(
        models,
        *data,
        loss=cross_entropy,
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.0),
        epochs=1,
        batch_size=30,
        augment=augment,
        generators=[seeded(0), seeded(1)] if own_order else None,
        validation=data,
        measures={"accuracy": accuracy},
    )
    assert shapes == [(30, 4)] * (4 if own_order else 2)


def test_named_measures_are_those_of_evaluate(data):
    models = networks(2)
    histories = fit_many(
        models,
        *data,
        loss=cross_entropy,
        optimizer=adam,
        epochs=2,
        batch_size=30,
        validation=data,
        measures={"error": lambda outputs, targets: 1 - accuracy(outputs, targets)},
    )
    for model, history in zip(models, histories, strict=True):
        error = 1 - evaluate(model, *data, accuracy)
        assert history.column("validation_error")[-1] == pytest.approx(error, abs=1e-6)
        assert history.validation_accuracy == []


def test_a_loss_that_is_not_finite_tells_whose_it_is_and_changes_no_network(data):
    models = networks(3)
    with torch.no_grad():
        models[1][0].weight.fill_(torch.nan)
    before = [copy.deepcopy(model.state_dict()) for model in models]
    with pytest.raises(NonFiniteError, match=r"network 1 is nan at step 1 with .* 0\.02"):
        fit_many(models, *data, loss=cross_entropy, optimizer=adam, epochs=1, batch_size=20)
    for model, old in zip(models, before, strict=True):
        torch.testing.assert_close(model.state_dict(), old, equal_nan=True)


def test_what_does_not_fit_is_refused(data):
    settings = {"loss": cross_entropy, "optimizer": adam, "epochs": 1, "batch_size": 20}
    with pytest.raises(ValueError, match="validation data to be patient with"):
        fit_many(networks(), *data, patience=2, **settings)
    with pytest.raises(ValueError, match="expected 3 generators, got 1"):
        fit_many(networks(), *data, generators=[seeded(0)], **settings)
    with pytest.raises(ValueError, match="as many targets as inputs"):
        fit_many(networks(), data[0], data[1][:5], **settings)
