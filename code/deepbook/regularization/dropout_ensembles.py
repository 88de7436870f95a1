"""The ensemble that dropout trains: all of it, its weight-scaling approximation, or a sample."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from deepbook.regularization.checks import check_probability
from deepbook.regularization.dropout_layers import DropConnectLinear, Dropout
from deepbook.training.counts import check_count
from deepbook.training.measures import evaluating

__all__ = [
    "DropoutEnsemble",
    "all_masks",
    "exact_ensemble",
    "monte_carlo_predictions",
    "weight_scaling",
]

MOST_UNITS = 20
DROPOUTS = (
    *(Dropout, DropConnectLinear),
    *(nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d),
    *(nn.AlphaDropout, nn.FeatureAlphaDropout),
)
Logits = Callable[[Tensor], Tensor]


def all_masks(
    units: int, *, dtype: torch.dtype | None = None, device: torch.device | str | None = None
) -> Tensor:
    """Every mask of so many units, shape (2^units, units): 1 where a unit stays.

    Raises
    ------
    ValueError
        If there are none, or more than 20: a million masks.
    """
    if not 1 <= units <= MOST_UNITS:
        raise ValueError(
            f"expected 1 to {MOST_UNITS} units, got {units}: there are 2 to that power masks"
        )
    numbers = torch.arange(2**units, device=device)[:, None]
    bits = torch.arange(units - 1, -1, -1, device=device)
    return (numbers >> bits & 1).to(dtype or torch.get_default_dtype())


class DropoutEnsemble(NamedTuple):
    """Probabilities (..., K): the arithmetic mean, and the geometric mean normalised anew."""

    arithmetic: Tensor
    geometric: Tensor


def exact_ensemble(
    logits: Logits,
    units: int,
    p: float = 0.5,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
    chunk: int = 1024,
) -> DropoutEnsemble:
    """What all ``2^units`` networks say together (Goodfellow et al. 2016, eqs. 7.53 to 7.55).

    Each network weighs as likely as its mask: ``p`` for each unit left out, ``1 - p`` for each
    that stays.

    Parameters
    ----------
    logits : callable
        From masks, shape (M, units), to what the masked network gives out, shape (M, ..., K):
        ``lambda masks: model(x * masks[:, None])`` where the units are the inputs. Units that stay
        are multiplied by 1, and not divided by ``1 - p``.
    units : int
        At most 20.
    p : float
        Of being left out, between 0 and 1.
    dtype, device : optional
        Of the masks.
    chunk : int
        How many masks at a time.

    Returns
    -------
    DropoutEnsemble
    """
    check_probability("a dropout probability", p)
    masks = all_masks(units, dtype=dtype, device=device)
    arithmetic: Tensor | None = None
    mean_log: Tensor | None = None
    for some in masks.split(check_count("mask in a chunk", chunk)):
        log_p = logits(some).log_softmax(-1)
        stay = some.to(log_p.dtype).sum(1)
        weights = (1 - p) ** stay * p ** (units - stay)
        weights = weights.view(-1, *[1] * (log_p.ndim - 1))
        # a network of weight 0 does not count, whatever it says
        logs = torch.where(weights > 0, weights * log_p, 0).sum(0)
        share = (weights * log_p.exp()).sum(0)
        arithmetic = share if arithmetic is None else arithmetic + share
        mean_log = logs if mean_log is None else mean_log + logs
    assert arithmetic is not None
    assert mean_log is not None
    return DropoutEnsemble(arithmetic, mean_log.softmax(-1))


def weight_scaling(
    logits: Logits,
    units: int,
    p: float = 0.5,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """One network in place of all: every unit there, times the probability of its staying.

    The weight-scaling rule: the geometric mean exactly where the logits are linear in the masks,
    as in softmax regression (eqs. 7.56 to 7.66), and a guess that does well where they are not.

    Parameters as for ``exact_ensemble``.

    Returns
    -------
    Tensor, shape (..., K)
        Probabilities.
    """
    check_probability("a dropout probability", p)
    check_count("unit", units)
    dtype = dtype or torch.get_default_dtype()
    return logits(torch.full((1, units), 1 - p, dtype=dtype, device=device))[0].softmax(-1)


@torch.no_grad()
def monte_carlo_predictions(model: nn.Module, x: Tensor, samples: int) -> Tensor:
    """What a model says with dropout left on, several times (Gal and Ghahramani 2016).

    Only layers that drop draw: normalisation, for instance, is as in evaluation.

    Parameters
    ----------
    model : torch.nn.Module
        With layers of ours or of torch that drop.
    x : Tensor, shape (N, ...)
    samples : int

    Returns
    -------
    Tensor, shape (samples, N, ...)
        Outputs. From logits, ``ensemble_mean`` makes the prediction. The modes of all modules are
        left as they were.

    Raises
    ------
    ValueError
        If no layer drops: all samples would be the same.
    """
    check_count("sample", samples)
    droppers = [module for module in model.modules() if isinstance(module, DROPOUTS)]
    if not droppers:
        raise ValueError("expected a model with a dropout layer, got one without")
    with evaluating(model):
        for module in droppers:
            module.train()
        return torch.stack([model(x) for _ in range(samples)])
