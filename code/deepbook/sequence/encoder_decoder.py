"""Networks that read one sequence and write another (Goodfellow et al. 2016, section 10.4)."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from deepbook.sequence.attention_scores import AdditiveAttention, DotProductAttention
from deepbook.sequence.vocabulary import Vocabulary
from deepbook.training import Padded

__all__ = ["EncoderDecoder", "FixedContext", "Memory", "sequence_loss", "shifted"]


class Memory(NamedTuple):
    """What the encoder leaves for the decoder.

    Attributes
    ----------
    values : Tensor, shape (N, places, size)
    mask : Tensor of bool, shape (N, places)
        Where a symbol was read, and no padding.
    state : Tensor, shape (N, size)
        What the decoder begins with.
    """

    values: Tensor
    mask: Tensor
    state: Tensor


def shifted(targets: Tensor) -> Tensor:
    """What a decoder with teacher forcing reads: the beginning, then all targets but the last.

    Parameters
    ----------
    targets : Tensor of int64, shape (N, length)
    """
    begin = torch.full_like(targets[:, :1], Vocabulary.BEGIN)
    return torch.cat([begin, targets[:, :-1]], 1)


class FixedContext(nn.Module):
    """The same context at every step: the last state of each direction of the encoder.

    It stands where attention could stand, and takes the same arguments.
    """

    def forward(
        self, queries: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The context for each query, and weights that are 1 at the two places it is taken from."""
        half = memory.shape[-1] // 2
        if mask is None:
            mask = torch.ones(memory.shape[:2], dtype=torch.bool, device=memory.device)
        last = mask.sum(1) - 1
        rows = torch.arange(len(memory), device=memory.device)
        # forwards it has read all at the last place, backwards at the first
        context = torch.cat([memory[rows, last, :half], memory[:, 0, half:]], 1)
        weights = torch.zeros_like(mask, dtype=memory.dtype)
        weights[:, 0] = 0.5
        weights[rows, last] += 0.5
        count = queries.shape[1]
        return context[:, None].expand(-1, count, -1), weights[:, None].expand(-1, count, -1)


