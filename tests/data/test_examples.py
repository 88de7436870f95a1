import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.data import Examples, Sequences, Table, Texts, TrainAndTest, split

lengths = st.lists(st.integers(0, 5), max_size=12)


def make_texts(count):
    names = tuple(f"text {n}" for n in range(count))
    return Texts(names, torch.arange(count) % 3, ("a", "b", "c"))


def make_sequences(lengths):
    """Steps of two numbers, the first of which is the number of the sequence."""
    lengths = torch.tensor(lengths, dtype=torch.int64)
    owner = torch.arange(len(lengths)).repeat_interleave(lengths)
    values = torch.stack([owner, torch.arange(len(owner))], 1).float()
    return Sequences(values, lengths, torch.arange(len(lengths)) % 3, ("a", "b", "c"))


def make_table(count):
    row = torch.arange(count)
    return Table(
        torch.stack([row, -row], 1).float(),
        ("up", "down"),
        (row % 2)[:, None],
        ("parity",),
        (("even", "odd"),),
        row % 3,
        ("a", "b", "c"),
    )


MAKERS = [make_texts, lambda n: make_sequences([2] * n), make_table]


@pytest.mark.parametrize("make", MAKERS, ids=["texts", "sequences", "table"])
def test_rows_are_chosen_by_indices_or_by_a_mask_and_keep_what_is_theirs(make):
    data = make(7)
    mask = torch.tensor([True, False, False, True, False, True, False])
    for chosen in (data.rows(mask), data.rows(torch.tensor([0, 3, 5]))):
        assert len(chosen) == 3
        assert chosen.targets.tolist() == [0, 0, 2]
        assert chosen.class_names == data.class_names
    turned = data.rows(torch.tensor([5, 3, 3]))
    first = {Texts: lambda d: d[0], Table: lambda d: d["up"][0], Sequences: lambda d: d[0]}
    same = first[type(data)](turned), first[type(data)](data.rows(torch.tensor([5])))
    assert torch.equal(*same) if isinstance(same[0], torch.Tensor) else same[0] == same[1]
    assert len(data.rows(torch.tensor([], dtype=torch.int64))) == 0


@pytest.mark.parametrize("make", MAKERS, ids=["texts", "sequences", "table"])
def test_examples_are_split_by_the_books_rule(make):
    data = make(30)
    groups = torch.arange(30) // 2
    parts = split(data.targets, test=0.3, groups=groups, seed=4)
    fit, held_out = data.split(0.3, groups=groups, seed=4)
    assert repr(fit) == repr(data.rows(parts.train))
    assert torch.equal(held_out.targets, data.targets[parts.test])


@pytest.mark.parametrize("make", MAKERS, ids=["texts", "sequences", "table"])
def test_examples_move_to_a_device_with_all_their_tensors(make):
    both = TrainAndTest(make(4), make(2), "free", "nobody").to("meta")
    for part in (both.train, both.test):
        tensors = [value for value in vars(part).values() if isinstance(value, torch.Tensor)]
        assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert both.citation == "nobody"


@pytest.mark.parametrize("make", MAKERS, ids=["texts", "sequences", "table"])
def test_examples_show_themselves_in_a_few_lines(make):
    lines = repr(TrainAndTest(make(900), make(100), "free", "nobody")).splitlines()
    assert len(lines) <= 25
    assert max(map(len, lines)) < 100


def test_what_examples_have_in_common_leaves_the_rows_to_each_kind():
    with pytest.raises(NotImplementedError):
        Examples().rows(torch.tensor([0]))


# sequences


@given(lengths)
def test_each_sequence_has_its_own_steps(lengths):
    data = make_sequences(lengths)
    assert [len(sequence) for sequence in data] == lengths
    for number, sequence in enumerate(data):
        assert (sequence[:, 0] == number).all()
    assert torch.equal(torch.cat([*data, torch.zeros(0, 2)]), data.values)
    assert data.offsets.tolist() == [sum(lengths[:n]) for n in range(len(lengths) + 1)]


@given(lengths, st.randoms())
def test_chosen_sequences_are_the_sequences_of_before(lengths, random):
    data = make_sequences(lengths)
    order = [random.randrange(len(lengths)) for _ in lengths]
    chosen = data.rows(torch.tensor(order, dtype=torch.int64))
    for now, before in zip(chosen, order, strict=True):
        assert torch.equal(now, data[before])


@given(lengths.filter(len))
def test_padding_keeps_every_step_and_the_mask_says_where(lengths):
    data = make_sequences(lengths)
    padded, mask = data.padded()
    assert padded.shape == (len(lengths), max(lengths), 2)
    assert mask.dtype == torch.bool
    assert torch.equal(mask.sum(1), data.lengths)
    assert torch.equal(padded[mask], data.values)
    assert (padded[~mask] == 0).all()


def test_sequences_are_counted_from_behind_too_and_end():
    data = make_sequences([2, 1])
    assert torch.equal(data[-1], data[1])
    for number in (2, -3):
        with pytest.raises(IndexError, match=f"one of 2 sequences, got {number}"):
            data[number]


def test_sequences_may_be_of_single_numbers():
    data = Sequences(torch.arange(5), torch.tensor([2, 3]), torch.tensor([0, 1]), ("a", "b"))
    assert data[1].tolist() == [2, 3, 4]
    assert data.padded()[0].tolist() == [[0, 1, 0], [2, 3, 4]]


@pytest.mark.parametrize("lengths", [[1, 2], [2, 3], [5, -1]])
def test_lengths_that_do_not_fit_are_refused(lengths):
    with pytest.raises(ValueError, match=f"0 or more with the sum 4, got {sum(lengths)}"):
        Sequences(torch.zeros(4, 2), torch.tensor(lengths), torch.zeros(2), ("a",))


def test_nothing_cannot_be_padded():
    with pytest.raises(ValueError, match="at least 1 sequence to pad"):
        make_sequences([]).padded()


# what does not fit


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Texts(("a",), torch.zeros(2), ()), "a text for each of 2 targets, got 1"),
        (
            lambda: Sequences(torch.zeros(1), torch.tensor([1]), torch.zeros(2), ()),
            "a length for each of 2 targets, got 1",
        ),
        (
            lambda: Table(
                torch.zeros(1, 0), (), torch.zeros(2, 0).long(), (), (), torch.zeros(2), ()
            ),
            "a row of numbers for each of 2 targets, got 1",
        ),
        (
            lambda: Table(
                torch.zeros(2, 0), (), torch.zeros(1, 0).long(), (), (), torch.zeros(2), ()
            ),
            "a row of categories for each of 2 targets, got 1",
        ),
        (
            lambda: Table(
                torch.zeros(2, 1), (), torch.zeros(2, 0).long(), (), (), torch.zeros(2), ()
            ),
            "0 columns of numbers and 0 of categories",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
