"""Gradients of an expectation over bits whose probabilities are the parameters: section 20.9.

Each estimator returns one gradient for each draw, so that its mean (is it biased?) and its
variance (is it any use?) can be looked at. Their mean is what one trains with.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from deepbook.boltzmann.energy.states import all_states
from deepbook.units import bernoulli

__all__ = [
    "exact_gradient",
    "reinforce",
    "relaxed",
    "straight_through",
]

Objective = Callable[[Tensor], Tensor]
"""From states, shape (S, D), to one value each, shape (S,)."""


def exact_gradient(objective: Objective, logits: Tensor) -> Tensor:
    """Gradient of ``E[f(h)]`` for independent bits, summed over all states.

    Parameters
    ----------
    objective : callable
        ``f``, from states of shape (S, D) to values of shape (S,).
    logits : Tensor, shape (D,)
        ``P(h_i = 1) = sigmoid(logits_i)``.

    Returns
    -------
    Tensor, shape (D,)
    """
    logits = _leaf(logits)
    states = all_states(len(logits), dtype=logits.dtype, device=logits.device)
    log_p = (states * logits - torch.nn.functional.softplus(logits)).sum(-1)
    value = log_p.exp() @ objective(states).detach()
    return torch.autograd.grad(value, logits)[0]


def reinforce(
    objective: Objective,
    logits: Tensor,
    samples: int,
    *,
    baseline: str = "none",
    generator: torch.Generator | None = None,
) -> Tensor:
    """Score function estimates ``(f(h) - baseline) d log p(h) / d logits`` (Williams 1992).

    Unbiased, for any ``f``, differentiable or not.

    Parameters
    ----------
    objective, logits
        As in ``exact_gradient``.
    samples : int
    baseline : {"none", "others"}
        What is subtracted from ``f``: nothing, or the mean of ``f`` over the *other* draws, which
        leaves the estimate unbiased; the draw's own value would not.
    generator : torch.Generator, optional

    Returns
    -------
    Tensor, shape (samples, D)
    """
    check_draws(logits, samples)
    if baseline not in ("none", "others"):
        raise ValueError(f'expected the baseline "none" or "others", got {baseline!r}')
    probability = logits.detach().sigmoid().expand(samples, -1)
    states = bernoulli(probability, generator)
    value = objective(states).detach()
    if baseline == "others":
        if samples < 2:
            raise ValueError("expected at least 2 samples for a baseline from the others, got 1")
        value = value - (value.sum() - value) / (samples - 1)
    # d log p(h) / d logits of independent bits is h - sigmoid(logits)
    return value[:, None] * (states - probability)


def straight_through(
    objective: Objective, logits: Tensor, samples: int, generator: torch.Generator | None = None
) -> Tensor:
    """Draws going up, as if there had been no draw going down (Bengio et al. 2013).

    The gradient of ``f`` at the bits is taken for that at their probabilities. Biased unless ``f``
    is linear in each bit with the others fixed; needs a differentiable ``f``.

    Returns
    -------
    Tensor, shape (samples, D)
    """
    check_draws(logits, samples)
    row = rows(logits, samples)
    probability = row.sigmoid()
    bits = bernoulli(probability.detach(), generator)
    # the value of the bits, the gradient of the probabilities
    value = objective(bits + probability - probability.detach())
    return torch.autograd.grad(value.sum(), row)[0]


def relaxed(
    objective: Objective,
    logits: Tensor,
    samples: int,
    temperature: float,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Gradient through a soft bit: Gumbel-softmax with two values (Jang et al. 2017).

    ``h = sigmoid((logits + log u - log(1 - u)) / temperature)``, also called the binary Concrete
    distribution (Maddison et al. 2017). As the temperature falls the bias goes to 0 and the
    variance grows without limit. ``f`` must be defined, and differentiable, between the bits.

    Returns
    -------
    Tensor, shape (samples, D)
    """
    check_draws(logits, samples)
    if not temperature > 0:
        raise ValueError(f"expected a temperature above 0, got {temperature}")
    row = rows(logits, samples)
    uniform = torch.rand(row.shape, generator=generator, dtype=row.dtype, device=row.device)
    noise = torch.logit(uniform, eps=torch.finfo(row.dtype).tiny)
    value = objective(torch.sigmoid((row + noise) / temperature))
    return torch.autograd.grad(value.sum(), row)[0]


def _leaf(tensor: Tensor) -> Tensor:
    return tensor.detach().clone().requires_grad_()


def rows(tensor: Tensor, samples: int) -> Tensor:
    """A leaf whose rows are copies of the parameters: one gradient for each draw."""
    return _leaf(tensor.expand(samples, *tensor.shape))


def check_draws(parameters: Tensor, samples: int) -> None:
    """Raise unless parameters are of shape (D,), and there is a draw."""
    if parameters.ndim != 1:
        raise ValueError(f"expected parameters of shape (D,), got {tuple(parameters.shape)}")
    if samples < 1:
        raise ValueError(f"expected at least 1 sample, got {samples}")
