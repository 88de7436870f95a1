"""n-gram models: maximum likelihood, additive, interpolated, Witten-Bell, Kneser-Ney."""

import math

import numpy as np
import torch
from torch import Tensor

from deepbook.sequence.ngram_counts import Array, GramTable, counts_before, gram_codes
from deepbook.sequence.smoothing import (
    Smoothing,
    absolute_discounting,
    additive,
    estimated_discount,
    jelinek_mercer,
    maximum_likelihood,
    witten_bell,
)

__all__ = ["SMOOTHINGS", "NGramModel"]

SMOOTHINGS = (
    "maximum_likelihood",
    "additive",
    "jelinek_mercer",
    "witten_bell",
    "absolute_discounting",
    "kneser_ney",
)


class NGramModel:
    """The next symbol by the ``order - 1`` symbols before it.

    All but the additive one go from short histories to long: the probability behind no history
    smooths the uniform one, that behind one symbol smooths that, and so on. So each distribution
    sums to 1, behind histories that never came too. ``"kneser_ney"`` is absolute discounting in
    which n-grams shorter than the longest count once for each *different* symbol that stood
    before them (Kneser and Ney 1995; interpolated as in Chen and Goodman 1999).

    Parameters
    ----------
    order : int
        At least 1; ``symbols ** order`` has to be below 2 ** 63.
    symbols : int
        How many there are.
    smoothing : str
        One of ``SMOOTHINGS``.
    amount : float
        For ``"additive"``.
    weight : float
        For ``"jelinek_mercer"``: of the longer history.
    discount : float, optional
        For the last two; estimated for each length by ``estimated_discount`` if not given.

    Raises
    ------
    ValueError
        If a number is out of range or there is no such smoothing.
    """

    def __init__(
        self,
        order: int,
        symbols: int,
        smoothing: str = "kneser_ney",
        *,
        amount: float = 1.0,
        weight: float = 0.7,
        discount: float | None = None,
    ) -> None:
        if order < 1 or symbols < 1 or symbols**order >= 2**63:
            raise ValueError(
                "expected an order and symbols of at least 1 and symbols ** order below 2 ** 63, "
                f"got {order} and {symbols}"
            )
        if smoothing not in SMOOTHINGS:
            raise ValueError(
                f"expected a smoothing among {', '.join(SMOOTHINGS)}, got {smoothing!r}"
            )
        self.order, self.symbols, self.smoothing, self.discount = (
            order,
            symbols,
            smoothing,
            discount,
        )
        fixed = {
            "maximum_likelihood": maximum_likelihood,
            "additive": additive(amount, symbols),
            "jelinek_mercer": jelinek_mercer(weight),
            "witten_bell": witten_bell,
        }
        self._fixed: Smoothing | None = fixed.get(smoothing)
        if discount is not None:
            absolute_discounting(discount)  # refuses what cannot be
        self._continuation = smoothing == "kneser_ney"
        self._text = np.zeros(0, dtype=np.int64)
        self._tables: list[GramTable] = []
        self._smooth: list[Smoothing] = []

    def fit(self, symbols: Tensor) -> "NGramModel":
        """Count a text anew.

        Parameters
        ----------
        symbols : Tensor of integers, shape (T,), T at least 1

        Returns
        -------
        NGramModel
            Itself.

        Raises
        ------
        ValueError
            If it is empty or holds other symbols.
        """
        self._text = self._checked(symbols)
        if not len(self._text):
            raise ValueError("expected a text of at least 1 symbol, got none")
        events = self._events(self._text, np.ones(len(self._text), dtype=bool))
        self._tables = [GramTable.of(codes[happened], self.symbols) for codes, happened in events]
        self._smooth = [self._of_length(table) for table in self._tables]
        return self

    def probabilities(self, history: Tensor) -> Tensor:
        """Probability of each symbol behind histories.

        Parameters
        ----------
        history : Tensor of integers, shape (..., S)
            The last ``order - 1`` are looked at; there may be fewer, or none.

        Returns
        -------
        Tensor, shape (..., symbols), float64
        """
        self._check_fitted()
        given = self._checked(history)
        length = given.shape[-1]
        rows = math.prod(given.shape[:-1])  # reshape cannot tell where there is no history
        flat = given.reshape(rows, length)[:, max(0, length - self.order + 1) :]
        p = np.full((len(flat), self.symbols), 1 / self.symbols)
        codes = np.zeros(len(flat), dtype=np.int64)
        for k in range(flat.shape[1] + 1):
            if k:
                codes = codes + flat[:, -k] * self.symbols ** (k - 1)
            count = self._tables[k].count(codes[:, None] * self.symbols + np.arange(self.symbols))
            total, types = self._tables[k].behind(codes)
            p = self._smooth[k](count, total[:, None], types[:, None], p)
        return torch.from_numpy(p).reshape(*given.shape[:-1], self.symbols)

    def log2(self, symbols: Tensor, *, update: bool = False) -> Tensor:
        """Logs to base 2 of the probabilities of the symbols of a text, each behind those before.

        The text begins without history, unless ``update``.

        Parameters
        ----------
        symbols : Tensor of integers, shape (T,)
        update : bool
            Read the text as the fitted one's continuation, and count each symbol as soon as it
            has been predicted. What was fitted stays as it is.

        Returns
        -------
        Tensor, shape (T,), float64
        """
        self._check_fitted()
        text = self._checked(symbols)
        levels = self._updated(text) if update else self._static(text)
        p = np.full(len(text), 1 / self.symbols)
        for k, (count, total, types, there) in enumerate(levels):
            p = np.where(there, self._smooth[k](count, total, types, p), p)
        with np.errstate(divide="ignore"):
            return torch.from_numpy(np.log2(p))

    def bits_per_symbol(self, symbols: Tensor, *, update: bool = False) -> float:
        """Mean of ``-log2 P``, in bits; infinite if a symbol was held impossible."""
        return -self.log2(symbols, update=update).mean().item()

    def perplexity(self, symbols: Tensor, *, update: bool = False) -> float:
        """``2 ** bits_per_symbol``: among how many equally likely ones it would be as hard."""
        return float(2 ** self.bits_per_symbol(symbols, update=update))

    def _static(self, text: Array) -> list[tuple[Array, Array, Array, Array]]:
        levels = []
        for k, table in enumerate(self._tables):
            codes = gram_codes(text, k + 1, self.symbols)
            levels.append((table.count(codes), *table.behind(codes // self.symbols), codes >= 0))
        return levels

    def _updated(self, text: Array) -> list[tuple[Array, Array, Array, Array]]:
        whole, new = np.concatenate([self._text, text]), slice(len(self._text), None)
        levels = []
        for codes, happened in self._events(whole, np.ones(len(whole), dtype=bool)):
            before = codes // self.symbols
            count = counts_before(codes, happened)
            first = happened & (count == 0)
            total, types = counts_before(before, happened), counts_before(before, first)
            levels.append((count[new], total[new], types[new], codes[new] >= 0))
        return levels

    def _events(self, text: Array, counted: Array) -> list[tuple[Array, Array]]:
        """For n-grams of each length their codes, and where one of them counts."""
        codes = [gram_codes(text, k + 1, self.symbols) for k in range(self.order)]
        events = [(codes[-1], counted & (codes[-1] >= 0))]
        for shorter, longer in zip(codes[-2::-1], codes[:0:-1], strict=True):
            happened = shorter >= 0
            if self._continuation:
                # Kneser-Ney: only where a new symbol stands before it
                happened = (longer >= 0) & (counts_before(longer, longer >= 0) == 0)
            events.append((shorter, counted & happened))
        return events[::-1]

    def _of_length(self, table: GramTable) -> Smoothing:
        if self._fixed is not None:
            return self._fixed
        given = self.discount
        return absolute_discounting(estimated_discount(table.counts) if given is None else given)

    def _checked(self, symbols: Tensor) -> Array:
        values = symbols.cpu().numpy().astype(np.int64)
        if values.size and not 0 <= values.min() <= values.max() < self.symbols:
            raise ValueError(
                f"expected symbols from 0 to {self.symbols - 1}, "
                f"got from {values.min()} to {values.max()}"
            )
        return values

    def _check_fitted(self) -> None:
        if not self._tables:
            raise ValueError("expected a model that has been fitted, got one without counts")
