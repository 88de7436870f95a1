from math import log2

import pytest
import torch

from deepbook.data.movielens import Ratings
from deepbook.recommenders import LeakError, Popularity, Recommender, ranking_scores


def ratings_of(rows):
    users, items, stars = torch.tensor(rows).T
    return Ratings(users, items, stars, torch.zeros_like(users))


class ByNumber(Recommender):
    """Prefers film 0 to 1 to 2 and so on."""

    def _fit(self, ratings):
        pass

    def _predict(self, users, items):
        return -items.float()


TRAIN = ratings_of([(0, 0, 5), (1, 1, 5), (2, 2, 5)])
# user 0 likes films 2 and 5 and dislikes 1; user 1 likes 0; user 2 likes nothing
TEST = ratings_of([(0, 2, 4), (0, 5, 5), (0, 1, 1), (1, 0, 4), (1, 4, 3), (2, 0, 2)])


def test_two_places_among_unseen_films_by_hand():
    # user 0 gets films 1 and 2 (0 was seen), user 1 gets films 0 and 2
    scores = ranking_scores(ByNumber(3, 6).fit(TRAIN), TEST, length=2)
    assert (scores.users, scores.length) == (2, 2)
    assert scores.precision == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert scores.recall == pytest.approx((1 / 2 + 1) / 2)
    ideal = 1 + 1 / log2(3)
    assert scores.ndcg == pytest.approx((1 / log2(3) / ideal + 1) / 2)


def test_among_tested_films_the_unseen_do_not_matter():
    # user 0 has films 1, 2, 5 in this order, user 1 has 0 and 4
    scores = ranking_scores(ByNumber(3, 6).fit(TRAIN), TEST, length=3, candidates="tested")
    assert scores.precision == pytest.approx((2 / 3 + 1 / 3) / 2)
    assert scores.recall == 1
    ideal = 1 + 1 / log2(3)
    assert scores.ndcg == pytest.approx(((1 / log2(3) + 1 / log2(4)) / ideal + 1) / 2)


def test_fewer_candidates_than_places_leave_places_empty():
    scores = ranking_scores(ByNumber(3, 6).fit(TRAIN), TEST, candidates="tested")
    assert scores.precision == pytest.approx((2 / 10 + 1 / 10) / 2)


def test_what_is_relevant_is_a_choice():
    scores = ranking_scores(ByNumber(3, 6).fit(TRAIN), TEST, relevant_from=2, length=1)
    assert scores.users == 3


def test_the_best_order_scores_one():
    class Best(ByNumber):
        def _predict(self, users, items):
            return ((users == 0) & ((items == 2) | (items == 5))).float()

    test = ratings_of([(0, 2, 4), (0, 5, 5)])
    scores = ranking_scores(Best(3, 6).fit(TRAIN), test, length=2)
    assert (scores.precision, scores.recall) == (1, 1)
    assert scores.ndcg == pytest.approx(1)


def test_popularity_counts_ratings_and_recommends_nothing_seen():
    train = ratings_of([(0, 0, 5), (1, 0, 1), (1, 3, 1), (2, 0, 5), (2, 3, 5)])
    model = Popularity(3, 6).fit(train)
    assert model.predict(torch.tensor([0, 0, 0]), torch.tensor([0, 3, 5])).tolist() == [3, 2, 0]
    scores = ranking_scores(model, ratings_of([(0, 3, 5)]), length=1)
    assert scores.precision == 1


def test_a_leak_stops_the_ranking():
    with pytest.raises(LeakError):
        ranking_scores(ByNumber(3, 6).fit(TRAIN), TRAIN)


def test_errors_say_what_was_expected():
    model = ByNumber(3, 6).fit(TRAIN)
    with pytest.raises(ValueError, match='"unseen" or "tested", got \'all\''):
        ranking_scores(model, TEST, candidates="all")
    with pytest.raises(ValueError, match="a user with a film of 6 stars"):
        ranking_scores(model, TEST, relevant_from=6)
    with pytest.raises(RuntimeError, match="call fit first"):
        ranking_scores(ByNumber(3, 6), TEST)
