"""What every recommender refuses at the door, in the same words, and what all of them take."""

from dataclasses import replace

import pytest
import torch

from deepbook.boltzmann.recommenders import ContrastiveRBM, RatingsRBM
from deepbook.data.movielens import Ratings
from deepbook.recommenders import (
    AlwaysLike,
    BiasModel,
    CourseAutoencoder,
    CourseRBM,
    GlobalMean,
    LogOddsModel,
    MatrixFactorisation,
    Popularity,
    RatingAutoencoder,
    RatingEnsemble,
    Recommender,
    check_blind,
    check_no_leak,
    check_ratings,
    hold_out,
    liked,
    ranking_scores,
)

SIZES = (60, 40)


def seeded():
    return torch.Generator().manual_seed(0)


FEW = {"hidden_size": 3, "epochs": 1}
MODELS = {
    "AlwaysLike": lambda: AlwaysLike(*SIZES),
    "BiasModel": lambda: BiasModel(*SIZES),
    "ContrastiveRBM": lambda: ContrastiveRBM(*SIZES, **FEW, generator=seeded()),
    "ContrastiveRBM of likes": lambda: ContrastiveRBM(
        *SIZES, values="likes", **FEW, generator=seeded()
    ),
    "CourseAutoencoder": lambda: CourseAutoencoder(
        *SIZES, sizes=(3,), epochs=1, generator=seeded()
    ),
    "CourseRBM": lambda: CourseRBM(*SIZES, **FEW, generator=seeded()),
    "GlobalMean": lambda: GlobalMean(*SIZES),
    "LogOddsModel": lambda: LogOddsModel(*SIZES),
    "MatrixFactorisation": lambda: MatrixFactorisation(
        *SIZES, rank=2, sweeps=2, generator=seeded()
    ),
    "Popularity": lambda: Popularity(*SIZES),
    "RatingAutoencoder": lambda: RatingAutoencoder(
        *SIZES, hidden_sizes=(3,), epochs=1, generator=seeded()
    ),
    "RatingEnsemble": lambda: RatingEnsemble([GlobalMean(*SIZES), BiasModel(*SIZES)]),
    "RatingsRBM": lambda: RatingsRBM(*SIZES, **FEW, generator=seeded()),
    "RatingsRBM of likes": lambda: RatingsRBM(*SIZES, values="likes", **FEW, generator=seeded()),
}
EVERY = pytest.mark.parametrize("model", MODELS)


def test_the_table_holds_every_recommender_of_the_package():
    def below(kind):
        return {kind}.union(*map(below, kind.__subclasses__()))

    ours = {kind.__name__ for kind in below(Recommender) if kind.__module__.startswith("deepbook.")}
    assert ours - {"Recommender"} == {name.split()[0] for name in MODELS}


def with_value(column, row, value, dtype=None):
    """Ratings with one other value."""

    def spoil(ratings):
        values = getattr(ratings, column).to(dtype or torch.int64, copy=True)
        values[row] = value
        return replace(ratings, **{column: values})

    return spoil


def twice(ratings):
    """The first rating comes once more at the end, with other stars."""
    columns = (ratings.users, ratings.items, ratings.stars, ratings.timestamps)
    again = Ratings(*(torch.cat([column, column[:1]]) for column in columns))
    again.stars[-1] = 6 - again.stars[-1]
    return again


def every_pair_twice(ratings):
    columns = (ratings.users, ratings.items, ratings.stars, ratings.timestamps)
    return Ratings(*(torch.cat([column, column]) for column in columns))


