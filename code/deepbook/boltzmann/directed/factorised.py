"""Independent hidden units in place of a posterior, with expectations over all hidden states.

``table`` holds ``log p(v, h)`` for N examples and S states, shape (N, S), and ``states`` the states
themselves, shape (S, hidden_size).
"""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def factorised_bound(table: Tensor, probability: Tensor, states: Tensor) -> Tensor:
    """The evidence lower bound of ``q(h_j = 1 | v) = probability``, shape (N,)."""
    log_q = _log_q(torch.logit(probability, eps=torch.finfo(probability.dtype).eps), states)
    return (log_q.exp() * (table - log_q)).sum(-1)


def fit_factorised(table: Tensor, logits: Tensor, states: Tensor, sweeps: int) -> Tensor:
    """Logits of the ``q`` that coordinate ascent on the bound finds; ``logits`` are changed.

    Each update sets one unit to its optimum given the others, so the bound never falls.
    """
    for _ in range(sweeps):
        for j in range(states.shape[1]):
            logits[:, j] = 0.0
            # q with unit j at 1/2; doubled, the weights of the other units' states
            others = 2 * _log_q(logits, states).exp()
            # log q_j(1) - log q_j(0) = E_others[log p(v, 1, h) - log p(v, 0, h)]
            logits[:, j] = (others * table) @ (2 * states[:, j] - 1)
    return logits


def _log_q(logits: Tensor, states: Tensor) -> Tensor:
    return logsigmoid(logits) @ states.T + logsigmoid(-logits) @ (1 - states).T
