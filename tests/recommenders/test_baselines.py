import pytest
import torch
from scipy.optimize import minimize

from deepbook.data.movielens import Ratings
from deepbook.recommenders import (
    AlwaysLike,
    BiasModel,
    GlobalMean,
    LogOddsModel,
    like_error,
    liked,
    log_loss,
    rmse,
)

SIZES = (60, 40)


def predict(model, ratings):
    return model.predict(ratings.users, ratings.items)


def test_always_like_is_wrong_where_the_film_is_disliked(split):
    train, test = split
    probability = predict(AlwaysLike(*SIZES).fit(train), test)
    assert like_error(probability, liked(test.stars)) == pytest.approx(
        float((test.stars < 3).double().mean())
    )
    assert probability.unique().tolist() == pytest.approx(
        [float((train.stars >= 3).double().mean())]
    )


def test_the_global_mean_is_one_number(split):
    train, test = split
    predicted = predict(GlobalMean(*SIZES).fit(train), test)
    assert predicted.unique().tolist() == pytest.approx([float(train.stars.double().mean())])


def test_the_biases_minimise_the_penalised_squared_error(split):
    train, _ = split
    model = BiasModel(*SIZES, user_penalty=2.0, item_penalty=1.0, sweeps=60).fit(train)
    user, item = model.user_bias.clone().requires_grad_(), model.item_bias.clone().requires_grad_()
    error = train.stars - model.mean - user[train.users] - item[train.items]
    loss = error.square().sum() + 2.0 * user.square().sum() + item.square().sum()
    for gradient in torch.autograd.grad(loss, [user, item]):
        assert gradient.abs().max() < 1e-3


def test_the_log_odds_minimise_the_penalised_log_loss(split):
    train, _ = split
    model = LogOddsModel(*SIZES, user_penalty=2.0, item_penalty=0.5, sweeps=60).fit(train)
    likes = liked(train.stars)

    def loss(parameters):
        intercept, user, item = parameters.split([1, *SIZES])
        logits = intercept + user[train.users] + item[train.items]
        nll = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, likes.double(), reduction="sum"
        )
        alone = 0.5 * torch.nn.functional.softplus(torch.stack([intercept, -intercept])).sum()
        return nll + alone + (2.0 * user.square().sum() + 0.5 * item.square().sum()) / 2

    def with_gradient(x):
        x = torch.tensor(x, requires_grad=True)
        value = loss(x)
        return value.item(), torch.autograd.grad(value, x)[0].numpy()

    start = torch.zeros(1 + sum(SIZES), dtype=torch.double).numpy()
    best = torch.from_numpy(minimize(with_gradient, start, jac=True, tol=1e-10).x)
    ours = torch.cat([model.intercept.view(1), model.user_effect, model.item_effect])
    assert loss(ours.double()) <= loss(best) + 1e-4
    torch.testing.assert_close(ours.double(), best, rtol=0, atol=1e-2)


def test_biases_beat_the_global_mean_and_log_odds_beat_always_like(split):
    train, test = split
    mean, bias = (predict(m(*SIZES).fit(train), test) for m in (GlobalMean, BiasModel))
    assert rmse(bias, test.stars) < rmse(mean, test.stars) - 0.1
    likes = liked(test.stars)
    always, odds = (predict(m(*SIZES).fit(train), test) for m in (AlwaysLike, LogOddsModel))
    assert like_error(odds, likes) < like_error(always, likes)
    assert log_loss(odds, likes) < log_loss(always, likes) - 0.05


def test_an_unknown_user_and_film_get_the_mean():
    one = torch.zeros(1, dtype=torch.int64)
    ratings = Ratings(one, one, one + 4, one)
    assert BiasModel(3, 3).fit(ratings).predict(one + 2, one + 2).item() == 4
    assert LogOddsModel(3, 3).fit(ratings).predict(one + 2, one + 2).item() > 0.6


def test_predictions_are_stars_or_probabilities(split):
    users, items = torch.cartesian_prod(torch.arange(60), torch.arange(40)).T
    stars = BiasModel(*SIZES, user_penalty=1e-3, item_penalty=1e-3).fit(split[0])
    assert tuple(stars.predict(users, items).aminmax()) == ((1, 5))
    low, high = LogOddsModel(*SIZES).fit(split[0]).predict(users, items).aminmax()
    assert 0 < low < high < 1


@pytest.mark.parametrize("model", [BiasModel, LogOddsModel])
def test_penalties_are_positive_and_there_is_a_sweep(model):
    with pytest.raises(ValueError, match=r"positive penalties, got 0 and"):
        model(*SIZES, user_penalty=0)
    with pytest.raises(ValueError, match="at least 1 sweep, got 0"):
        model(*SIZES, sweeps=0)
