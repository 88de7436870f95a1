"""Boltzmann machines small enough to enumerate, and their energies by definition."""

import pytest
import torch

from deepbook.boltzmann import BoltzmannMachine, all_states

FLOAT = torch.float64


def _make_machine(visible_size=5, hidden_size=4, *, seed=0, dtype=FLOAT):
    generator = torch.Generator().manual_seed(seed)
    machine = BoltzmannMachine(
        visible_size, hidden_size, weight_scale=0.8, generator=generator, dtype=dtype
    )
    with torch.no_grad():
        machine.visible_bias.normal_(0, 0.5, generator=generator)
        machine.hidden_bias.normal_(0, 0.5, generator=generator)
    return machine


def _energies(machine):
    """E(x) by its definition, pair by pair, for all states."""
    states = all_states(machine.size, dtype=FLOAT)
    biases = [*machine.visible_bias.tolist(), *machine.hidden_bias.tolist()]
    energy = torch.zeros(len(states), dtype=FLOAT)
    for unit, bias in enumerate(biases):
        energy -= bias * states[:, unit]
    pair = 0
    for i in range(machine.size):
        for j in range(i + 1, machine.size):
            energy -= machine.weight[pair].item() * states[:, i] * states[:, j]
            pair += 1
    return energy


@pytest.fixture(scope="session")
def make_machine():
    """``make_machine(visible_size, hidden_size, seed=, dtype=)``: a random one."""
    return _make_machine


@pytest.fixture(scope="session")
def energies():
    """``energies(machine)``: E(x) by its definition, for all states."""
    return _energies


SIZES = [(5, 4), (6, 0), (1, 3), (1, 0)]


@pytest.fixture(params=SIZES, ids=str)
def machine(request):
    return _make_machine(*request.param)
