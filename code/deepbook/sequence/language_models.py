"""How well a model predicts a text, what two models predict together, and texts that one writes."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from deepbook.sequence.temperature_sampling import sample_symbols

__all__ = [
    "best_mixture_weight",
    "bits_per_character",
    "generate",
    "mixture_log2",
    "symbol_log2",
]


@torch.no_grad()
def symbol_log2(
    model: nn.Module, symbols: Tensor, *, strands: int = 1, length: int = 64, carry: bool = True
) -> Tensor:
    """Logarithms to base 2 of the probabilities that a model gave to what came next.

    Parameters
    ----------
    model : module
        ``model(inputs, state)`` gives logits and a state. Put into evaluation mode.
    symbols : Tensor of int64, shape (T,)
        The first one is given.
    strands : int
        The text is cut into so many, read side by side, each from a new state: faster, and a
        little worse at the cuts.
    length : int
        How much is read at once; for a transformer at most half its context.
    carry : bool
        Whether the state goes on from one piece to the next.

    Returns
    -------
    Tensor, shape (T - 1,), float64
        In the order of the text, on the CPU.

    Raises
    ------
    ValueError
        If there are fewer than ``strands + 1`` symbols.
    """
    count = len(symbols) - 1
    if strands < 1 or length < 1 or count < strands:
        raise ValueError(
            f"expected at least {max(strands, 1) + 1} symbols for {strands} strands of pieces of "
            f"at least 1, got {len(symbols)} and {length}"
        )
    model.eval()
    each = math.ceil(count / strands)
    padded = torch.cat([symbols, symbols.new_zeros(strands * each - count)])
    inputs, targets = padded[:-1].view(strands, each), padded[1:].view(strands, each)
    found, state = [], None
    for start in range(0, each, length):
        logits, state = model(inputs[:, start : start + length], state if carry else None)
        scores = logits.double().log_softmax(-1)
        wanted = targets[:, start : start + length, None]
        found.append(scores.gather(-1, wanted)[..., 0].cpu())
    # nats to bits
    return torch.cat(found, 1).flatten()[:count] / math.log(2)


def bits_per_character(model: nn.Module, symbols: Tensor, **how: Any) -> float:
    """Mean of ``-log2 P(next symbol)``: the length of an ideal code, in bits a symbol.

    Parameters
    ----------
    model, symbols, **how
        As ``symbol_log2`` takes them.
    """
    return -symbol_log2(model, symbols, **how).mean().item()


def mixture_log2(first: Tensor, second: Tensor, weight: float) -> Tensor:
    """Log to base 2 of ``weight * P1 + (1 - weight) * P2`` (Goodfellow et al. 2016, 12.4.4).

    It is never below ``first + log2(weight)`` nor ``second + log2(1 - weight)``.

    Parameters
    ----------
    first, second : Tensor, shape (T,)
        Logs to base 2 of the probabilities that two models gave to the same symbols.
    weight : float
        Of the first, in [0, 1].

    Raises
    ------
    ValueError
        If the weight is out of range or the shapes differ.
    """
    if not 0 <= weight <= 1:
        raise ValueError(f"expected a weight in [0, 1], got {weight}")
    if first.shape != second.shape:
        raise ValueError(
            f"expected as many of both, got {tuple(first.shape)} and {tuple(second.shape)}"
        )
    weights = first.new_tensor([[weight], [1 - weight]]).log2()
    return torch.logsumexp((torch.stack([first, second]) + weights) * math.log(2), 0) / math.log(2)


def best_mixture_weight(first: Tensor, second: Tensor, *, steps: int = 50) -> float:
    """The weight of the first model with which the mixture predicts these symbols best.

    The mean log of the mixture is concave in the weight, so its slope is halved in until it is
    zero. Choose on validation text.

    Parameters
    ----------
    first, second : Tensor, shape (T,)
        Logs to base 2, all finite.
    steps : int
    """
    low, high = 0.0, 1.0
    ratio = ((second - first) * math.log(2)).exp()  # P2 / P1
    for _ in range(steps):
        weight = (low + high) / 2
        # d/dw log(w P1 + (1 - w) P2) = (P1 - P2) / (w P1 + (1 - w) P2)
        slope = ((1 - ratio) / (weight + (1 - weight) * ratio)).nan_to_num(-1 / (1 - weight))
        low, high = (weight, high) if slope.mean() > 0 else (low, weight)
    return (low + high) / 2


@torch.no_grad()
def generate(
    model: nn.Module,
    start: Tensor,
    length: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Symbols that a model writes, one by one, after a start that is given.

    Parameters
    ----------
    model : module
        As in ``symbol_log2``. Put into evaluation mode.
    start : Tensor of int64, shape (S,), S at least 1
    length : int
    temperature, top_k, top_p, generator
        As ``sample_symbols`` takes them.

    Returns
    -------
    Tensor of int64, shape (length,)

    Raises
    ------
    ValueError
        If there is no start.
    """
    if len(start) < 1:
        raise ValueError("expected a start of at least 1 symbol, got none")
    model.eval()
    state, written = None, []
    for symbol in start:
        logits, state = model(symbol.view(1, 1), state)
    for _ in range(length):
        symbol = sample_symbols(
            logits[0, -1],
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            generator=generator,
        )
        written.append(symbol)
        logits, state = model(symbol.view(1, 1), state)
    return torch.stack(written) if written else start.new_zeros(0)
