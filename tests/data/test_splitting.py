import hashlib
from itertools import chain

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.data import every_fifth, split
from deepbook.data.splitting import rows_by_class

targets = st.lists(st.integers(-1, 3), max_size=80).map(lambda t: torch.tensor(t).long())
shares = st.tuples(st.floats(0, 0.45), st.floats(0, 0.45))
seeds = st.integers(0, 10**6)


@st.composite
def grouped(draw):
    """Class and group of each row."""
    rows = draw(st.lists(st.tuples(st.integers(0, 2), st.integers(-5, 12)), min_size=1))
    return torch.tensor(rows).T


def lists(parts):
    return [part.tolist() for part in (parts.train, parts.validation, parts.test)]


def shares_of(parts):
    return [len(part) for part in (parts.train, parts.validation, parts.test)]


@given(targets, shares, seeds)
def test_the_parts_are_disjoint_complete_and_ascending(targets, shares, seed):
    validation, test = shares
    parts = split(targets, validation=validation, test=test, seed=seed)
    assert sorted(chain(*lists(parts))) == list(range(len(targets)))
    assert all(part == sorted(part) for part in lists(parts))
    assert {part.dtype for part in (parts.train, parts.validation, parts.test)} == {torch.int64}


@given(targets, shares, seeds)
def test_a_part_has_its_share_of_each_class_to_less_than_one_row(targets, shares, seed):
    validation, test = shares
    parts = split(targets, validation=validation, test=test, seed=seed)
    wanted = (1 - validation - test, validation, test)
    for rows in rows_by_class(targets):
        for part, share in zip(lists(parts), wanted, strict=True):
            got = len(set(part) & set(rows.tolist()))
            assert abs(got - share * len(rows)) < 1 + 1e-6


@given(targets, seeds, st.integers(0, 99))
def test_the_same_seed_gives_the_same_split_whatever_torch_has_drawn(targets, seed, other):
    one = split(targets, validation=0.1, seed=seed)
    torch.manual_seed(other)
    state = torch.get_rng_state()
    assert lists(split(targets, validation=0.1, seed=seed)) == lists(one)
    assert torch.equal(torch.get_rng_state(), state)  # and draws nothing from it


def test_another_seed_gives_another_split():
    assert lists(split(100, seed=0)) != lists(split(100, seed=1))


@given(grouped(), seeds | st.none())
def test_rows_of_a_group_stay_together(rows, seed):
    targets, groups = rows
    parts = lists(split(targets, groups=groups, validation=0.2, test=0.2, seed=seed))
    assert sorted(chain(*parts)) == list(range(len(targets)))
    seen = [set(groups[part].tolist()) for part in parts]
    assert sum(map(len, seen)) == len(set(groups.tolist()))


@given(targets, shares, seeds)
def test_groups_of_one_row_are_split_like_rows(targets, shares, seed):
    validation, test = shares
    alone = split(targets, validation=validation, test=test, seed=seed)
    names = torch.arange(len(targets)).flip(0)
    grouped = split(targets, validation=validation, test=test, seed=seed, groups=names)
    assert lists(grouped) == lists(alone)


def test_on_average_over_seeds_every_part_has_its_share_also_of_small_classes_and_large_groups():
    targets = torch.tensor([0, 0, 0, 1, 1])
    groups = torch.tensor([5, 5, 6, 7, 8])
    for options in ({}, {"groups": groups}):
        parts = [split(targets, validation=0.1, test=0.3, seed=s, **options) for s in range(2000)]
        counts = torch.tensor([shares_of(p) for p in parts]).double()
        # five standard errors
        error = 5 * counts.std(0) / len(parts) ** 0.5
        assert ((counts.mean(0) - torch.tensor([3.0, 0.5, 1.5])).abs() < error).all()


def test_a_group_counts_to_the_class_of_most_of_its_rows():
    # ten groups of each kind: a part has its share of each kind
    kinds = torch.tensor([[1, 0, 1, 1], [0, 0, 0, 1], [2, 2, 1, 0]])
    majority = torch.tensor([1, 0, 2])
    groups = torch.arange(30).repeat_interleave(4)
    for seed in range(5):
        parts = split(kinds.repeat(10, 1).flatten(), groups=groups, test=0.3, seed=seed)
        kind = majority.repeat(10)[groups[parts.test]]
        assert torch.equal(torch.bincount(kind), torch.tensor([12, 12, 12]))


@given(st.lists(st.integers(0, 4), max_size=120).map(lambda t: torch.tensor(t).long()))
def test_without_a_seed_each_fifth_row_of_a_class_is_held_out_and_then_of_the_rest(targets):
    held_out = torch.zeros(len(targets), dtype=torch.bool)
    for label in targets.unique():
        held_out[(targets == label).nonzero().squeeze(1)[4::5]] = True
    assert torch.equal(every_fifth(targets), held_out)
    parts = split(targets, validation=0.16, test=0.2, seed=None)
    rest = (~held_out).nonzero().squeeze(1)
    assert torch.equal(parts.test, held_out.nonzero().squeeze(1))
    assert torch.equal(parts.validation, rest[every_fifth(targets[rest])])
    assert torch.equal(parts.train, rest[~every_fifth(targets[rest])])


def digest(rows):
    return hashlib.sha256(str(rows.tolist()).encode()).hexdigest()[:16]


def test_the_books_digits_are_split_as_ever():
    # what pages measure hangs on these rows: they must never be others
    targets = torch.arange(10).repeat_interleave(500)
    parts = split(targets, validation=0.16, test=0.2, seed=None)
    assert shares_of(parts) == [3200, 800, 1000]
    assert [digest(part) for part in (parts.train, parts.validation, parts.test)] == [
        *["b2b4957ed71c1825", "559c7e57c54ee6ac", "ee5f8c6b93f7a026"]
    ]


def test_a_seeded_split_is_the_same_on_every_machine_and_with_every_version():
    targets = torch.arange(10).repeat_interleave(500)
    parts = split(targets, validation=0.1, test=0.2, seed=7)
    assert shares_of(parts) == [3500, 500, 1000]
    assert [digest(part) for part in (parts.train, parts.validation, parts.test)] == [
        *["5eff6ab6d3e29f8c", "a6a04d0f7cdf7f35", "2b38181606b65c70"]
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": torch.zeros(2, 1)}, r"expected targets of shape \(N,\), got \(2, 1\)"),
        ({"rows": 3, "groups": torch.zeros(2)}, r"a group for each of 3 rows, got shape \(2,\)"),
        ({"rows": 3, "test": 1.0}, "got 0.0 to validate and 1.0 to test"),
        ({"rows": 3, "validation": 0.6, "test": 0.4}, "leave something to train on"),
        ({"rows": 3, "test": -0.1}, "shares of 0 or more"),
        ({"rows": 3, "test": float("nan")}, "got 0.0 to validate and nan to test"),
        ({"rows": 3, "test": 0.3, "seed": None}, "each n-th of the rows .* got 0.3 of them"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        split(**arguments)
