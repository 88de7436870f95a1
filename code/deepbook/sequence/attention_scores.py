"""Attention: a mean of values, whose weights come from scores of a query with each key."""

import math

import torch
from torch import Tensor, nn

__all__ = [
    "AdditiveAttention",
    "DotProductAttention",
    "attend",
    "causal_mask",
    "masked_softmax",
    "scaled_dot_product_attention",
]


def masked_softmax(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """Softmax over the last dimension, among the places where the mask is true.

    Masked places get exactly 0. A row without any place to attend to is 0 all over, and so is
    its gradient: no NaN.

    Parameters
    ----------
    scores : Tensor, shape (..., places)
    mask : Tensor of bool, optional
        Of a shape that broadcasts to that of ``scores``; all places if not given.

    Returns
    -------
    Tensor, shape of ``scores``

    Raises
    ------
    ValueError
        If the mask is not of bool.
    """
    if mask is None:
        return scores.softmax(-1)
    if mask.dtype != torch.bool:
        raise ValueError(f"expected a mask of bool, got {mask.dtype}")
    # where nothing is allowed, softmax runs over harmless zeros and the last line deletes it
    lowest = scores.new_full((), -math.inf)
    allowed = mask | ~mask.any(-1, keepdim=True)
    weights = torch.where(allowed, torch.where(mask, scores, 0.0), lowest).softmax(-1)
    return torch.where(mask, weights, 0.0)


def causal_mask(length: int, *, device: torch.device | str | None = None) -> Tensor:
    """Which place may attend to which: itself and those before it. Shape (length, length).

    Row ``t`` says what the output at ``t`` may see: true on and below the diagonal.
    """
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()


def attend(scores: Tensor, values: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Context vectors and the weights they were mixed with.

    Parameters
    ----------
    scores : Tensor, shape (..., queries, places)
    values : Tensor, shape (..., places, features)
    mask : Tensor of bool, optional
        Broadcasts to the shape of ``scores``.

    Returns
    -------
    Tensor, shape (..., queries, features), and Tensor, shape (..., queries, places)
    """
    weights = masked_softmax(scores, mask)
    return weights @ values, weights


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Attention with the scores ``query . key / sqrt(size)`` (Vaswani et al. 2017, equation 1).

    Parameters
    ----------
    query : Tensor, shape (..., queries, size)
    key : Tensor, shape (..., places, size)
    value : Tensor, shape (..., places, features)
    mask : Tensor of bool, optional
        Broadcasts to (..., queries, places); true where a query may look.

    Returns
    -------
    Tensor, shape (..., queries, features), and weights, shape (..., queries, places)

    Raises
    ------
    ValueError
        If queries and keys differ in size, or keys and values in number.
    """
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise ValueError(
            "expected queries and keys of one size and a value for each key, "
            f"got shapes {tuple(query.shape)}, {tuple(key.shape)} and {tuple(value.shape)}"
        )
    return attend(query @ key.mT / math.sqrt(query.shape[-1]), value, mask)


class AdditiveAttention(nn.Module):
    """Scores by a small network, ``v . tanh(W q + U k)`` (Bahdanau et al. 2015, section A.1.2).

    Parameters
    ----------
    query_size, memory_size : int
        Of the decoder's state and of the encoder's.
    hidden_size : int
        Units of the network that compares them.
    """

    def __init__(self, query_size: int, memory_size: int, hidden_size: int) -> None:
        super().__init__()
        self.query = nn.Linear(query_size, hidden_size)
        self.key = nn.Linear(memory_size, hidden_size, bias=False)
        self.score = nn.Linear(hidden_size, 1, bias=False)

    def forward(
        self, queries: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Contexts, shape (N, queries, memory_size), and weights, shape (N, queries, places).

        Parameters
        ----------
        queries : Tensor, shape (N, queries, query_size)
        memory : Tensor, shape (N, places, memory_size)
        mask : Tensor of bool, shape (N, places), optional
        """
        compared = torch.tanh(self.query(queries)[:, :, None] + self.key(memory)[:, None])
        return attend(self.score(compared)[..., 0], memory, mask if mask is None else mask[:, None])


class DotProductAttention(nn.Module):
    """Scores ``q . W k / sqrt(size)``: Luong et al. (2015) call them general, without the root.

    Parameters
    ----------
    query_size, memory_size : int
        Of the decoder's state and of the encoder's.
    """

    def __init__(self, query_size: int, memory_size: int) -> None:
        super().__init__()
        self.query = nn.Linear(query_size, memory_size, bias=False)

    def forward(
        self, queries: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """As ``AdditiveAttention``."""
        return scaled_dot_product_attention(
            self.query(queries), memory, memory, mask if mask is None else mask[:, None]
        )
