"""Symbols as numbers, with numbers for padding, for the beginning and for the end."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from deepbook.training import Padded, pad

__all__ = ["Vocabulary"]


class Vocabulary:
    """Numbers for symbols: 0 for padding, 1 for the beginning, 2 for the end, then the symbols.

    Parameters
    ----------
    symbols : iterable of hashable
        Letters, phonemes: each once, in the order of their numbers.

    Attributes
    ----------
    symbols : tuple
    PAD, BEGIN, END : int

    Raises
    ------
    ValueError
        If a symbol stands there twice.

    Examples
    --------
    >>> from deepbook.sequence import Vocabulary
    >>> letters = Vocabulary("abc")
    >>> letters.encode("cab")
    tensor([5, 3, 4])
    >>> "".join(letters.decode([5, 3, 4, Vocabulary.END, 3]))
    'cab'
    """

    PAD, BEGIN, END = 0, 1, 2

    def __init__(self, symbols: Iterable[Hashable]) -> None:
        self.symbols: tuple[Any, ...] = tuple(symbols)
        self._numbers = {symbol: 3 + i for i, symbol in enumerate(self.symbols)}
        if len(self._numbers) != len(self.symbols):
            raise ValueError("expected each symbol once, got one of them twice")

    @classmethod
    def of(cls, sequences: Iterable[Iterable[Any]]) -> "Vocabulary":
        """The vocabulary of all symbols that stand in the sequences, sorted."""
        return cls(sorted({symbol for sequence in sequences for symbol in sequence}))

    def __len__(self) -> int:
        """How many numbers there are: three more than symbols."""
        return 3 + len(self.symbols)

    def encode(self, sequence: Iterable[Any], *, end: bool = False) -> Tensor:
        """Its symbols' numbers, shape (length,), and the end's behind them if it is wanted.

        Raises
        ------
        ValueError
            If a symbol is not in the vocabulary.
        """
        numbers = []
        for symbol in sequence:
            if symbol not in self._numbers:
                raise ValueError(f"expected symbols of the vocabulary, got {symbol!r}")
            numbers.append(self._numbers[symbol])
        return torch.tensor([*numbers, self.END] if end else numbers, dtype=torch.int64)

    def encode_all(self, sequences: Sequence[Iterable[Any]], *, end: bool = False) -> Padded:
        """Sequences side by side, padded with 0."""
        return pad([self.encode(sequence, end=end) for sequence in sequences])

    def decode(self, numbers: Iterable[int] | Tensor) -> tuple[Any, ...]:
        """The symbols before the first end; padding and beginnings are passed over.

        Raises
        ------
        ValueError
            If a number is none of the vocabulary.
        """
        found = []
        for number in numbers.tolist() if isinstance(numbers, Tensor) else numbers:
            if number == self.END:
                break
            if not 0 <= number < len(self):
                raise ValueError(f"expected numbers from 0 to {len(self) - 1}, got {number}")
            if number > self.END:
                found.append(self.symbols[number - 3])
        return tuple(found)
