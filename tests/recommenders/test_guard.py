import pytest
import torch

from deepbook.data.movielens import Ratings
from deepbook.recommenders import BiasModel, LeakError, check_blind, check_no_leak, rmse


def both(train, test):
    """Training and test ratings in one: the planted leak."""
    names = ("users", "items", "stars", "timestamps")
    return Ratings(*(torch.cat([getattr(train, n), getattr(test, n)]) for n in names))


def test_disjoint_ratings_pass(split):
    check_no_leak(*split)


def test_one_leaked_rating_is_caught_and_named(split):
    train, test = split
    row = slice(3, 4)
    one = Ratings(test.users[row], test.items[row], 6 - test.stars[row], test.timestamps[row])
    with pytest.raises(LeakError, match=r"1 of \d+ test ratings are among the inputs") as caught:
        check_no_leak(both(train, one), test)
    assert f"user {int(test.users[3])}, item {int(test.items[3])}" in str(caught.value)


def test_a_model_that_was_fitted_on_the_test_ratings_too_is_caught(split):
    train, test = split
    leaking = BiasModel(60, 40).fit(both(train, test))
    with pytest.raises(LeakError):
        check_no_leak(leaking.seen, test)
    check_no_leak(BiasModel(60, 40).fit(train).seen, test)


def test_same_item_of_another_user_is_no_leak():
    zero = torch.zeros(1, dtype=torch.int64)
    mine = Ratings(zero, zero + 5, zero + 3, zero)
    # with a pair's number as user * (number of items of one part) + item, these two collide
    yours = Ratings(zero + 5, zero, zero + 3, zero)
    check_no_leak(mine, yours)


def test_honest_training_is_blind_to_the_test_ratings(split):
    check_blind(
        lambda train, test: BiasModel(60, 40).fit(train).predict(test.users, test.items), *split
    )


def choose_by_test(train, test):
    """Choose a penalty by the test error: no test rating is passed to fit."""
    models = [BiasModel(60, 40, user_penalty=p).fit(train) for p in (0.1, 30.0)]
    guesses = [model.predict(test.users, test.items) for model in models]
    return min(guesses, key=lambda guess: rmse(guess, test.stars))


def fit_on_both(train, test):
    return BiasModel(60, 40).fit(both(train, test)).predict(test.users, test.items)


@pytest.mark.parametrize("leak", [choose_by_test, fit_on_both])
def test_a_planted_leak_is_caught(leak, split):
    train, test = split
    with pytest.raises(LeakError, match=r"\d+ of \d+ predictions depend on the test ratings"):
        check_blind(leak, train, test)


def test_the_guard_turns_every_star_round(split):
    train, test = split
    calls = []
    check_blind(lambda _, t: calls.append(t.stars) or t.users, train, test)
    assert torch.equal(calls[0], test.stars)
    assert torch.equal(calls[1], 6 - test.stars)
