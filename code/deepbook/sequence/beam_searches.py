"""Find a probable output, symbol by symbol: greedily, or with several hypotheses at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from deepbook.sequence.vocabulary import Vocabulary
from deepbook.training import Padded

__all__ = ["Hypotheses", "beam_search", "greedy_search", "transduce"]

# Gets the last symbols, shape (rows,), and a state with a row for each; gives log-probabilities
# of the next symbol, shape (rows, V), and the next state.
Step = Callable[[Tensor, Any], tuple[Tensor, Any]]


class Transducer(Protocol):
    """A network that can be asked for one symbol more: ``EncoderDecoder``, ``Transformer``."""

    def encode(self, source: Padded) -> Any:
        """What was read: a tuple of tensors with a row for each source."""

    def step(self, written: Tensor, memory: Any) -> tuple[Tensor, Any, Tensor]:
        """Log-probabilities of the next symbol, what follows, and weights of attention."""


@dataclass(frozen=True)
class Hypotheses:
    """Outputs for each of N sources, the best first.

    Attributes
    ----------
    symbols : Tensor of int64, shape (N, width, longest)
        The end included; padding behind it.
    lengths : Tensor of int64, shape (N, width)
        How many symbols, the end counted: an output that is nothing but its end has length 1.
    log_probabilities : Tensor, shape (N, width)
        Nats. Minus infinity where there are fewer outputs than the beam is wide.
    scores : Tensor, shape (N, width)
        By which they are sorted: log-probability over ``length ** length_power``.
    """

    symbols: Tensor
    lengths: Tensor
    log_probabilities: Tensor
    scores: Tensor


def greedy_search(step: Step, state: Any, sources: int, *, longest: int) -> Tensor:
    """The most probable symbol at each step, without a second thought.

    Parameters
    ----------
    step : callable
        ``step(last, state)`` gives log-probabilities, shape (N, V), and the next state.
    state : tensor, or tuple of states
        With a row for each source.
    sources : int
    longest : int
        An output that has not ended by then is cut.

    Returns
    -------
    Tensor of int64, shape (N, at most longest)
        The end included; padding behind it.
    """
    check_longest(longest)
    last = torch.full((sources,), Vocabulary.BEGIN, device=_device(state))
    ended = torch.zeros_like(last, dtype=torch.bool)
    found = []
    for _ in range(longest):
        log_p, state = step(last, state)
        last = log_p.argmax(1).masked_fill(ended, Vocabulary.PAD)
        found.append(last)
        ended = ended | (last == Vocabulary.END)
        if ended.all():
            break
    return torch.stack(found, 1)


def beam_search(
    step: Step,
    state: Any,
    sources: int,
    *,
    width: int,
    longest: int,
    length_power: float = 0.0,
) -> Hypotheses:
    """Keep the ``width`` most probable outputs at each step (Graves 2012; Sutskever et al. 2014).

    An output that has ended keeps its place in the beam as long as fewer than ``width`` others
    are more probable. With a beam as wide as there are outputs the search is exhaustive.

    Parameters
    ----------
    step, state, sources, longest
        As for ``greedy_search``.
    width : int
    length_power : float
        0 ranks the outputs that are found by their probability. Each symbol more costs
        probability; 1 ranks by the mean log-probability of a symbol, the end counted. The beam
        itself is kept by probability.

    Raises
    ------
    ValueError
        If the width or the length is less than 1.
    """
    check_longest(longest)
    if width < 1:
        raise ValueError(f"expected a beam at least 1 wide, got {width}")
    device = _device(state)
    state = _rows(state, torch.arange(sources, device=device).repeat_interleave(width))
    symbols = torch.full((sources, width, 1), Vocabulary.BEGIN, device=device)
    # all rows of a source begin alike: one counts, or the beam would hold copies of it
    total = torch.full((sources, width), -torch.inf, device=device)
    total[:, 0] = 0
    ended = torch.zeros_like(total, dtype=torch.bool)
    for _ in range(longest):
        log_p, state = step(symbols[:, :, -1].flatten(), state)
        log_p = log_p.view(sources, width, -1)
        # one way on for those that have ended, at no cost: padding
        stay = torch.full_like(log_p[0, 0], -torch.inf)
        stay[Vocabulary.PAD] = 0
        log_p = torch.where(ended[..., None], stay, log_p)
        total, best = (total.to(log_p)[..., None] + log_p).flatten(1).topk(width, 1)
        parent, symbol = best // log_p.shape[-1], best % log_p.shape[-1]
        symbols = symbols.gather(1, parent[..., None].expand(-1, -1, symbols.shape[2]))
        symbols = torch.cat([symbols, symbol[..., None]], 2)
        ended = ended.gather(1, parent) | (symbol == Vocabulary.END)
        first = torch.arange(sources, device=device)[:, None] * width
        state = _rows(state, (first + parent).flatten())
        if ended.all():
            break
    return _sorted(symbols[..., 1:], total, length_power)


def _sorted(symbols: Tensor, total: Tensor, length_power: float) -> Hypotheses:
    lengths = (symbols != Vocabulary.PAD).sum(2)
    scores, order = (total / lengths.clamp(min=1) ** length_power).sort(1, descending=True)
    places = order[..., None].expand_as(symbols)
    return Hypotheses(
        symbols.gather(1, places), lengths.gather(1, order), total.gather(1, order), scores
    )


@torch.no_grad()
def transduce(
    model: Transducer,
    source: Padded,
    *,
    longest: int,
    width: int = 1,
    length_power: float = 0.0,
) -> Tensor:
    """What a network writes for each source: greedily, or the best that beam search finds.

    Parameters
    ----------
    model : EncoderDecoder or Transformer
        In evaluation mode, if it has dropout.
    source : Padded
    longest, width, length_power
        As for ``beam_search``; of width 1 is the greedy search.

    Returns
    -------
    Tensor of int64, shape (N, at most longest)
        ``Vocabulary.decode`` reads its rows.
    """

    def step(last: Tensor, memory: Any) -> tuple[Tensor, Any]:
        log_p, memory, _ = model.step(last, memory)
        return log_p, memory

    memory = model.encode(source)
    if width == 1:
        return greedy_search(step, memory, len(source), longest=longest)
    options: dict[str, Any] = {"width": width, "longest": longest, "length_power": length_power}
    return beam_search(step, memory, len(source), **options).symbols[:, 0]


def check_longest(longest: int) -> None:
    """Refuse outputs of no length."""
    if longest < 1:
        raise ValueError(f"expected a length of at least 1, got {longest}")


def _rows(state: Any, rows: Tensor) -> Any:
    """These rows of each tensor of a state."""
    if isinstance(state, Tensor):
        return state[rows]
    parts = [_rows(part, rows) for part in state]
    # a named tuple takes its fields one by one
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)


def _device(state: Any) -> torch.device:
    return state.device if isinstance(state, Tensor) else _device(state[0])
