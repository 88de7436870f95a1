from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepbook.boltzmann.recommenders import Penalties, RatingsRBM
from deepbook.data.movielens import Ratings
from deepbook.recommenders import (
    AlwaysLike,
    BiasModel,
    LeakError,
    LogOddsModel,
    check_blind,
    check_no_leak,
    like_scores,
    rmse,
)
from deepbook.training import NonFiniteError

SIZES = (60, 40)
FEW = Penalties(1.0, 5.0, 1.0, 0.5)


def new(seed=0, **options):
    options = {"hidden_size": 10, "epochs": 25, "learning_rate": 0.02, "batch_size": 16} | options
    return RatingsRBM(*SIZES, generator=torch.Generator().manual_seed(seed), **options)


def predict(model, ratings):
    return model.predict(ratings.users, ratings.items)


def rows(ratings, keep):
    return Ratings(*(getattr(ratings, n)[keep] for n in ("users", "items", "stars", "timestamps")))


def joined(first, second):
    names = ("users", "items", "stars", "timestamps")
    return Ratings(*(torch.cat([getattr(first, n), getattr(second, n)]) for n in names))


EITHER = pytest.mark.parametrize("examples", ["items", "users"])


@EITHER
def test_it_beats_the_biases(examples, split):
    train, test = split
    error = rmse(
        predict(new(examples=examples, penalties=FEW, epochs=60).fit(train), test), test.stars
    )
    assert error < rmse(predict(BiasModel(*SIZES).fit(train), test), test.stars) - 0.03


def test_its_likes_beat_always_like_and_the_log_odds(split):
    train, test = split
    model = new(values="likes", examples="users", penalties=Penalties(2.0, 10.0, 1.0, 0.5))
    ours = like_scores(predict(model.fit(train), test), test)
    for baseline in (AlwaysLike, LogOddsModel):
        theirs = like_scores(predict(baseline(*SIZES).fit(train), test), test)
        assert ours.error < theirs.error
        assert ours.log_loss < theirs.log_loss


@EITHER
@pytest.mark.parametrize("values", ["stars", "likes"])
def test_a_prediction_is_the_machine_s_exact_conditional(examples, values, split):
    train, _ = split
    model = new(examples=examples, values=values, epochs=2).fit(train)
    known = train.stars - 1 if values == "stars" else (train.stars >= 3).long()
    table = torch.full(SIZES, -1)
    table[train.users, train.items] = known
    user, item = torch.tensor([3, 7]), torch.tensor([5, 0])
    expected = []
    for u, i in zip(user.tolist(), item.tolist(), strict=True):
        example, unit, row = (u, i, table[u]) if examples == "users" else (i, u, table[:, i])
        machine = model.model.machine(example)
        expected.append(machine.predictive(machine.encode(row), unit))
    torch.testing.assert_close(
        model.distribution(user, item), torch.stack(expected), rtol=0, atol=1e-5
    )


@EITHER
def test_the_loss_is_the_exact_conditional_of_each_rating_given_the_others(examples, split):
    train, _ = split
    model = new(examples=examples, epochs=1, kept=1.0).fit(train)
    pairs = model._roles(train.users, train.items)
    count = SIZES[examples == "items"]
    nats = model._nats(*pairs, train.stars - 1, count)
    probability = model.distribution(train.users, train.items)
    exact = -probability[torch.arange(len(train)), train.stars - 1].log().sum()
    torch.testing.assert_close(nats.detach(), exact, rtol=1e-4, atol=0)


@EITHER
@settings(max_examples=20)
@given(row=st.integers(0, 400), stars=st.integers(1, 5))
def test_a_pair_s_own_rating_is_never_read_for_its_prediction(examples, row, stars, split):
    train, _ = split
    model = _fitted(examples, train)
    before = model.distribution(train.users[row : row + 1], train.items[row : row + 1])
    changed = train.stars.clone()
    changed[row] = stars
    _remember(model, replace(train, stars=changed))
    after = model.distribution(train.users[row : row + 1], train.items[row : row + 1])
    _remember(model, train)
    torch.testing.assert_close(after, before, rtol=0, atol=1e-6)


_MODELS: dict[str, RatingsRBM] = {}


def _fitted(examples, train):
    if examples not in _MODELS:
        _MODELS[examples] = new(examples=examples, epochs=2).fit(train)
    return _MODELS[examples]


