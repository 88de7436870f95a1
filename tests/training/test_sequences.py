import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pad_packed_sequence

from deepbook.training import Padded, SequenceBatches, StreamBatches, pad


def seeded(n):
    return torch.Generator().manual_seed(n)


def sequences(lengths, width=2):
    """Sequence i holds i + 1 everywhere."""
    return [torch.full((length, width), i + 1.0) for i, length in enumerate(lengths)]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12))
def test_padding_keeps_every_value_and_the_mask_shows_where(lengths):
    padded = pad(sequences(lengths))
    assert padded.values.shape == (len(lengths), max(lengths), 2)
    assert len(padded) == len(lengths)
    assert padded.mask.sum(1).tolist() == lengths
    assert bool((padded.values[~padded.mask] == 0).all())
    for i, length in enumerate(lengths):
        assert bool((padded.values[i, :length] == i + 1).all())


def test_packed_is_what_torchs_recurrent_layers_take():
    padded = pad(sequences([3, 5, 1]))
    torch.manual_seed(0)
    rnn = nn.RNN(2, 4, batch_first=True)
    outputs, last = rnn(padded.packed())
    unpacked, lengths = pad_packed_sequence(outputs, batch_first=True)
    assert torch.equal(lengths, padded.lengths)
    for i, sequence in enumerate(sequences([3, 5, 1])):
        alone, final = rnn(sequence[None])
        torch.testing.assert_close(unpacked[i, : len(sequence)], alone[0])
        torch.testing.assert_close(last[0, i], final[0, 0])


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=80),
    st.integers(1, 20),
    st.booleans(),
    st.integers(0, 9),
)
def test_every_sequence_comes_once_an_epoch_with_its_target(lengths, size, similar, seed):
    batches = SequenceBatches(
        sequences(lengths),
        torch.arange(len(lengths)) + 1,
        batch_size=size,
        similar=similar,
        generator=seeded(seed),
    )
    seen = []
    pairs = list(batches)
    assert len(pairs) == len(batches)
    for inputs, targets in pairs:
        assert isinstance(inputs, Padded)
        assert torch.equal(inputs.values[:, 0, 0].long(), targets)
        assert [lengths[i - 1] for i in targets.tolist()] == inputs.lengths.tolist()
        seen += targets.tolist()
    assert sorted(seen) == list(range(1, len(lengths) + 1))


def test_batches_of_similar_lengths_hold_little_padding_and_change_with_the_epoch():
    lengths = torch.randint(1, 100, (600,), generator=seeded(0)).tolist()

    def share_of_padding(batches):
        padded = list(batches)
        return 1 - sum(lengths) / sum(p.mask.numel() for p in padded)

    data = sequences(lengths)
    alike = SequenceBatches(data, batch_size=20, generator=seeded(1))
    mixed = SequenceBatches(data, batch_size=20, similar=False, generator=seeded(1))
    assert share_of_padding(alike) < 0.06 < 0.3 < share_of_padding(mixed)
    first, second = ([p.values[:, 0, 0].tolist() for p in alike] for _ in range(2))
    assert first != second


def test_sequences_of_targets_are_padded_like_the_inputs():
    data = sequences([2, 4, 3])
    ((inputs, targets),) = SequenceBatches(data, data, batch_size=3)
    assert torch.equal(inputs.values, targets.values)
    assert torch.equal(inputs.lengths, targets.lengths)


@given(st.integers(2, 60), st.integers(1, 5), st.integers(1, 9))
def test_a_stream_goes_on_where_it_ended_and_every_target_is_the_next_place(size, strands, length):
    stream = torch.arange(size)
    if size - 1 < strands:
        with pytest.raises(ValueError, match=f"at least {strands + 1} for {strands} strands"):
            StreamBatches(stream, batch_size=strands, length=length)
        return
    batches = StreamBatches(stream, batch_size=strands, length=length)
    segments = list(batches)
    assert len(segments) == len(batches)
    assert [s.first for s in segments] == [True] + [False] * (len(segments) - 1)
    inputs = torch.cat([s.inputs for s in segments], 1)
    targets = torch.cat([s.targets for s in segments], 1)
    assert torch.equal(targets, inputs + 1)
    assert torch.equal(inputs.flatten(), torch.arange(inputs.numel()))
    assert inputs.numel() > size - 1 - strands
    assert sum(len(s) for s in segments) == inputs.numel()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pad([]), r"none of them empty, got lengths \[\]"),
        (lambda: pad(sequences([2, 0])), r"got lengths \[2, 0\]"),
        (lambda: SequenceBatches(sequences([2]), batch_size=0), "batch size of at least 1"),
        (
            lambda: SequenceBatches(sequences([2]), torch.zeros(2), batch_size=1),
            "expected 1 targets, got 2",
        ),
        (
            lambda: StreamBatches(torch.zeros(9), batch_size=0, length=2),
            "at least 1, got 0 and 2",
        ),
    ],
)
def test_sizes_that_do_not_fit_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
