import pytest
import torch

from deepbook.data.movielens import Ratings
from deepbook.recommenders import BiasModel, MatrixFactorisation, check_blind, rmse

SIZES = (60, 40)


def new(**options):
    options = {"rank": 2, "penalty": 0.3, "bias_penalty": 1.0} | options
    return MatrixFactorisation(*SIZES, generator=torch.Generator().manual_seed(0), **options)


def predict(model, ratings):
    return model.predict(ratings.users, ratings.items)


def test_it_finds_the_taste_that_the_biases_cannot(split):
    train, test = split
    biases = rmse(predict(BiasModel(*SIZES).fit(train), test), test.stars)
    assert rmse(predict(new().fit(train), test), test.stars) < biases - 0.1


def test_each_half_sweep_solves_its_least_squares_problem(split):
    train, _ = split
    model = new(sweeps=3).fit(train)
    # the items were solved last, with the users fixed
    items = model.items.double().requires_grad_()
    users = model.users.double()
    p, q = users[train.users], items[train.items]
    error = train.stars - model.mean - p[:, 0] - q[:, 0] - (p[:, 1:] * q[:, 1:]).sum(1)
    count = torch.bincount(train.items, minlength=40).clamp(min=1)
    shrink = 0.3 * (count.sqrt() * items[:, 1:].square().sum(1)).sum()
    loss = error.square().sum() + shrink + items[:, 0].square().sum()
    (gradient,) = torch.autograd.grad(loss, items)
    assert gradient.abs().max() < 1e-3


def test_a_generator_repeats_it(split):
    assert torch.equal(new().fit(split[0]).users, new().fit(split[0]).users)


def test_no_test_rating_reaches_it(split):
    check_blind(lambda train, test: predict(new().fit(train), test), *split)


def test_an_item_without_ratings_is_predicted_all_the_same():
    one = torch.zeros(1, dtype=torch.int64)
    model = new().fit(Ratings(one, one, one + 4, one))
    assert 3.5 < model.predict(one + 5, one + 5).item() < 4.5


@pytest.mark.parametrize(
    "wrong", [{"rank": 0}, {"sweeps": 0}, {"penalty": 0}, {"bias_penalty": -1.0}]
)
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=r"expected (at least rank 1|positive penalties)"):
        new(**wrong)
