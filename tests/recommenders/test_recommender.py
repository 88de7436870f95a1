import pytest
import torch

from deepbook.data.movielens import Ratings
from deepbook.recommenders import LIKED_FROM, BiasModel, GlobalMean, Recommender, liked


def ratings_of(users, items, stars):
    columns = [torch.tensor(column) for column in (users, items, stars)]
    return Ratings(*columns, torch.zeros(len(users), dtype=torch.int64))


def test_three_stars_and_more_are_liked():
    assert LIKED_FROM == 3
    assert liked(torch.tensor([1, 2, 3, 4, 5])).tolist() == [0, 0, 1, 1, 1]


def test_nothing_is_predicted_before_fit():
    with pytest.raises(RuntimeError, match="GlobalMean has seen no ratings: call fit first"):
        GlobalMean(2, 2).predict(torch.tensor([0]), torch.tensor([0]))


def test_a_recommender_remembers_what_it_has_seen(split):
    model = GlobalMean(60, 40)
    assert model.seen is None
    assert model.fit(split[0]).seen is split[0]


def test_the_table_holds_what_predict_says(split):
    model = BiasModel(60, 40).fit(split[0])
    users = torch.tensor([3, 59, 3])
    table = model.table(users)
    assert table.shape == (3, 40)
    items = torch.arange(40)
    torch.testing.assert_close(table[1], model.predict(torch.full((40,), 59), items))
    assert torch.equal(table[0], table[2])


def test_a_recommender_is_two_methods():
    class FirstStars(Recommender):
        def _fit(self, ratings):
            self.first = ratings.stars[0].float()

        def _predict(self, users, items):
            return self.first.expand(len(users))

    model = FirstStars(2, 3).fit(ratings_of([0], [1], [4]))
    assert model.predict(torch.tensor([1, 1]), torch.tensor([0, 2])).tolist() == [4.0, 4.0]


@pytest.mark.parametrize(
    ("users", "items", "stars", "message"),
    [
        ([0, 2], [0, 0], [3, 3], "users from 0 to 1, got 2 in row 1; so 1 of 2 rows"),
        ([0, 1], [0, 3], [3, 3], "items from 0 to 2, got 3 in row 1; so 1 of 2 rows"),
        ([-1], [0], [3], "users from 0 to 1, got -1 in row 0"),
        ([0], [0], [0], "1, 2, 3, 4 or 5 stars, got 0 in row 0"),
        ([0], [0], [6], "1, 2, 3, 4 or 5 stars, got 6 in row 0"),
    ],
)
def test_wrong_ratings_are_named(users, items, stars, message):
    with pytest.raises(ValueError, match=message):
        GlobalMean(2, 3).fit(ratings_of(users, items, stars))


def test_no_ratings_are_too_few():
    empty = torch.zeros(0, dtype=torch.int64)
    with pytest.raises(ValueError, match="at least 1 rating, got none"):
        GlobalMean(2, 3).fit(Ratings(empty, empty, empty, empty))


@pytest.mark.parametrize(("users", "items"), [(0, 3), (2, 0)])
def test_a_world_without_users_or_items_is_refused(users, items):
    with pytest.raises(ValueError, match="at least 1 user and 1 item"):
        GlobalMean(users, items)


def test_pairs_of_other_shapes_or_types_are_refused(split):
    model = GlobalMean(60, 40).fit(split[0])
    with pytest.raises(ValueError, match=r"users, items of one length.*\(2,\) and \(1,\)"):
        model.predict(torch.tensor([0, 1]), torch.tensor([0]))
    with pytest.raises(TypeError, match=r"items as int64, got torch.float32"):
        model.predict(torch.tensor([0]), torch.tensor([0.0]))
    assert model.predict(*torch.zeros(2, 0, dtype=torch.int64)).shape == (0,)
