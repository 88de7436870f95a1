"""Markov chains of small machines as matrices: what sampling does, exactly."""

import torch
from torch import Tensor

from deepbook.boltzmann.energy.states import all_states
from deepbook.boltzmann.machines.boltzmann_machine import BoltzmannMachine
from deepbook.boltzmann.machines.restricted import RBM

__all__ = [
    "gibbs_transition_matrix",
    "joint_transition_matrix",
    "visible_transition_matrix",
]

_MAX_UNITS = 12  # 2 ** 12 states: a matrix of 16.8 million entries


@torch.no_grad()
def visible_transition_matrix(rbm: RBM) -> Tensor:
    """``T[i, j] = sum_h p(h | v_i) p(v_j | h)``: one step of block Gibbs on the visible units.

    Returns
    -------
    Tensor, shape (2 ** visible_size, 2 ** visible_size)
        States in the order of ``all_states``; each row adds up to one (Goodfellow et al. 2016,
        section 17.3, whose matrices are the transposes of these).

    Raises
    ------
    ValueError
        If there are more than 12 visible or 12 hidden units.
    """
    _check_size(max(rbm.visible_size, rbm.hidden_size))
    up, down = _half_steps(rbm)
    return up @ down


@torch.no_grad()
def joint_transition_matrix(rbm: RBM) -> Tensor:
    """One alternating sweep on ``(v, h)``: draw ``h`` given ``v``, then ``v`` given the new ``h``.

    It leaves ``p(v, h)`` as it is, but has no detailed balance.

    Returns
    -------
    Tensor, shape (2 ** n, 2 ** n) for n = visible_size + hidden_size
        States in the order of ``all_states(n)``, visible units first.

    Raises
    ------
    ValueError
        If there are more than 12 units.
    """
    _check_size(rbm.visible_size + rbm.hidden_size)
    up, down = _half_steps(rbm)
    # p(h' | v) p(v' | h'): the old h has no say, so rows that differ in it alone are equal
    rows = (up[:, None, :] * down.T[None]).flatten(1)
    return rows.repeat_interleave(up.shape[1], dim=0)


@torch.no_grad()
def gibbs_transition_matrix(machine: BoltzmannMachine, *, random_scan: bool = False) -> Tensor:
    """One sequential sweep over all units, or one update of a random unit.

    Parameters
    ----------
    machine : BoltzmannMachine
    random_scan : bool
        Whether the step is ``random_scan_step`` instead of ``gibbs_step``.

    Returns
    -------
    Tensor, shape (2 ** size, 2 ** size)
        States in the order of ``all_states``; each row adds up to one.

    Raises
    ------
    ValueError
        If there are more than 12 units.
    """
    _check_size(machine.size)
    states = all_states(machine.size, dtype=machine.dtype, device=machine.device)
    on = torch.sigmoid(states @ machine.weight_matrix() + machine.bias())
    probability = torch.where(states == 1, on, 1 - on)
    number = torch.arange(len(states), device=states.device)

    def then_draw(unit: int, matrix: Tensor) -> Tensor:
        bit = 1 << (machine.size - 1 - unit)
        # both values that the unit may have had lead to the same two states
        either = matrix[:, number | bit] + matrix[:, number & ~bit]
        return either * probability[:, unit]

    start = torch.eye(len(states), dtype=states.dtype, device=states.device)
    swept, mixed = start, torch.zeros_like(start)
    for unit in range(machine.size):
        if random_scan:
            mixed += then_draw(unit, start) / machine.size
        else:
            swept = then_draw(unit, swept)
    return mixed if random_scan else swept


def _half_steps(rbm: RBM) -> tuple[Tensor, Tensor]:
    """``p(h | v)``, shape (2 ** visible, 2 ** hidden), and ``p(v | h)`` the other way round."""
    visible = all_states(rbm.visible_size, dtype=rbm.dtype, device=rbm.device)
    hidden = all_states(rbm.hidden_size, dtype=rbm.dtype, device=rbm.device)
    return _probabilities(rbm._hidden_mean(visible)), _probabilities(rbm._visible_mean(hidden))


def _probabilities(mean: Tensor) -> Tensor:
    """Probability of each of ``all_states``, for independent units with these means."""
    result = torch.ones_like(mean[:, :1])
    for unit in range(mean.shape[1]):
        on = mean[:, unit, None]
        # the unit that comes later counts faster
        result = torch.stack([result * (1 - on), result * on], dim=-1).flatten(1)
    return result


def _check_size(units: int) -> None:
    if units > _MAX_UNITS:
        raise ValueError(f"expected at most {_MAX_UNITS} units to make a matrix of, got {units}")
