"""n-gram models as the formulas stand in the papers: dictionaries, one symbol at a time, slow."""

from collections import Counter
from collections.abc import Sequence

__all__ = ["DictionaryNGrams"]

Gram = tuple[int, ...]


class DictionaryNGrams:
    """The slow twin of ``NGramModel``, to be read and to test it by.

    Parameters
    ----------
    order, symbols, smoothing
        As ``NGramModel`` takes them.
    parameter : float
        The amount, the weight or the discount of the smoothing.
    text : sequence of int

    Attributes
    ----------
    text : list of int
        It may grow.
    """

    def __init__(
        self, order: int, symbols: int, smoothing: str, parameter: float, text: Sequence[int]
    ) -> None:
        self.order, self.symbols, self.smoothing = order, symbols, smoothing
        self.parameter, self.text = parameter, list(text)

    def probability(self, history: Sequence[int], symbol: int) -> float:
        """Of a symbol behind a history, of which the last ``order - 1`` are looked at."""
        return self._of(tuple(history)[max(0, len(history) - self.order + 1) :], symbol)

    def _of(self, history: Gram, symbol: int) -> float:
        counts = self._counts(len(history) + 1)
        behind = {gram[-1]: n for gram, n in counts.items() if gram[:-1] == history}
        count, total, types = behind.get(symbol, 0), sum(behind.values()), len(behind)
        if self.smoothing == "additive":
            return (count + self.parameter) / (total + self.parameter * self.symbols)
        shorter = self._of(history[1:], symbol) if history else 1 / self.symbols
        if total == 0:
            return shorter
        if self.smoothing == "maximum_likelihood":
            return count / total
        if self.smoothing == "jelinek_mercer":
            return self.parameter * count / total + (1 - self.parameter) * shorter
        if self.smoothing == "witten_bell":
            return (count + types * shorter) / (total + types)
        left = max(count - self.parameter, 0)
        return (left + self.parameter * types * shorter) / total

    def _counts(self, length: int) -> Counter[Gram]:
        if self.smoothing == "kneser_ney" and length < self.order:
            # how many different symbols stand before it
            return Counter(gram[1:] for gram in set(self._grams(length + 1)))
        return Counter(self._grams(length))

    def _grams(self, length: int) -> list[Gram]:
        return [tuple(self.text[i : i + length]) for i in range(len(self.text) - length + 1)]
