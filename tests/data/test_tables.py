import gzip

import pytest
import torch

from deepbook.data import adult, fetched, titanic
from deepbook.data.tables import read_table

CSV = """"age","kind","seen","class"
1.5,"a, b",yes, no
?, c , ?, yes
,"?d",no, no
"""


def test_a_table_knows_numbers_from_categories_and_both_from_gaps():
    table = read_table(CSV, numbers=["age"], categories=["kind", "seen"], target="class")
    assert table.names == ("age", "kind", "seen")
    torch.testing.assert_close(
        table["age"], torch.tensor([1.5, float("nan"), float("nan")]), equal_nan=True
    )
    assert table.levels == (("?d", "a, b", "c"), ("no", "yes"))
    assert table["kind"].tolist() == [1, 2, 0]
    assert table["seen"].tolist() == [1, -1, 0]
    assert table.missing.tolist() == [[0, 0, 0], [1, 0, 1], [1, 0, 0]]
    assert table.class_names == ("no", "yes")
    assert table.targets.tolist() == [0, 1, 0]
    assert (table.numbers.dtype, table.categories.dtype) == (torch.float32, torch.int64)


def test_a_column_that_is_not_there_is_refused():
    table = read_table(CSV, numbers=["age"], categories=["kind"], target="class")
    with pytest.raises(KeyError, match="one of the columns age, kind; got 'seen'"):
        table["seen"]


ADULT = """age education-num capital-gain capital-loss hours-per-week workclass education
marital-status occupation relationship race gender native-country income""".split()


def test_the_rows_of_adult_are_split_class_by_class(carried):
    rows = [f"{n}" + ", x" * 12 + (", >50K" if n % 2 else ", <=50K") for n in range(20)]
    rows = [row.replace(", x, x, x, x", ",1,2,3,4", 1) for row in rows]
    carried("adult", gzip.compress("\n".join([",".join(ADULT), *rows]).encode()))
    data = adult()
    assert data.train.class_names == ("<=50K", ">50K")
    assert torch.bincount(data.train.targets).tolist() == [8, 8]
    assert torch.bincount(data.test.targets).tolist() == [2, 2]
    ages = torch.cat([data.train["age"], data.test["age"]])
    assert ages.sort().values.tolist() == list(range(20))
    assert torch.equal(data.test["age"] % 2, data.test.targets.float())
    assert "adult" in fetched()


TITANIC = "pclass survived name sex age sibsp parch ticket fare cabin embarked boat body home.dest"


def test_who_stood_on_one_ticket_on_the_titanic_is_in_one_part(carried):
    rows = [f'1,{n % 2},"A, {n}",male,{n},0,0,T{n // 3},?,?,S,?,?,?' for n in range(60)]
    carried("titanic", "\n".join([TITANIC.replace(" ", ","), *rows]).encode())
    data = titanic()
    train, test = (set(part["ticket"].tolist()) for part in (data.train, data.test))
    assert not train & test
    assert len(train | test) == 20
    assert data.train.class_names == ("died", "survived")
    assert torch.equal(data.train["age"] % 2, data.train.targets.float())
    assert data.train["fare"].isnan().all()


def whole(data, what):
    return torch.cat([what(data.train), what(data.test)])


def test_the_real_adult_is_as_the_docstring_says(in_cache):
    in_cache("adult")
    data = adult()
    assert (len(data.train), len(data.test)) == (26_049, 6_512)
    missing = whole(data, lambda part: part.missing)
    assert missing.any(1).sum() == 2_399
    gaps = [name for name, any_ in zip(data.train.names, missing.any(0), strict=True) if any_]
    assert gaps == ["workclass", "occupation", "native-country"]
    assert whole(data, lambda part: part.targets).double().mean() == pytest.approx(0.24, abs=0.005)
    assert data.train["age"].min() == 17


def test_the_real_titanic_is_as_the_docstring_says(in_cache):
    in_cache("titanic")
    data = titanic()
    assert (len(data.train), len(data.test)) == (1_046, 263)
    assert whole(data, lambda part: part.targets).double().mean() == pytest.approx(0.38, abs=0.005)
    gaps = whole(data, lambda part: part.missing).sum(0)
    known = dict(zip(data.train.names, gaps.tolist(), strict=True))
    assert (known["age"], known["fare"], known["embarked"], known["sex"]) == (263, 1, 2, 0)
    # whoever was taken into a boat mostly survived, whose body was found did not
    assert data.train.targets[data.train["boat"] >= 0].double().mean() > 0.95
    assert data.train.targets[~data.train["body"].isnan()].sum() == 0
    tickets, fate = data.train["ticket"], data.train.targets
    pair = (tickets[:, None] == tickets).triu(1)
    same = (fate[:, None] == fate)[pair].double().mean()
    share = fate.double().mean()
    assert same == pytest.approx(0.77, abs=0.005)
    assert share**2 + (1 - share) ** 2 == pytest.approx(0.53, abs=0.005)
