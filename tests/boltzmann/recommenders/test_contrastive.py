import pytest
import torch

from deepbook.boltzmann.recommenders import ContrastiveRBM
from deepbook.data.movielens import Ratings
from deepbook.recommenders import AlwaysLike, GlobalMean, check_blind, like_scores, rmse

SIZES = (60, 40)


def new(**options):
    options = {"hidden_size": 10, "epochs": 30, "batch_size": 10} | options
    return ContrastiveRBM(*SIZES, generator=torch.Generator().manual_seed(0), **options)


def predict(model, ratings):
    return model.predict(ratings.users, ratings.items)


def test_its_stars_beat_the_mean(split):
    train, test = split
    trivial = rmse(predict(GlobalMean(*SIZES).fit(train), test), test.stars)
    assert rmse(predict(new().fit(train), test), test.stars) < trivial - 0.1


def test_its_likes_beat_always_like(split):
    train, test = split
    ours = like_scores(predict(new(values="likes").fit(train), test), test)
    trivial = like_scores(predict(AlwaysLike(*SIZES).fit(train), test), test)
    assert ours.error < trivial.error
    assert ours.log_loss < trivial.log_loss


def test_a_pair_s_own_rating_is_never_read_for_its_prediction(split):
    train, _ = split
    model = new(epochs=2).fit(train)
    before = predict(model, train)[0]
    model._visible[train.users[0], train.items[0]] = torch.eye(5)[5 - train.stars[0]]
    torch.testing.assert_close(predict(model, train)[0], before)


def test_no_test_rating_reaches_it(split):
    check_blind(lambda train, test: predict(new(epochs=2).fit(train), test), *split)


def test_unrated_films_stay_missing_along_the_chains(split):
    train, _ = split
    model = new(epochs=1).fit(train)
    rated = torch.zeros(SIZES, dtype=torch.bool)
    rated[train.users, train.items] = True
    state = model.model.gibbs_step(model._visible, torch.Generator().manual_seed(0))
    assert torch.equal(model.model.observed(state), rated)


def test_a_user_without_ratings_gets_the_worth_of_the_film_by_itself(split):
    train, _ = split
    keep = train.users != 4
    without = Ratings(*(c[keep] for c in (train.users, train.items, train.stars, train.timestamps)))
    model = new(epochs=2).fit(without)
    item = torch.tensor([7])
    machine = model.model
    hidden = machine.hidden_bias + machine.weight[7]
    scores = machine.visible_bias[7] + torch.nn.functional.softplus(hidden).sum(1)
    expected = torch.softmax(scores, 0) @ torch.arange(1.0, 6.0)
    torch.testing.assert_close(model.predict(torch.tensor([4]), item)[0], expected.detach())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"values": "thumbs"}, '"stars" or "likes", got \'thumbs\''),
        ({"hidden_size": 0}, "at least 1 hidden unit"),
        ({"steps": 0}, "at least 1 step"),
    ],
)
def test_choices_out_of_range_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        new(**wrong)
