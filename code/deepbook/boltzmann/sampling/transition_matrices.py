"""Markov chains of small machines as matrices: what sampling does, exactly."""

import torch
from torch import Tensor

from deepbook.boltzmann.energy.states import all_states
from deepbook.boltzmann.machines.boltzmann_machine import BoltzmannMachine
from deepbook.boltzmann.machines.restricted import RBM

__all__ = [
    "detailed_balance_error",
    "gibbs_transition_matrix",
    "joint_transition_matrix",
    "second_eigenvalue",
    "stationarity_error",
    "stationary_distribution",
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


def stationary_distribution(matrix: Tensor) -> Tensor:
    """The distribution that ``matrix`` leaves as it is: ``p T = p``.

    Parameters
    ----------
    matrix : Tensor, shape (n, n)
        Rows add up to one; the chain reaches every state from every other.

    Returns
    -------
    Tensor, shape (n,)
    """
    _check_stochastic(matrix)
    # p (T - 1) = 0 has one equation too many; sum p = 1 takes the place of the last
    system = matrix.T - torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    system[-1] = 1
    right = torch.zeros_like(system[0])
    right[-1] = 1
    return torch.linalg.solve(system, right)


def second_eigenvalue(matrix: Tensor) -> Tensor:
    """The second largest modulus of an eigenvalue: what a step leaves of the start, in the end.

    After k steps the distance to the stationary distribution falls like its k-th power
    (section 17.3).

    Parameters
    ----------
    matrix : Tensor, shape (n, n)
        Rows add up to one.

    Returns
    -------
    Tensor, shape ()
    """
    _check_stochastic(matrix)
    if len(matrix) < 2:
        raise ValueError("expected at least 2 states, got 1")
    return torch.linalg.eigvals(matrix).abs().sort(descending=True).values[1]


def detailed_balance_error(matrix: Tensor, distribution: Tensor) -> Tensor:
    """``max |p_i T_ij - p_j T_ji|``: zero where the flow between any two states is balanced.

    Parameters
    ----------
    matrix : Tensor, shape (n, n)
    distribution : Tensor, shape (n,)

    Returns
    -------
    Tensor, shape ()
    """
    _check_stochastic(matrix, distribution)
    flow = distribution[:, None] * matrix
    return (flow - flow.T).abs().max()


def stationarity_error(matrix: Tensor, distribution: Tensor) -> Tensor:
    """``max |p T - p|``: zero where a step leaves the distribution as it is.

    Parameters
    ----------
    matrix : Tensor, shape (n, n)
    distribution : Tensor, shape (n,)

    Returns
    -------
    Tensor, shape ()
    """
    _check_stochastic(matrix, distribution)
    return (distribution @ matrix - distribution).abs().max()


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


def _check_stochastic(matrix: Tensor, distribution: Tensor | None = None) -> None:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"expected a square matrix, got shape {tuple(matrix.shape)}")
    if not torch.allclose(matrix.sum(1), matrix.new_ones(()), atol=1e-4):
        raise ValueError("expected a transition matrix, each row of which adds up to one")
    if distribution is not None and distribution.shape != matrix.shape[:1]:
        raise ValueError(
            f"expected a distribution of shape {tuple(matrix.shape[:1])}, "
            f"got {tuple(distribution.shape)}"
        )
