"""Drawing a symbol from logits: with temperature, from the k likeliest, from the nucleus."""

import torch
from torch import Tensor

__all__ = ["sample_symbols", "sampling_probabilities"]


def sampling_probabilities(
    logits: Tensor,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Tensor:
    """The probabilities that symbols are drawn with.

    First the temperature, ``softmax(logits / temperature)``: below 1 the likely become likelier.
    Then all but the ``top_k`` likeliest are set to 0, then all but the nucleus, the fewest
    symbols that have at least ``top_p`` together (Holtzman et al. 2020). What stays is divided
    by its sum. Of equally likely symbols the first stay.

    Parameters
    ----------
    logits : Tensor, shape (..., symbols)
        ``-inf`` is a symbol that never comes.
    temperature : float
        0 or more; 0 gives the likeliest symbol probability 1, the first of several.
    top_k : int, optional
        At least 1.
    top_p : float, optional
        Above 0, at most 1.

    Returns
    -------
    Tensor, shape (..., symbols)

    Raises
    ------
    ValueError
        If a number is out of range, or all logits of a row are ``-inf`` or one is NaN.
    """
    if not temperature >= 0:
        raise ValueError(f"expected a temperature of 0 or more, got {temperature}")
    if top_k is not None and top_k < 1:
        raise ValueError(f"expected a top_k of at least 1, got {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"expected a top_p above 0 and at most 1, got {top_p}")
    highest = logits.amax(-1, keepdim=True)
    if not bool(highest.isfinite().all()):
        raise ValueError("expected logits with a finite maximum, got NaN or infinity")
    order = logits.argsort(dim=-1, descending=True, stable=True)
    if temperature == 0:
        return torch.zeros_like(logits).scatter(-1, order[..., :1], 1.0)
    # after the maximum is taken away a small temperature cannot overflow, only vanish
    sorted_p = ((logits - highest) / temperature).softmax(-1).gather(-1, order)
    if top_k is not None:
        sorted_p = _renormalised(sorted_p, torch.arange(logits.shape[-1]) < top_k)
    if top_p is not None and top_p < 1:
        # a symbol stays if those before it do not have top_p yet
        sorted_p = _renormalised(sorted_p, sorted_p.cumsum(-1) - sorted_p < top_p)
    return torch.zeros_like(logits).scatter(-1, order, sorted_p)


def sample_symbols(
    logits: Tensor,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw a symbol for each row of logits.

    Parameters
    ----------
    logits : Tensor, shape (..., symbols)
    temperature, top_k, top_p
        As ``sampling_probabilities`` takes them.
    generator : torch.Generator, optional
        On the device of the logits; the global one if not given.

    Returns
    -------
    Tensor of int64, shape (...)
    """
    p = sampling_probabilities(logits, temperature=temperature, top_k=top_k, top_p=top_p)
    rows = p.reshape(-1, p.shape[-1])
    return torch.multinomial(rows, 1, generator=generator).reshape(p.shape[:-1])


def _renormalised(p: Tensor, kept: Tensor) -> Tensor:
    p = p * kept.to(p.device)
    return p / p.sum(-1, keepdim=True)