def _remember(model, ratings):
    shape = SIZES if model.examples == "users" else SIZES[::-1]
    model._remember(*model._roles(ratings.users, ratings.items), ratings.stars - 1, shape)


def test_unrated_films_change_no_output(split):
    machine = new(examples="users", epochs=2).fit(split[0]).model.machine(0)
    values = torch.full((40,), -1)
    values[:5] = torch.arange(5)
    before = machine.predictive(machine.encode(values), 6)
    with torch.no_grad():
        machine.weight[7:] += 100.0
        machine.visible_bias[7:] -= 100.0
    torch.testing.assert_close(machine.predictive(machine.encode(values), 6), before)


@EITHER
def test_no_test_rating_reaches_it(examples, split):
    check_blind(
        lambda train, test: predict(new(examples=examples, epochs=2).fit(train), test), *split
    )


def test_a_planted_test_rating_is_caught(split):
    train, test = split
    leaking = joined(train, rows(test, slice(0, 1)))
    check_no_leak(new(epochs=1).fit(train).seen, test)
    with pytest.raises(LeakError, match=r"^1 of \d+ test ratings are among the inputs"):
        check_no_leak(new(epochs=1).fit(leaking).seen, test)
    with pytest.raises(LeakError, match="predictions depend on the test ratings"):
        check_blind(
            lambda train, test: predict(new(epochs=2).fit(joined(train, test)), test), train, test
        )


def test_who_has_no_ratings_gets_a_prediction_all_the_same(split):
    train, _ = split
    without = rows(train, (train.users != 4) & (train.items != 2))
    for examples in ("items", "users"):
        model = new(examples=examples, epochs=2).fit(without)
        predicted = model.predict(torch.tensor([4, 4, 0]), torch.tensor([2, 0, 2]))
        assert bool(((predicted >= 1) & (predicted <= 5)).all())


@pytest.mark.parametrize("values", ["stars", "likes"])
def test_a_distribution_adds_up_to_one_and_predictions_are_in_range(values, split):
    model = new(values=values, epochs=2).fit(split[0])
    probability = model.distribution(split[1].users, split[1].items)
    torch.testing.assert_close(probability.sum(1), torch.ones(len(split[1])))
    low, high = model.table(torch.arange(60)).aminmax()
    assert (1 <= low < high <= 5) if values == "stars" else (0 <= low < high <= 1)


def test_its_loss_falls_and_a_generator_repeats_it(split):
    first, second = (new(epochs=10).fit(split[0]) for _ in range(2))
    assert first.losses[-1] < first.losses[0] - 0.05
    assert first.losses == second.losses


def test_the_penalty_is_each_factor_times_the_squared_parameters(split):
    model = new(epochs=1).fit(split[0]).model
    parts = (model.slope, model.deviation, model.bias, model.example_bias)
    for place, part in enumerate(parts):
        factors = [0.0] * 4
        factors[place] = 2.0
        torch.testing.assert_close(model.penalty(Penalties(*factors)), 2 * part.square().sum())


def test_larger_penalties_make_smaller_weights(split):
    def size(penalties):
        return float(new(epochs=10, penalties=penalties).fit(split[0]).model.slope.detach().norm())

    assert size(Penalties(50.0)) < size(FEW) / 2


def test_a_loss_that_is_not_finite_stops_the_training(split):
    with pytest.raises(NonFiniteError, match=r"at step \d+ with learning rate"):
        new(learning_rate=1e30, epochs=3).fit(split[0])


def test_before_fit_there_is_no_distribution():
    with pytest.raises(RuntimeError, match="call fit first"):
        new().distribution(torch.tensor([0]), torch.tensor([0]))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"values": "thumbs"}, '"stars" or "likes", got \'thumbs\''),
        ({"examples": "films"}, '"items" or "users", got \'films\''),
        ({"hidden_size": 0}, "at least 1 hidden unit"),
        ({"epochs": 0}, "1 epoch"),
        ({"kept": 0.0}, "kept above 0"),
        ({"kept": 1.5}, "kept above 0"),
        ({"learning_rate": 0.0}, "positive learning rate"),
    ],
)
def test_choices_out_of_range_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        new(**wrong)


def test_negative_penalties_are_refused():
    with pytest.raises(ValueError, match="penalties of at least 0"):
        Penalties(slope=-1.0)