REFUSED = {
    "half a star": (
        with_value("stars", 7, 2.5, torch.float32),
        ValueError,
        r"expected 1, 2, 3, 4 or 5 stars, got 2.5 in row 7; so 1 of \d+ rows",
    ),
    "stars that are NaN": (
        with_value("stars", [5, 9], torch.nan, torch.float64),
        ValueError,
        r"expected 1, 2, 3, 4 or 5 stars, got nan in row 5; nan in row 9; so 2 of \d+ rows",
    ),
    "infinite stars": (
        with_value("stars", 0, torch.inf, torch.float32), ValueError, "got inf in row 0"
    ),
    "no star": (
        with_value("stars", slice(2, 6), 0),
        ValueError,
        r"got 0 in row 2; 0 in row 3; 0 in row 4; \.\.\.; so 4 of \d+ rows",
    ),
    "six stars": (with_value("stars", 3, 6, torch.int32), ValueError, "got 6 in row 3"),
    "stars that are true": (
        lambda r: replace(r, stars=r.stars > 3), TypeError, "dtype, got torch.bool"
    ),
    "complex stars": (
        lambda r: replace(r, stars=r.stars + 0j), TypeError, "dtype, got torch.complex64"
    ),
    "stars in a list": (
        lambda r: replace(r, stars=r.stars.tolist()), TypeError, "stars as a tensor, got list"
    ),
    "fewer stars than users": (
        lambda r: replace(r, stars=r.stars[:-1]), ValueError, "stars, timestamps of one length"
    ),
    "one star for all": (
        lambda r: replace(r, stars=r.stars[:1]), ValueError, r"of one length.*and \(1,\)"
    ),
    "stars in a column": (
        lambda r: replace(r, stars=r.stars[:, None]), ValueError, r"one dimension.*, 1\)"
    ),
    "fewer users than stars": (
        lambda r: replace(r, users=r.users[:-1]), ValueError, "of one length"
    ),
    "fewer items than users": (
        lambda r: replace(r, items=r.items[:-1]), ValueError, "of one length"
    ),
    "an unknown user": (
        with_value("users", 4, 60), ValueError, "users from 0 to 59, got 60 in row 4; so 1 of"
    ),
    "a negative item": (
        with_value("items", 4, -1), ValueError, "items from 0 to 39, got -1 in row 4; so 1 of"
    ),
    "users as int32": (
        lambda r: replace(r, users=r.users.int()), TypeError, "users as int64, got torch.int32"
    ),
    "items as float": (
        lambda r: replace(r, items=r.items.float()), TypeError, "items as int64, got torch.float32"
    ),
    "a pair that is there twice": (
        twice,
        ValueError,
        r"one rating for each pair.*got user \d+ and item \d+ in rows 0, \d+; so 1 of \d+ pairs",
    ),
    "every pair twice": (
        every_pair_twice,
        ValueError,
        r"(user \d+ and item \d+ in rows \d+, \d+; ){3}\.\.\.; so (\d+) of \2 pairs",
    ),
    "no rating": (
        lambda r: Ratings(*(c[:0] for c in (r.users, r.items, r.stars, r.timestamps))),
        ValueError,
        "at least 1 rating, got none",
    ),
    "another thing": (lambda r: (r.users, r.items, r.stars), TypeError, "Ratings, got tuple"),
}  # fmt: skip


@EVERY
@pytest.mark.parametrize("fault", REFUSED)
def test_fit_refuses_what_is_no_rating_and_names_the_rows(model, fault, split):
    spoil, error, message = REFUSED[fault]
    model = MODELS[model]()
    with pytest.raises(error, match=message):
        model.fit(spoil(split[0]))
    assert model.seen is None


@pytest.mark.parametrize("fault", REFUSED)
def test_whatever_else_takes_ratings_refuses_the_same(fault, split):
    spoil, error, message = REFUSED[fault]
    train, test = split
    model = GlobalMean(*SIZES).fit(train)
    with pytest.raises(error, match=message):
        ranking_scores(model, spoil(test))
    unbounded = message.replace("from 0 to 59", "from 0 on").replace("from 0 to 39", "from 0 on")
    if fault == "an unknown user":
        return  # known to a model alone
    for function in (
        hold_out,
        check_ratings,
        lambda ratings: check_blind(lambda train, test: test.users, train, ratings),
        lambda ratings: check_blind(lambda train, test: test.users, ratings, test),
    ):
        with pytest.raises(error, match=unbounded):
            function(spoil(train))


