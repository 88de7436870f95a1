"""Objectives for binary units that compare a state with its neighbours: ``Z`` cancels."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from deepbook.boltzmann.energy.energy_model import EnergyModel
from deepbook.boltzmann.machines.restricted import RBM

__all__ = [
    "flip_log_ratios",
    "pseudo_log_likelihood",
    "ratio_matching",
    "stochastic_pseudo_log_likelihood",
]


def flip_log_ratios(model: EnergyModel, visible: Tensor) -> Tensor:
    """``log p(v) - log p(v with unit i flipped)`` for each visible unit ``i``.

    It is also ``log P(v_i | v_-i) - log P(1 - v_i | v_-i)``, the log-odds of the unit's own value
    given all others.

    Parameters
    ----------
    model : EnergyModel
        With a method ``free_energy(visible)`` of binary visible units.
    visible : Tensor, shape (N, visible_size), values 0 and 1

    Returns
    -------
    Tensor, shape (N, visible_size)
        Differentiable by the parameters. It costs as much as ``visible_size`` free energies, or
        of an RBM their softplus alone.

    Raises
    ------
    TypeError
        If the model has no free energy of its visible units.
    ValueError
        If a value is neither 0 nor 1.
    """
    free_energy = _free_energy(model, visible)
    if type(model) is RBM:
        model.check_visible(visible)
        return _rbm_flip_log_ratios(model, visible)
    energies = free_energy(visible)
    ratios = []
    for unit in range(visible.shape[1]):
        flipped = visible.clone()
        flipped[:, unit] = 1 - flipped[:, unit]
        ratios.append(free_energy(flipped) - energies)
    return torch.stack(ratios, dim=1)


def pseudo_log_likelihood(model: EnergyModel, visible: Tensor) -> Tensor:
    """``sum_i log P(v_i | v_-i)`` in nats for each example (Besag 1975; section 18.3).

    Parameters, errors
        As in ``flip_log_ratios``.

    Returns
    -------
    Tensor, shape (N,)
    """
    # P(v_i | v_-i) = p(v) / (p(v) + p(v flipped))
    return logsigmoid(flip_log_ratios(model, visible)).sum(1)


def stochastic_pseudo_log_likelihood(
    model: EnergyModel, visible: Tensor, generator: torch.Generator | None = None
) -> Tensor:
    """An unbiased estimate of ``pseudo_log_likelihood``: one unit of each example, times all.

    Parameters
    ----------
    model, visible
        As in ``flip_log_ratios``.
    generator : torch.Generator, optional
        For the choice of the units.

    Returns
    -------
    Tensor, shape (N,)
    """
    free_energy = _free_energy(model, visible)
    size = visible.shape[1]
    units = torch.randint(size, (len(visible), 1), generator=generator, device=visible.device)
    flipped = visible.scatter(1, units, 1 - visible.gather(1, units))
    return size * logsigmoid(free_energy(flipped) - free_energy(visible))


def ratio_matching(model: EnergyModel, visible: Tensor) -> Tensor:
    """The loss of ratio matching for each example (Hyvärinen 2007; section 18.4).

    Parameters, errors
        As in ``flip_log_ratios``.

    Returns
    -------
    Tensor, shape (N,)
        To be minimised.
    """
    # sum_i (1 / (1 + p(v) / p(v flipped)))^2
    return torch.sigmoid(-flip_log_ratios(model, visible)).square().sum(1)


def _free_energy(model: EnergyModel, visible: Tensor) -> Callable[[Tensor], Tensor]:
    free_energy: Callable[[Tensor], Tensor] | None = getattr(model, "free_energy", None)
    if free_energy is None or not model.binary_state:
        raise TypeError(
            f"expected a model with free_energy of binary visible units, got {type(model).__name__}"
        )
    if not bool(((visible == 0) | (visible == 1)).all()):
        raise ValueError("expected visible units that are 0 or 1")
    return free_energy


def _rbm_flip_log_ratios(model: RBM, visible: Tensor) -> Tensor:
    hidden_input = visible @ model.weight + model.hidden_bias
    before = softplus(hidden_input).sum(1)
    signs = 1 - 2 * visible
    # flipping a unit adds or takes one row of W: no product of matrices
    after = [
        softplus(hidden_input + sign[:, None] * row).sum(1)
        for sign, row in zip(signs.unbind(1), model.weight.unbind(0), strict=True)
    ]
    return before[:, None] - torch.stack(after, dim=1) - signs * model.visible_bias
