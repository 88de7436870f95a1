import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.training import Minibatches, minibatches


def seeded(n):
    return torch.Generator().manual_seed(n)


@given(examples=st.integers(1, 200), batch_size=st.integers(1, 250), seed=st.integers(0, 99))
def test_minibatches_visit_every_example_once(examples, batch_size, seed):
    batches = list(minibatches(examples, batch_size, generator=seeded(seed)))
    assert sorted(torch.cat(batches).tolist()) == list(range(examples))
    *full, last = [len(batch) for batch in batches]
    assert all(size == batch_size for size in full)
    assert 1 <= last <= batch_size


def test_minibatches_come_in_a_new_order_each_time():
    generator = seeded(0)
    first, second = (torch.cat([*minibatches(100, 7, generator=generator)]) for _ in range(2))
    assert not torch.equal(first, second)
    assert torch.equal(first, torch.cat([*minibatches(100, 7, generator=seeded(0))]))


@pytest.mark.parametrize(
    ("examples", "batch_size", "message"),
    [(5, 0, "batch size of at least 1, got 0"), (0, 5, "at least 1 example, got 0")],
)
def test_minibatches_refuse_sizes_below_one(examples, batch_size, message):
    with pytest.raises(ValueError, match=message):
        next(minibatches(examples, batch_size))


@given(examples=st.integers(1, 60), batch_size=st.integers(1, 70), seed=st.integers(0, 9))
def test_rows_of_all_tensors_stay_together(examples, batch_size, seed):
    numbers = torch.arange(examples)
    batches = Minibatches(numbers, -numbers[:, None], batch_size=batch_size, generator=seeded(seed))
    pairs = list(batches)
    assert len(pairs) == len(batches)
    assert all(torch.equal(x, -y[:, 0]) for x, y in pairs)
    by_index = minibatches(examples, batch_size, generator=seeded(seed))
    assert all(torch.equal(x, rows) for (x, _), rows in zip(pairs, by_index, strict=True))


def test_one_tensor_alone_comes_as_a_tensor():
    (batch,) = Minibatches(torch.zeros(3, 2), batch_size=5)
    assert batch.shape == (3, 2)


def test_augmentation_is_new_in_every_epoch():
    noise = seeded(1)
    batches = Minibatches(
        torch.zeros(4, 2),
        torch.arange(4),
        batch_size=4,
        augment=lambda x, y: (x + torch.rand(x.shape, generator=noise), y),
    )
    first, _ = next(iter(batches))
    second, places = next(iter(batches))
    assert first.all()
    assert not torch.equal(first, second)
    assert sorted(places.tolist()) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("tensors", "size", "message"),
    [
        ([], 1, "at least 1 tensor"),
        ([torch.zeros(2), torch.zeros(3)], 1, r"one length, got lengths \[2, 3\]"),
        ([torch.zeros(0)], 1, "at least 1 example"),
        ([torch.zeros(2)], 0, "batch size of at least 1, got 0"),
    ],
)
def test_tensors_that_make_no_batches_are_refused(tensors, size, message):
    with pytest.raises(ValueError, match=message):
        Minibatches(*tensors, batch_size=size)
