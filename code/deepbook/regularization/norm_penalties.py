"""Norm penalties on the weights, and not on the biases."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from deepbook.regularization.checks import check_not_negative, check_probability

__all__ = [
    "decay_groups",
    "decay_weights_",
    "elastic_net_penalty",
    "l1_penalty",
    "l2_penalty",
    "tying_penalty",
    "weights_of",
]

Weights = Tensor | nn.Module | Iterable[Tensor]


def weights_of(source: Weights, *, stacked: bool = False) -> list[Tensor]:
    """The weights among a model's parameters: what a norm penalty is for.

    Biases, and the gains of normalisation, are left alone: they fit with few data, and a penalty
    on them makes a network underfit (Goodfellow et al. 2016, section 7.1). They are told by their
    shape: a weight has two or more dimensions.

    Parameters
    ----------
    source : torch.nn.Module, iterable of Tensor, or Tensor
        A single tensor is taken as it is.
    stacked : bool
        Whether the parameters have the networks of ``deepbook.training.fit_many`` along a first
        axis, which does not count.

    Returns
    -------
    list of Tensor

    Raises
    ------
    ValueError
        If there is none: then nothing would be penalised.
    """
    if isinstance(source, Tensor):
        return [source]
    parameters = list(source.parameters() if isinstance(source, nn.Module) else source)
    weights = [p for p in parameters if p.ndim >= 2 + stacked]
    if not weights:
        raise ValueError(
            f"expected a weight of {2 + stacked} or more dimensions, got shapes "
            f"{[tuple(p.shape) for p in parameters]}"
        )
    return weights


def l2_penalty(source: Weights) -> Tensor:
    """Half the sum of all squared weights, ``|w|^2 / 2`` (section 7.1.1), shape ().

    Its gradient is the weights themselves: ``alpha * l2_penalty(model)`` is weight decay.
    Parameters as for ``weights_of``.
    """
    return _sum(weight.square().sum() for weight in weights_of(source)) / 2


def l1_penalty(source: Weights) -> Tensor:
    """The sum of the weights' absolute values, ``|w|_1`` (eq. 7.18), shape ().

    Parameters as for ``weights_of``. Autograd takes 0 for its slope at 0.
    """
    return _sum(weight.abs().sum() for weight in weights_of(source))


def elastic_net_penalty(source: Weights, alpha: float, l1_ratio: float) -> Tensor:
    """``alpha (l1_ratio |w|_1 + (1 - l1_ratio) |w|^2 / 2)``, shape ().

    The scaling of scikit-learn's ``ElasticNet``, whose error is half the *mean* of the squares.
    Its ``Ridge`` instead adds ``alpha |w|^2`` to their *sum*.

    Parameters
    ----------
    source
        As for ``weights_of``.
    alpha : float
        Strength of both penalties together.
    l1_ratio : float
        1 for L1 alone, 0 for L2 alone.

    Raises
    ------
    ValueError
        If ``alpha`` is negative, or the ratio is not between 0 and 1.
    """
    check_not_negative("a strength alpha", alpha)
    check_probability("a ratio l1_ratio", l1_ratio)
    if not isinstance(source, Tensor | nn.Module):
        source = list(source)  # it is walked through twice
    return alpha * (l1_ratio * l1_penalty(source) + (1 - l1_ratio) * l2_penalty(source))


def tying_penalty(first: nn.Module, second: nn.Module) -> Tensor:
    """Squared distance between the parameters of two models, shape () (section 7.9).

    Two tasks that are thought alike share by it, less than by a common trunk. Here biases count.

    Raises
    ------
    ValueError
        If the models differ in shape.
    """
    pairs = list(zip(first.parameters(), second.parameters(), strict=False))
    shapes = [[tuple(p.shape) for p in model.parameters()] for model in (first, second)]
    if shapes[0] != shapes[1] or not pairs:
        raise ValueError(f"expected two models of one shape, got {shapes[0]} and {shapes[1]}")
    return _sum((a - b).square().sum() for a, b in pairs)


def decay_groups(
    source: nn.Module | Iterable[Tensor], weight_decay: float, *, stacked: bool = False
) -> list[dict[str, Any]]:
    """Parameter groups for a torch optimizer that decays the weights and not the rest.

    Parameters
    ----------
    source, stacked
        As for ``weights_of``.
    weight_decay : float
        What torch means by it depends on the optimizer: ``SGD`` and ``Adam`` add it to the
        gradient, ``AdamW`` shortens the weights beside it.
    """
    check_not_negative("a weight decay", weight_decay)
    parameters = list(source.parameters() if isinstance(source, nn.Module) else source)
    chosen = {id(weight) for weight in weights_of(parameters, stacked=stacked)}
    rest = [p for p in parameters if id(p) not in chosen]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in parameters if id(p) in chosen], "weight_decay": weight_decay}
    ]
    return groups + ([{"params": rest, "weight_decay": 0.0}] if rest else [])


@torch.no_grad()
def decay_weights_(weights: Iterable[Tensor], learning_rate: float, weight_decay: float) -> None:
    """Shorten weights in place by ``learning_rate * weight_decay`` of their length.

    Decoupled weight decay (Loshchilov and Hutter 2019): beside the gradient step and untouched by
    what an adaptive optimizer divides gradients by. For plain SGD the same as an L2 penalty.
    """
    check_not_negative("a learning rate", learning_rate)
    check_not_negative("a weight decay", weight_decay)
    for weight in weights:
        weight.mul_(1 - learning_rate * weight_decay)


def _sum(terms: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(terms)).sum()
