"""Transformers: attention and small networks in turn, without recurrence (Vaswani et al. 2017)."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from deepbook.sequence.attention_scores import causal_mask
from deepbook.sequence.encoder_decoder import never_written, shifted
from deepbook.sequence.multi_head import MultiHeadAttention
from deepbook.sequence.positions import sinusoidal_positions
from deepbook.sequence.vocabulary import Vocabulary
from deepbook.training import Padded

__all__ = ["Transformer", "TransformerBlock", "TransformerMemory"]


class TransformerBlock(nn.Module):
    """Self-attention, then attention to another sequence if wanted, then a network at each place.

    Each of these sublayers is added to its input. With ``norm_first`` it sees the input
    normalised, ``x + f(norm(x))``; else the sum is normalised, ``norm(x + f(x))``, as in the
    paper. With the same weights it is torch's ``nn.TransformerEncoderLayer``, and with ``cross``
    its ``nn.TransformerDecoderLayer``.

    Parameters
    ----------
    size, heads : int
        As for ``MultiHeadAttention``.
    hidden_size : int
        Of the network at each place, with ReLU.
    cross : bool
        Whether there is attention to a memory.
    norm_first : bool
    dropout : float
        In training, on what each sublayer adds.
    """

    def __init__(
        self,
        size: int,
        heads: int,
        hidden_size: int,
        *,
        cross: bool = False,
        norm_first: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.norm_first = norm_first
        self.attention = MultiHeadAttention(size, heads)
        self.cross = MultiHeadAttention(size, heads) if cross else None
        self.network = nn.Sequential(
            nn.Linear(size, hidden_size), nn.ReLU(), nn.Linear(hidden_size, size)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(size) for _ in range(3 if cross else 2))
        self.drop = nn.Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> Tensor:
        """The sequence with all that the sublayers added, shape of ``x``.

        Parameters
        ----------
        x : Tensor, shape (N, places, size)
        mask : Tensor of bool, optional
            Broadcasts to (N, places, places); true where a place may look.
        memory : Tensor, shape (N, read places, size), optional
            Needed if ``cross``, and only then.
        memory_mask : Tensor of bool, optional
            Broadcasts to (N, places, read places).

        Raises
        ------
        ValueError
            If there is a memory without ``cross``, or none with it.
        """
        if (self.cross is None) != (memory is None):
            wanted = "no memory" if self.cross is None else "a memory"
            raise ValueError(f"expected {wanted}, got {'none' if memory is None else 'one'}")
        sublayers: list[Callable[[Tensor], Tensor]] = [lambda x: self.attention(x, mask=mask)[0]]
        if self.cross is not None:
            cross = self.cross
            sublayers.append(lambda x: cross(x, memory, memory_mask)[0])
        sublayers.append(self.network)
        for norm, sublayer in zip(self.norms, sublayers, strict=True):
            if self.norm_first:
                x = x + self.drop(sublayer(norm(x)))
            else:
                x = norm(x + self.drop(sublayer(x)))
        return x


class TransformerMemory(NamedTuple):
    """What was read, and what was written so far.

    Attributes
    ----------
    values : Tensor, shape (N, places, size)
    mask : Tensor of bool, shape (N, places)
    written : Tensor of int64, shape (N, length)
    """

    values: Tensor
    mask: Tensor
    written: Tensor


class Transformer(nn.Module):
    """Reads one sequence and writes another, with attention in place of recurrence.

    It takes the same arguments as ``EncoderDecoder`` and gives the same.

    Parameters
    ----------
    source_size, target_size : int
        Of the vocabularies, with padding, beginning and end.
    size, heads, hidden_size : int
        Of its blocks.
    blocks : int
        Of the encoder, and of the decoder.
    positions : bool
        Whether each place's code is added to its symbol's. Without, order is seen by nobody but
        the causal mask.
    norm_first, dropout
        As for ``TransformerBlock``.
    generator : torch.Generator, optional
        For the initial weights; the global one if not given.
    """

    def __init__(
        self,
        source_size: int,
        target_size: int,
        *,
        size: int = 64,
        heads: int = 4,
        hidden_size: int = 128,
        blocks: int = 2,
        positions: bool = True,
        norm_first: bool = True,
        dropout: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.size, self.positions = size, positions
        self.read = nn.Embedding(source_size, size)
        self.written = nn.Embedding(target_size, size)

        def stack(cross: bool) -> nn.ModuleList:
            options = {"cross": cross, "norm_first": norm_first}
            return nn.ModuleList(
                TransformerBlock(size, heads, hidden_size, dropout=dropout, **options)
                for _ in range(blocks)
            )

        self.encoder, self.decoder = stack(False), stack(True)
        self.norms = nn.ModuleList(nn.LayerNorm(size) for _ in range(2))
        self.drop = nn.Dropout(dropout)
        # none for padding and beginning, which nobody writes
        self.logits = nn.Linear(size, target_size - Vocabulary.END)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight, generator=generator)
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=size**-0.5, generator=generator)

    def encode(self, source: Padded) -> TransformerMemory:
        """Read the sources: numbers of shape (N, longest), padded."""
        x = self._placed(self.read(source.values))
        for block in self.encoder:
            x = block(x, source.mask[:, None])
        nothing = source.values.new_zeros(len(source), 0)
        return TransformerMemory(self.norms[0](x), source.mask, nothing)

    def decode(self, memory: TransformerMemory, written: Tensor) -> Tensor:
        """Scores of the next symbol behind each one that is written.

        Parameters
        ----------
        memory : TransformerMemory
        written : Tensor of int64, shape (N, length)
            Begins with the beginning (``shifted``).

        Returns
        -------
        Tensor, shape (N, length, target_size)
        """
        x = self._placed(self.written(written))
        mask = causal_mask(written.shape[1], device=written.device)
        for block in self.decoder:
            x = block(x, mask, memory.values, memory.mask[:, None])
        return never_written(self.logits(self.norms[1](x)))

    def forward(self, source: Padded, targets: Tensor) -> Tensor:
        """Scores of all targets by teacher forcing; see ``EncoderDecoder.forward``."""
        return self.decode(self.encode(source), shifted(targets))

    def step(
        self, written: Tensor, memory: TransformerMemory
    ) -> tuple[Tensor, TransformerMemory, None]:
        """One symbol more, shape (N,): log-probabilities of the next one, what is written now.

        Nothing is kept but symbols: each step runs over all that is written. There are as many
        weights as blocks and heads, and none comes back.
        """
        memory = memory._replace(written=torch.cat([memory.written, written[:, None]], 1))
        return self.decode(memory, memory.written)[:, -1].log_softmax(-1), memory, None

    def _placed(self, embedded: Tensor) -> Tensor:
        """Embedded symbols with the codes of their places."""
        x = embedded * math.sqrt(self.size)
        if self.positions:
            codes = sinusoidal_positions(x.shape[1], self.size, dtype=x.dtype, device=x.device)
            x = x + codes
        placed: Tensor = self.drop(x)
        return placed
