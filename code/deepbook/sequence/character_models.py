"""Neural language models over symbols: recurrent, with a carried state, and a causal transformer.

Both read ``(inputs, state)`` and give ``(logits, state)``, so that one loss trains them, one
measure judges them and one function lets them write.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

__all__ = ["CharacterModel", "CharacterTransformer", "next_symbol_loss"]

CELLS: dict[str, Callable[..., nn.Module]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class CharacterModel(nn.Module):
    """A recurrent network that predicts the next symbol (Goodfellow et al. 2016, section 10.2.3).

    Parameters
    ----------
    symbols : int
        How many there are.
    hidden_size : int
    embedding_size : int, optional
        Numbers for each symbol that is read; 32 if not given.
    cell : {"gru", "lstm", "rnn"}
    layers : int
        Recurrent ones, one above the other.

    Raises
    ------
    ValueError
        If a size is less than 1, or the cell is another.
    """

    def __init__(
        self,
        symbols: int,
        hidden_size: int,
        *,
        embedding_size: int = 32,
        cell: str = "gru",
        layers: int = 1,
    ) -> None:
        super().__init__()
        if min(symbols, hidden_size, embedding_size, layers) < 1:
            raise ValueError(
                "expected sizes of at least 1, "
                f"got {symbols}, {hidden_size}, {embedding_size} and {layers}"
            )
        if cell not in CELLS:
            raise ValueError(f"expected a cell among {', '.join(CELLS)}, got {cell!r}")
        self.symbols = symbols
        self.embedding = nn.Embedding(symbols, embedding_size)
        self.recurrent = CELLS[cell](embedding_size, hidden_size, layers, batch_first=True)
        self.output = nn.Linear(hidden_size, symbols)

    def forward(self, inputs: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Logits of the symbol after each place.

        Parameters
        ----------
        inputs : Tensor of int64, shape (N, T)
        state : optional
            What the last call gave, as torch's layer has it; zeros if not given.

        Returns
        -------
        logits : Tensor, shape (N, T, symbols)
        state
        """
        hidden, state = self.recurrent(self.embedding(inputs), state)
        return self.output(hidden), state


class CharacterTransformer(nn.Module):
    """A small causal transformer that predicts the next symbol (Vaswani et al. 2017).

    torch's ``TransformerEncoderLayer`` with the norm before each part, a mask that shows each
    place nothing but itself and what came before, and learned positions. Its state is the symbols
    that it has read last, half a context at most.

    Parameters
    ----------
    symbols : int
    width : int
        Numbers for each place; a multiple of ``heads``.
    heads, layers : int
    context : int
        The most symbols that are read at once, at least 2.
    causal : bool
        Without the mask each place sees the symbol that it should predict.

    Raises
    ------
    ValueError
        If a size is too small, or ``heads`` does not divide the width.
    """

    def __init__(
        self,
        symbols: int,
        width: int,
        *,
        heads: int = 4,
        layers: int = 2,
        context: int = 128,
        causal: bool = True,
    ) -> None:
        super().__init__()
        if min(symbols, width, heads, layers) < 1 or context < 2 or width % heads:
            raise ValueError(
                "expected sizes of at least 1, a width that the heads divide and a context of at "
                f"least 2, got {symbols} symbols, {width}, {heads}, {layers} and {context}"
            )
        self.symbols, self.context, self.causal = symbols, context, causal
        self.embedding = nn.Embedding(symbols, width)
        self.position = nn.Parameter(0.02 * torch.randn(context, width))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, 4 * width, 0.0, batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, symbols)
        nn.init.normal_(self.embedding.weight, std=0.02)

    def forward(self, inputs: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits of the symbol after each place.

        Parameters
        ----------
        inputs : Tensor of int64, shape (N, T)
        state : Tensor of int64, shape (N, S), optional
            Symbols before them, what the last call gave. T + S is at most the context.

        Returns
        -------
        logits : Tensor, shape (N, T, symbols)
        state : Tensor of int64, shape (N, at most context // 2)

        Raises
        ------
        ValueError
            If there are more symbols than the context.
        """
        read = inputs if state is None else torch.cat([state, inputs], 1)
        length = read.shape[1]
        if length > self.context:
            raise ValueError(f"expected at most {self.context} symbols at once, got {length}")
        mask = torch.full((length, length), -torch.inf, device=read.device).triu(1)
        x = self.embedding(read) + self.position[:length]
        for block in self.blocks:
            x = block(x, mask.to(x.dtype) if self.causal else None)
        logits = self.output(self.norm(x[:, length - inputs.shape[1] :]))
        return logits, read[:, -(self.context // 2) :]


def next_symbol_loss(model: nn.Module, batch: Any, state: Any = None) -> tuple[Tensor, Any]:
    """Mean log-loss of the next symbol, in nats, and the state: for ``CarriedState``.

    Parameters
    ----------
    model : CharacterModel, CharacterTransformer or the like
    batch : Segment
        Or whatever has ``inputs`` and ``targets``, int64 of shape (N, T).
    state : optional
    """
    logits, state = model(batch.inputs, state)
    return cross_entropy(logits.flatten(0, 1), batch.targets.flatten()), state
