"""Batches of sequences: of several lengths, padded; or of one long stream, cut into segments."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_sequence

__all__ = ["Padded", "Segment", "SequenceBatches", "StreamBatches", "pad"]


@dataclass(frozen=True)
class Padded:
    """Sequences of several lengths in one tensor.

    Attributes
    ----------
    values : Tensor, shape (N, longest, ...)
        Behind its end each sequence has zeros.
    lengths : Tensor, shape (N,), int64
        On the CPU, where torch wants them.
    """

    values: Tensor
    lengths: Tensor

    def __len__(self) -> int:
        """How many sequences."""
        return len(self.lengths)

    @property
    def mask(self) -> Tensor:
        """Where there is a value and no padding: shape (N, longest), bool."""
        places = torch.arange(self.values.shape[1])
        return (places < self.lengths[:, None]).to(self.values.device)

    def packed(self) -> PackedSequence:
        """The form that torch's recurrent layers take, which leaves the padding out."""
        return pack_padded_sequence(
            self.values, self.lengths, batch_first=True, enforce_sorted=False
        )


def pad(sequences: Sequence[Tensor]) -> Padded:
    """Put sequences of shape (length, ...) side by side, each at least of length 1.

    Raises
    ------
    ValueError
        If there is none, or one is empty.
    """
    lengths = [len(sequence) for sequence in sequences]
    if not lengths or min(lengths) < 1:
        raise ValueError(f"expected at least 1 sequence, none of them empty, got lengths {lengths}")
    return Padded(pad_sequence(list(sequences), batch_first=True), torch.tensor(lengths))


class SequenceBatches:
    """Minibatches of sequences of several lengths, each epoch in a new order.

    Parameters
    ----------
    sequences : sequence of Tensor, shape (length, ...)
    targets : Tensor, shape (examples, ...), or sequence of Tensor, optional
        Sequences of targets are padded like the inputs.
    batch_size : int
    similar : bool
        Put sequences of nearly the same length into a batch, so that little is padding: 50
        batches at a time are drawn at random, sorted by length, cut, and shuffled.
    generator : torch.Generator, optional
        A CPU generator; the global one if not given.

    Raises
    ------
    ValueError
        If sizes do not fit, there is no sequence or one is empty.
    """

    def __init__(
        self,
        sequences: Sequence[Tensor],
        targets: Tensor | Sequence[Tensor] | None = None,
        *,
        batch_size: int,
        similar: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"expected a batch size of at least 1, got {batch_size}")
        pad(sequences)
        if targets is not None and len(targets) != len(sequences):
            raise ValueError(f"expected {len(sequences)} targets, got {len(targets)}")
        self.sequences, self.targets = sequences, targets
        self.batch_size, self.similar, self.generator = batch_size, similar, generator

    def __len__(self) -> int:
        """How many minibatches an epoch has."""
        return math.ceil(len(self.sequences) / self.batch_size)

    def __iter__(self) -> Iterator["Padded | tuple[Padded, Padded | Tensor]"]:
        """``Padded`` inputs, and with targets a pair of these and the targets."""
        order = torch.randperm(len(self.sequences), generator=self.generator)
        for rows in self._alike(order) if self.similar else order.split(self.batch_size):
            inputs = pad([self.sequences[i] for i in rows.tolist()])
            if self.targets is None:
                yield inputs
            elif isinstance(self.targets, Tensor):
                yield inputs, self.targets[rows.to(self.targets.device)]
            else:
                yield inputs, pad([self.targets[i] for i in rows.tolist()])

    def _alike(self, order: Tensor) -> Iterator[Tensor]:
        for pool in order.split(50 * self.batch_size):
            lengths = torch.tensor([len(self.sequences[i]) for i in pool.tolist()])
            batches = pool[lengths.argsort(stable=True)].split(self.batch_size)
            for i in torch.randperm(len(batches), generator=self.generator).tolist():
                yield batches[i]


@dataclass(frozen=True)
class Segment:
    """A piece of every strand of a stream, and what comes next at each place.

    Attributes
    ----------
    inputs, targets : Tensor, shape (strands, length, ...)
    first : bool
        Whether an epoch begins here, and a carried state starts anew.
    """

    inputs: Tensor
    targets: Tensor
    first: bool

    def __len__(self) -> int:
        """How many places are predicted."""
        return self.inputs.shape[0] * self.inputs.shape[1]


class StreamBatches:
    """One long sequence in equal strands, which are read side by side, segment by segment.

    A strand goes on in the next batch where it ended in the last one, so that a recurrent
    network can carry its state (``CarriedState``). What does not fill a strand is left out.

    Parameters
    ----------
    stream : Tensor, shape (length, ...)
    batch_size : int
        How many strands.
    length : int
        Of a segment; the last one is shorter where they don't divide.

    Raises
    ------
    ValueError
        If a size is less than 1, or the stream has no two places for each strand.
    """

    def __init__(self, stream: Tensor, *, batch_size: int, length: int) -> None:
        if batch_size < 1 or length < 1:
            raise ValueError(
                f"expected a batch size and a length of at least 1, got {batch_size} and {length}"
            )
        each = (len(stream) - 1) // batch_size
        if each < 1:
            raise ValueError(
                f"expected a stream of at least {batch_size + 1} for {batch_size} strands, "
                f"got {len(stream)}"
            )
        self.length, shape = length, (batch_size, each, *stream.shape[1:])
        self.inputs = stream[: batch_size * each].reshape(shape)
        # the place after a strand's last one is the next strand's first
        self.targets = stream[1 : batch_size * each + 1].reshape(shape)

    def __len__(self) -> int:
        """How many segments an epoch has."""
        return math.ceil(self.inputs.shape[1] / self.length)

    def __iter__(self) -> Iterator[Segment]:
        """The segments in their order, the same in every epoch."""
        pairs = zip(
            self.inputs.split(self.length, 1), self.targets.split(self.length, 1), strict=True
        )
        for i, (inputs, targets) in enumerate(pairs):
            yield Segment(inputs, targets, i == 0)
