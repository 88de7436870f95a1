import pytest
import torch

from deepbook.data import fetched, movielens100k


@pytest.fixture(scope="module")
def films():
    return movielens100k()


def test_the_counts_are_those_of_the_readme_of_the_data(films):
    ratings = films.ratings
    assert len(ratings) == 100_000
    assert (films.user_count, films.item_count) == (943, 1682)
    assert torch.equal(ratings.users.unique(), torch.arange(943))
    assert torch.equal(ratings.items.unique(), torch.arange(1682))
    assert torch.bincount(ratings.users).min() == 20


def test_the_stars_have_the_known_histogram(films):
    expected = [0, 6110, 11370, 27145, 34174, 21201]
    assert torch.bincount(films.ratings.stars).tolist() == expected


def test_every_column_is_int64_of_one_length(films):
    for column in films.ratings._columns():
        assert column.shape == (100_000,)
        assert column.dtype == torch.int64


def test_nobody_rated_a_film_twice(films):
    pairs = films.ratings.users * films.item_count + films.ratings.items
    assert len(pairs.unique()) == 100_000


def test_the_first_row_is_that_of_u_data(films):
    # u.data begins: 196 242 3 881250949
    first = [column[0].item() for column in films.ratings._columns()]
    assert first == [195, 241, 3, 881250949]


def test_the_times_lie_in_the_months_of_the_collection(films):
    seconds = films.ratings.timestamps
    assert seconds.min() >= 874627200  # 1997-09-19
    assert seconds.max() < 893462400  # 1998-04-25


def lines(ratings):
    """The file that mku.sh would write: sorted by user and item, numbered from 1."""
    order = (ratings.users * 2000 + ratings.items).argsort()
    columns = (ratings.users + 1, ratings.items + 1, ratings.stars, ratings.timestamps)
    rows = torch.stack(columns, 1)[order].tolist()
    return ["\t".join(map(str, row)) + "\n" for row in rows]


# Size, first and last line of the published files, read in public copies of ml-100k
@pytest.mark.parametrize(
    ("number", "size", "last"),
    [
        (1, 392_629, "462\t682\t5\t886365231\n"),
        (5, 397_397, "943\t1330\t3\t888692465\n"),
    ],
)
def test_a_fold_is_the_published_file(films, number, size, last):
    written = lines(films.fold(number)[1])
    assert sum(map(len, written)) == size
    assert written[-1] == last


def test_the_first_fold_has_its_known_users_and_films(films):
    _, test = films.fold(1)
    assert len(test.users.unique()) == 459
    assert len(test.items.unique()) == 1410
    assert test.users.max() == 461
    assert lines(test)[:2] == ["1\t6\t5\t887431973\n", "1\t10\t3\t875693118\n"]


def test_each_fold_is_80_to_20_and_its_parts_are_disjoint(films):
    for number in range(1, 6):
        train, test = films.fold(number)
        assert (len(train), len(test)) == (80_000, 20_000)
        assert not set(lines(train)) & set(lines(test))


def test_the_five_test_parts_cover_all_ratings(films):
    together = [line for number in range(1, 6) for line in lines(films.fold(number)[1])]
    assert sorted(together) == sorted(lines(films.ratings))


def test_a_fold_keeps_the_order_of_the_data(films):
    train, test = films.fold(2)
    assert torch.equal(test.timestamps, films.ratings.timestamps[20_000:40_000])
    assert torch.equal(train.timestamps[:20_000], films.ratings.timestamps[:20_000])
    assert torch.equal(train.timestamps[20_000:], films.ratings.timestamps[40_000:])


@pytest.mark.parametrize("number", [0, 6, "1"])
def test_a_fold_that_does_not_exist_is_refused(films, number):
    with pytest.raises(ValueError, match=f"expected a fold from 1 to 5, got {number!r}"):
        films.fold(number)


def test_items_have_their_title_year_and_genres(films):
    assert films.titles[0] == "Toy Story"
    assert films.years[0] == 1995
    assert films.genres[0] == ("Animation", "Children's", "Comedy")
    assert films.titles[1681] == "Scream of Stone (Schrei aus Stein)"
    assert len(films.titles) == len(films.years) == len(films.genres) == 1682


def test_star_wars_is_the_film_most_often_rated(films):
    # a well-known fact of the data: joins ratings to titles, so an index off by one fails
    item = torch.bincount(films.ratings.items).argmax()
    assert films.titles[item] == "Star Wars"
    assert torch.bincount(films.ratings.items).max() == 583


def test_the_two_slips_of_the_file_are_mended(films):
    assert (films.titles[266], films.years[266]) == ("unknown", None)
    assert films.titles[1411] == "Land Before Time III: The Time of the Great Giving"
    assert films.years[1411] == 1995


def test_every_film_but_the_unknown_one_has_a_year_and_every_film_a_genre(films):
    missing = [title for title, year in zip(films.titles, films.years, strict=True) if not year]
    assert missing == ["unknown"]
    assert all(1920 < year < 1999 for year in films.years if year)
    genres = {genre for kinds in films.genres for genre in kinds}
    assert len(genres) == 19
    assert "" not in genres


def test_ratings_move_to_a_device(films):
    moved = films.to("meta")
    assert moved.ratings.stars.device.type == "meta"
    assert moved.titles is films.titles


def test_the_licence_forbids_passing_on_and_the_citation_is_the_one_asked_for(films):
    assert "do not redistribute" in films.licence
    assert "The MovieLens Datasets: History and Context" in films.citation


def test_both_files_are_recorded_as_fetched(films):
    assert {"movielens-100k", "movielens-100k-items"} <= fetched().keys()
