from dataclasses import replace
from math import inf, log, sqrt

import pytest
import torch

from deepbook.data.movielens import Ratings
from deepbook.recommenders import (
    like_error,
    like_scores,
    log_loss,
    mean_distance,
    rmse,
    star_scores,
)

# user 7 has three ratings, user 2 has one
USERS = torch.tensor([7, 2, 7, 7])
STARS = torch.tensor([5, 1, 3, 4])
PREDICTED = torch.tensor([4.0, 4.0, 3.0, 2.0])
TEST = Ratings(USERS, torch.arange(4), STARS, torch.zeros(4, dtype=torch.int64))


def test_errors_over_ratings_and_over_users_by_hand():
    assert rmse(PREDICTED, STARS) == pytest.approx(sqrt((1 + 9 + 0 + 4) / 4))
    assert rmse(PREDICTED, STARS, USERS) == pytest.approx((3 + sqrt(5 / 3)) / 2)
    assert mean_distance(PREDICTED, STARS) == pytest.approx(6 / 4)
    assert mean_distance(PREDICTED, STARS, USERS) == pytest.approx((3 + 3 / 3) / 2)


def test_star_scores_are_the_four_errors():
    scores = star_scores(PREDICTED, TEST)
    assert scores.rmse == rmse(PREDICTED, STARS)
    assert scores.mean_distance == mean_distance(PREDICTED, STARS)
    assert scores.rmse_by_user == rmse(PREDICTED, STARS, USERS)
    assert scores.mean_distance_by_user == mean_distance(PREDICTED, STARS, USERS)


def test_like_scores_by_hand():
    probability = torch.tensor([0.5, 0.5, 0.4, 0.9])
    likes = torch.tensor([1.0, 0.0, 1.0, 1.0])
    assert like_error(probability, likes) == 2 / 4
    assert like_error(probability, likes, USERS) == pytest.approx((1 + 1 / 3) / 2)
    losses = [-log(0.5), -log(0.5), -log(0.4), -log(0.9)]
    assert log_loss(probability, likes) == pytest.approx(sum(losses) / 4)
    by_user = (losses[1] + (losses[0] + losses[2] + losses[3]) / 3) / 2
    assert log_loss(probability, likes, USERS) == pytest.approx(by_user)
    scores = like_scores(probability, TEST)
    assert (scores.error, scores.log_loss) == (2 / 4, pytest.approx(sum(losses) / 4))
    assert scores.error_by_user == like_error(probability, likes, USERS)
    assert scores.log_loss_by_user == log_loss(probability, likes, USERS)


def test_a_sure_answer_that_is_wrong_costs_infinity():
    assert log_loss(torch.tensor([1.0, 1.0]), torch.tensor([1.0, 0.0])) == inf
    assert log_loss(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.0])) == 0


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match=r"\(3,\) and \(4,\)"):
        rmse(PREDICTED[:3], STARS)
    with pytest.raises(ValueError, match="at least 1 rating"):
        mean_distance(PREDICTED[:0], STARS[:0])
    with pytest.raises(ValueError, match="finite predictions"):
        rmse(torch.tensor([1.0, torch.nan, 1.0, 1.0]), STARS)
    with pytest.raises(ValueError, match="a user for each of 4 ratings"):
        rmse(PREDICTED, STARS, USERS[:2])
    with pytest.raises(ValueError, match=r"probabilities, got values from 2.0 to 4.0"):
        like_error(PREDICTED, (STARS >= 3).float())


@pytest.mark.parametrize(
    ("stars", "error", "message"),
    [
        ([5, 1, 3, torch.nan], ValueError, "1, 2, 3, 4 or 5 stars, got nan in row 3; so 1 of 4"),
        ([5, 0, 3, 4], ValueError, "got 0 in row 1; so 1 of 4 rows"),
        ([True] * 4, TypeError, "integer or floating dtype, got torch.bool"),
    ],
)
def test_stars_that_are_none_are_not_compared(stars, error, message):
    stars = torch.tensor(stars)
    for measure in (
        lambda: rmse(PREDICTED, stars),
        lambda: mean_distance(PREDICTED, stars),
        lambda: star_scores(PREDICTED, replace(TEST, stars=stars)),
        lambda: like_scores(PREDICTED / 5, replace(TEST, stars=stars)),
    ):
        with pytest.raises(error, match=message):
            measure()


def test_likes_are_zero_or_one_and_users_are_numbers_from_zero():
    probability = torch.tensor([0.5, 0.5, 0.4, 0.9])
    for likes in (STARS, torch.tensor([1.0, torch.nan, 0.0, 1.0])):
        for measure in (like_error, log_loss):
            with pytest.raises(ValueError, match="expected likes that are 0 or 1, got"):
                measure(probability, likes)
    assert like_error(probability, STARS >= 3) == 2 / 4
    with pytest.raises(TypeError, match=r"users as int64, got torch.float32"):
        rmse(PREDICTED, STARS, USERS.float())
    with pytest.raises(ValueError, match="users from 0 on, got -1 in row 1; so 1 of 4 rows"):
        rmse(PREDICTED, STARS, torch.tensor([7, -1, 7, 7]))
