"""The exact likelihood of a machine with few enough units on one side."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from deepbook.boltzmann.energy.energy_model import EnergyModel
from deepbook.boltzmann.energy.harmonium import Harmonium
from deepbook.boltzmann.energy.states import MAX_UNITS, state_blocks

__all__ = ["log_likelihood", "log_partition", "model_statistics"]


def log_partition(model: EnergyModel) -> Tensor:
    """``log Z`` in nats, by summing over all states of the smaller layer that is binary.

    Of a restricted machine that is the hidden or the visible layer, the other one being summed
    in closed form; of another machine it is its state (Goodfellow et al. 2016, section 18.1).
    Blocks of states are summed one at a time, also in the backward pass: 2 ** 25 states need
    time, not memory.

    Returns
    -------
    Tensor, shape ()
        Differentiable by the parameters; its gradient is ``model_statistics``.

    Raises
    ------
    ValueError
        If no layer that is binary has at most ``MAX_UNITS`` units.
    """
    log_unnormalised, shape = _smaller_side(model)
    parts = [
        # nothing of a block is kept: the backward pass computes it again
        checkpoint(_log_sum, log_unnormalised, states.reshape(-1, *shape), use_reentrant=False)
        for states in state_blocks(shape.numel(), dtype=model.dtype, device=model.device)
    ]
    return torch.logsumexp(torch.stack(parts), dim=0)


def model_statistics(model: EnergyModel) -> dict[str, Tensor]:
    """The negative phase, exactly: the mean of ``model.statistics`` under the model.

    Returns
    -------
    dict
        For each name in ``named_parameters`` a tensor of that parameter's shape.

    Raises
    ------
    ValueError
        As in ``log_partition``.
    """
    names, parameters = zip(*model.named_parameters(), strict=True)
    with torch.enable_grad():
        # the gradient of log Z is the mean of log p*'s gradient: section 18.1
        gradients = torch.autograd.grad(log_partition(model), parameters)
    return dict(zip(names, gradients, strict=True))


def log_likelihood(
    model: EnergyModel, visible: Tensor, log_z: Tensor | float | None = None
) -> Tensor:
    """``log p(v) = -F(v) - log Z`` in nats for each example.

    Parameters
    ----------
    model : EnergyModel
        With a method ``free_energy(visible)``.
    visible : Tensor, shape (N, *visible shape)
    log_z : Tensor or float, optional
        ``log Z``, for instance an estimate; computed by ``log_partition`` if not given.

    Returns
    -------
    Tensor, shape (N,)

    Raises
    ------
    TypeError
        If the model has no free energy of its visible units.
    ValueError
        As in ``log_partition``.
    """
    free_energy = getattr(model, "free_energy", None)
    if free_energy is None:
        raise TypeError(f"expected a model with free_energy, got {type(model).__name__}")
    energies: Tensor = free_energy(visible)
    return -energies - (log_partition(model) if log_z is None else log_z)


def _smaller_side(
    model: EnergyModel,
) -> tuple[Callable[[Tensor], Tensor], torch.Size]:
    """The layer to enumerate: ``log p*`` of its states, and their shape."""
    with torch.no_grad():
        state = model.initial_state(1)
        sides: list[tuple[Callable[[Tensor], Tensor], torch.Size]] = []
        if isinstance(model, Harmonium):
            # asked with a draw: in every machine, hidden units are what comes out of it
            hidden = model.sample_hidden(state, torch.Generator(model.device))
            sides.append((lambda h: -model._hidden_free_energy(h), hidden.shape[1:]))
        if model.binary_state:
            sides.append((model._log_unnormalised, state.shape[1:]))
    side = min(sides, key=lambda side: side[1].numel(), default=None)
    if side is None or side[1].numel() > MAX_UNITS:
        sizes = " and ".join(str(shape.numel()) for _, shape in sides) or "none"
        raise ValueError(
            f"expected at most {MAX_UNITS} binary units to enumerate on one side, got {sizes}"
        )
    return side


def _log_sum(log_unnormalised: Callable[[Tensor], Tensor], states: Tensor) -> Tensor:
    return torch.logsumexp(log_unnormalised(states), dim=0)