class EncoderDecoder(nn.Module):
    """A bidirectional GRU reads, another GRU writes, and a context tells it what was read.

    The state ``s_t`` of the decoder has read the output so far; the context ``c_t`` is a fixed
    vector (Goodfellow et al. 2016, section 10.4; Cho et al. 2014) or comes from attention with
    the query ``s_t`` (Luong et al. 2015). The next symbol has the probabilities
    ``softmax(V tanh(W [s_t, c_t]))``.

    Parameters
    ----------
    source_size, target_size : int
        Of the vocabularies, with padding, beginning and end.
    embedding_size : int
    hidden_size : int
        Of the decoder's state; even, since each direction of the encoder has half of it.
    context : {"fixed", "additive", "dot"}
    dropout : float
        In training, on embeddings and in front of the scores.
    generator : torch.Generator, optional
        For the initial weights; the global one if not given.

    Raises
    ------
    ValueError
        If ``hidden_size`` is odd or ``context`` is another word.
    """

    def __init__(
        self,
        source_size: int,
        target_size: int,
        embedding_size: int = 32,
        hidden_size: int = 64,
        *,
        context: str = "dot",
        dropout: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if hidden_size % 2 or hidden_size < 2:
            raise ValueError(f"expected an even hidden size, got {hidden_size}")
        self.read = nn.Embedding(source_size, embedding_size)
        self.encoder = nn.GRU(
            embedding_size, hidden_size // 2, batch_first=True, bidirectional=True
        )
        self.first_state = nn.Linear(hidden_size, hidden_size)
        self.written = nn.Embedding(target_size, embedding_size)
        self.decoder = nn.GRU(embedding_size, hidden_size, batch_first=True)
        self.context = _context(context, hidden_size)
        self.mix = nn.Linear(2 * hidden_size, hidden_size)
        # none for padding and beginning, which nobody writes
        self.logits = nn.Linear(hidden_size, target_size - Vocabulary.END)
        self.drop = nn.Dropout(dropout)
        if generator is not None:
            _draw(self, generator)

    def encode(self, source: Padded) -> Memory:
        """Read the sources: numbers of shape (N, longest), padded."""
        packed = pack_padded_sequence(
            self.drop(self.read(source.values)),
            source.lengths,
            batch_first=True,
            enforce_sorted=False,
        )
        states, last = self.encoder(packed)
        longest = source.values.shape[1]
        values, _ = pad_packed_sequence(states, batch_first=True, total_length=longest)
        # one direction ends at the last symbol, the other at the first
        both = torch.cat([last[0], last[1]], 1)
        return Memory(values, source.mask, torch.tanh(self.first_state(both)))

    def decode(self, memory: Memory, written: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of the next symbol behind each one that is written, and the context's weights.

        Parameters
        ----------
        memory : Memory
        written : Tensor of int64, shape (N, length)
            Begins with the beginning (``shifted``).

        Returns
        -------
        Tensor, shape (N, length, target_size), and Tensor, shape (N, length, places)
        """
        states, _ = self.decoder(self.drop(self.written(written)), memory.state[None].contiguous())
        return self._scores(states, memory)

    def forward(self, source: Padded, targets: Tensor) -> Tensor:
        """Scores of all targets by teacher forcing, shape (N, length, target_size).

        Parameters
        ----------
        source : Padded
        targets : Tensor of int64, shape (N, length)
            With the end's number behind each, and padding behind that. The network reads them
            shifted by one (Goodfellow et al. 2016, section 10.2.1).
        """
        return self.decode(self.encode(source), shifted(targets))[0]

    def step(self, written: Tensor, memory: Memory) -> tuple[Tensor, Memory, Tensor]:
        """One symbol more: what beam search asks for.

        Parameters
        ----------
        written : Tensor of int64, shape (N,)
            The last symbol of each output.
        memory : Memory
            Its ``state`` is that before this symbol.

        Returns
        -------
        Tensor, shape (N, target_size)
            Log-probabilities of the next symbol.
        Memory
            With the state behind this symbol.
        Tensor, shape (N, places)
            The context's weights.
        """
        state = memory.state[None].contiguous()
        states, last = self.decoder(self.written(written[:, None]), state)
        scores, weights = self._scores(states, memory)
        return scores[:, 0].log_softmax(-1), memory._replace(state=last[0]), weights[:, 0]

    def _scores(self, states: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        contexts, weights = self.context(states, memory.values, memory.mask)
        mixed = torch.tanh(self.mix(torch.cat([states, contexts], -1)))
        return never_written(self.logits(self.drop(mixed))), weights

    def log_probability(self, source: Padded, targets: Tensor) -> Tensor:
        """Of each output, its end included: nats, shape (N,).

        Parameters
        ----------
        targets : Tensor of int64, shape (N, length)
            As for ``forward``. An output without an end has the probability of all that begin
            so.
        """
        chosen = self(source, targets).log_softmax(-1).gather(-1, targets[..., None])[..., 0]
        return torch.where(targets != Vocabulary.PAD, chosen, 0.0).sum(1)


def sequence_loss(scores: Tensor, targets: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Mean cross-entropy of a symbol, in nats; padding does not count.

    Parameters
    ----------
    scores : Tensor, shape (N, length, target_size)
    targets : Tensor of int64, shape (N, length)
    smoothing : float
        Of the labels (Goodfellow et al. 2016, section 7.5.1).
    """
    # without the two that are never written, whose scores are minus infinity
    first = Vocabulary.END
    return nn.functional.cross_entropy(
        scores[..., first:].flatten(0, 1),
        targets.flatten() - first,
        ignore_index=Vocabulary.PAD - first,
        label_smoothing=smoothing,
    )


def never_written(scores: Tensor) -> Tensor:
    """Scores with minus infinity in front, for padding and beginning."""
    return nn.functional.pad(scores, (Vocabulary.END, 0), value=-math.inf)


def _context(kind: str, size: int) -> nn.Module:
    if kind == "fixed":
        return FixedContext()
    if kind == "additive":
        return AdditiveAttention(size, size, size)
    if kind == "dot":
        return DotProductAttention(size, size)
    raise ValueError(f"expected a context fixed, additive or dot, got {kind!r}")


def _draw(model: nn.Module, generator: torch.Generator) -> None:
    """Weights as torch's layers have them, by a generator of one's own."""
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, generator=generator)
        elif isinstance(module, nn.Linear | nn.GRU):
            size = module.in_features if isinstance(module, nn.Linear) else module.hidden_size
            for parameter in module.parameters():
                nn.init.uniform_(parameter, -(size**-0.5), size**-0.5, generator=generator)