def test_a_guard_that_is_given_no_pairs_says_so(split):
    train, test = split
    for given in (
        (replace(train, users=train.users.int()), test),
        (train, replace(test, items=None)),
    ):
        with pytest.raises(TypeError, match=r"expected (users as int64|items as a tensor)"):
            check_no_leak(*given)


@EVERY
@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.float32, torch.float64])
def test_whole_stars_of_any_dtype_teach_the_same(model, dtype, split):
    train, test = split
    learned = []
    for given in (train, replace(train, stars=train.stars.to(dtype))):
        torch.manual_seed(0)
        fitted = MODELS[model]().fit(given)
        assert fitted.seen.stars.dtype == torch.int64
        learned.append(fitted.predict(test.users, test.items))
    assert torch.equal(*learned)
    assert learned[0].dtype == torch.float32


@EVERY
def test_predict_refuses_what_are_no_pairs_and_names_the_rows(model, split):
    model = MODELS[model]()
    zero = torch.zeros(3, dtype=torch.int64)
    with pytest.raises(RuntimeError, match="has seen no ratings: call fit first"):
        model.predict(zero, zero)
    model.fit(split[0])
    questions = [model.predict]
    if isinstance(model, RatingsRBM):
        questions.append(model.distribution)
    for ask in questions:
        for users, items, error, message in [
            (zero + 60, zero, ValueError, "users from 0 to 59, got 60 in row 0;.* so 3 of 3 rows"),
            (zero, zero - 1, ValueError, "items from 0 to 39, got -1 in row 0;"),
            (zero[:2], zero, ValueError, r"of one length.*\(2,\) and \(3,\)"),
            (zero[:, None], zero[:, None], ValueError, r"one dimension.*\(3, 1\)"),
            (zero.float(), zero, TypeError, "users as int64, got torch.float32"),
            (zero, zero.int(), TypeError, "items as int64, got torch.int32"),
            ([0], zero[:1], TypeError, "users as a tensor, got list"),
            (zero[0], zero[0], ValueError, r"one dimension.*\(\)"),
        ]:
            with pytest.raises(error, match=message):
                ask(users, items)
        assert len(ask(zero, zero)) == 3  # the same question may be asked twice
        assert len(ask(zero[:0], zero[:0])) == 0
    with pytest.raises(ValueError, match="users from 0 to 59, got 60 in row 0; so 1 of 1 rows"):
        model.table(zero[:1] + 60)
    with pytest.raises(TypeError, match=r"users as int64, got torch.float32"):
        model.table(zero.float())
    assert model.table(zero).shape == (3, 40)


def test_an_ensemble_of_models_for_likes_refuses_through_the_same_door(split):
    ensemble = RatingEnsemble([MODELS["RatingsRBM"](), MODELS["ContrastiveRBM"]()])
    with pytest.raises(ValueError, match="one rating for each pair"):
        ensemble.fit(twice(split[0]))
    assert [member.seen for member in ensemble.members] == [None, None]


@pytest.mark.parametrize("stars", [[torch.nan], [0], [3.5], [6]])
def test_nothing_is_liked_by_stars_that_are_none(stars):
    with pytest.raises(ValueError, match=r"1, 2, 3, 4 or 5 stars, got .* in row 0"):
        liked(torch.tensor(stars))


def test_a_fit_that_fails_leaves_no_ratings_to_predict_from(split):
    class Failing(GlobalMean):
        def _fit(self, ratings):
            raise ArithmeticError("on purpose")

    model = Failing(*SIZES)
    with pytest.raises(ArithmeticError, match="on purpose"):
        model.fit(split[0])
    with pytest.raises(RuntimeError, match="call fit first"):
        model.predict(split[0].users, split[0].items)
