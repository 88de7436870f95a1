import copy
import math

import pytest
import torch
from torch import nn

from deepbook.training import (
    NonFiniteError,
    accuracy,
    fit,
)


def seeded(n):
    return torch.Generator().manual_seed(n)


@pytest.fixture
def data():
    """Inputs of shape (50, 4) and classes 0 to 2."""
    inputs = torch.randn(50, 4, generator=seeded(1))
    return inputs, (inputs[:, 0] > 0).long() + (inputs[:, 1] > 1).long()


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=0.01)


def test_fit_equals_a_loop_written_by_hand_bit_for_bit(model, data):
    inputs, targets = data
    twin = copy.deepcopy(model)
    model.eval()  # as somebody left it
    torch.manual_seed(5)
    history = fit(
        model,
        inputs,
        targets,
        loss=nn.functional.cross_entropy,
        optimizer=adam(model),
        epochs=3,
        batch_size=16,
        generator=seeded(3),
    )

    torch.manual_seed(5)  # dropout draws from the global generator
    optimizer, generator, losses = adam(twin), seeded(3), []
    twin.train()
    for _ in range(3):
        order, total = torch.randperm(50, generator=generator), 0.0
        for start in range(0, 50, 16):
            batch = order[start : start + 16]
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(twin(inputs[batch]), targets[batch])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        losses.append(total / 50)

    for ours, by_hand in zip(model.parameters(), twin.parameters(), strict=True):
        assert torch.equal(ours, by_hand)
    assert history.loss == losses
    assert (history.epoch, history.monitored) == (3, [])


def test_fit_draws_the_order_from_the_global_seed_if_there_is_no_generator(data):
    def final_weights(seed):
        torch.manual_seed(0)
        model = nn.Linear(4, 3)
        torch.manual_seed(seed)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        loss = nn.functional.cross_entropy
        fit(model, *data, loss=loss, optimizer=optimizer, epochs=1, batch_size=8)
        return model.weight.detach()

    assert torch.equal(final_weights(1), final_weights(1))
    assert not torch.equal(final_weights(1), final_weights(2))


def test_validation_is_measured_after_each_epoch_in_evaluation_mode(model, data):
    expected = []

    def measure_myself(history):
        mode = model.training
        model.eval()
        with torch.no_grad():
            outputs = model(data[0])
        model.train(mode)
        expected.append(
            (
                nn.functional.cross_entropy(outputs, data[1]).item(),
                accuracy(outputs, data[1]).item(),
            )
        )

    history = fit(
        model,
        *data,
        loss=nn.functional.cross_entropy,
        optimizer=adam(model),
        epochs=2,
        batch_size=50,
        validation=data,
        after_epoch=measure_myself,
    )
    measured = list(zip(history.validation_loss, history.validation_accuracy, strict=True))
    assert torch.allclose(torch.tensor(measured), torch.tensor(expected), rtol=1e-6)


def test_targets_that_are_no_classes_have_no_accuracy(data):
    model = nn.Linear(4, 1)
    targets = data[0].sum(dim=1, keepdim=True)
    history = fit(
        model,
        data[0],
        targets,
        loss=nn.functional.mse_loss,
        optimizer=adam(model),
        epochs=2,
        batch_size=10,
        validation=(data[0], targets),
    )
    assert len(history.validation_loss) == 2
    assert history.validation_accuracy == []


def test_the_hook_after_an_epoch_sees_the_history_and_ends_the_training(model, data):
    seen = []

    def stop_after_three(history):
        seen.append(len(history.loss))
        return len(history.loss) == 3

    history = fit(
        model,
        *data,
        loss=nn.functional.cross_entropy,
        optimizer=adam(model),
        epochs=10,
        batch_size=25,
        after_epoch=stop_after_three,
    )
    assert history.stopped
    assert seen == [1, 2, 3]
    assert len(history.loss) == 3


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_before_it_reaches_the_weights(model, data, bad):
    steps, weights = 0, None

    def loss(outputs, targets):
        nonlocal steps, weights
        steps += 1
        weights = copy.deepcopy(model.state_dict())
        value = nn.functional.cross_entropy(outputs, targets)
        return value * bad if steps == 6 else value

    groups = [{"params": model[0].parameters()}, {"params": model[3].parameters(), "lr": 0.5}]
    with pytest.raises(NonFiniteError) as error:
        fit(
            model,
            *data,
            loss=loss,
            optimizer=torch.optim.SGD(groups, lr=0.125),
            epochs=3,
            batch_size=16,
        )
    assert str(error.value) == (
        f"the loss is {bad} at step 6 with learning rate 0.125, 0.5; "
        "the weights are those of step 5"
    )
    for name, value in model.state_dict().items():
        assert torch.equal(value, weights[name])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"targets": torch.zeros(49).long()}, "as many targets as inputs.*got 49 and 50"),
        ({"inputs": torch.zeros(0, 4), "targets": torch.zeros(0)}, "at least one, got 0 and 0"),
        ({"epochs": 0}, "at least 1 epoch, got 0"),
        ({"batch_size": 0}, "batch size of at least 1, got 0"),
    ],
)
def test_fit_refuses_sizes_that_do_not_fit_and_leaves_the_weights(model, data, changes, message):
    before = copy.deepcopy(model.state_dict())
    arguments = {"inputs": data[0], "targets": data[1], "epochs": 1, "batch_size": 5} | changes
    with pytest.raises(ValueError, match=message):
        fit(model, loss=nn.functional.cross_entropy, optimizer=adam(model), **arguments)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
