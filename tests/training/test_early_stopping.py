import math

import pytest
import torch
from torch import nn

from deepbook.training import EarlyStopping, History, fit


def train(errors, **options):
    """Epochs in which the weight counts up and a measure is what it is told to be."""
    model = nn.Linear(1, 1, bias=False)
    stopping, history = EarlyStopping(model, measure="error", **options), History()
    for error in errors:
        history.epoch += 1
        with torch.no_grad():
            model.weight.fill_(history.epoch)
        history.note({"error": error})
        if stopping(history):
            break
    return model, stopping, history


@pytest.mark.parametrize(
    ("errors", "patience", "best", "stops"),
    [
        ([3, 2, 4, 4, 1], 2, 2, 4),
        ([3, 2, 4, 1, 1, 1], 2, 4, 6),
        ([3, math.nan, math.nan], 2, 1, 3),
        ([5, 4, 3], 1, 3, 3),
        ([1, 1], 1, 1, 2),  # the same is no improvement
    ],
)
def test_it_ends_after_so_many_epochs_in_vain_and_gives_the_best_weights_back(
    errors, patience, best, stops
):
    model, stopping, history = train(errors, patience=patience)
    assert (stopping.best_epoch, history.epoch) == (best, stops)
    assert stopping.best == errors[best - 1]
    assert model.weight.item() == stops
    stopping.restore()
    assert model.weight.item() == best


def test_where_larger_is_better_the_largest_is_kept():
    model, stopping, _ = train([0.2, 0.9, 0.5], patience=5, largest=True)
    stopping.restore()
    assert (stopping.best, model.weight.item()) == (0.9, 2)


def test_in_fit_it_stops_a_network_that_learns_by_heart():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(60, 10, generator=generator), torch.randint(2, (60,), generator=generator)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 50), nn.ReLU(), nn.Linear(50, 2))
    stopping = EarlyStopping(model, patience=3)
    history = fit(
        model,
        x[:30],
        y[:30],
        loss=nn.functional.cross_entropy,
        optimizer=torch.optim.Adam(model.parameters(), 0.01),
        epochs=200,
        batch_size=10,
        validation=(x[30:], y[30:]),
        after_epoch=stopping,
    )
    assert history.stopped
    assert history.epoch == stopping.best_epoch + 3 < 200
    assert stopping.best == min(history.validation_loss)


def test_a_measure_that_is_not_monitored_is_refused_and_so_is_no_patience():
    stopping, history = EarlyStopping(nn.Linear(1, 1), 2), History(epoch=1)
    with pytest.raises(ValueError, match=r"validation_loss to be monitored .* got nothing"):
        stopping(history)
    history.note({"error": 1.0})
    with pytest.raises(ValueError, match="got epoch, seconds, error after epoch 1"):
        stopping(history)
    with pytest.raises(RuntimeError, match="an epoch to have improved"):
        stopping.restore()
    with pytest.raises(ValueError, match="at least 1 epoch of patience, got 0"):
        EarlyStopping(nn.Linear(1, 1), 0)
