import pytest
import torch

from deepbook.boltzmann import (
    BoltzmannMachine,
    all_states,
)

FLOAT = torch.float64


def close(actual, expected, atol=1e-10):
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


def test_free_energy_is_the_log_sum_over_all_hidden_states(energies, machine):
    by_hand = energies(machine).reshape(2**machine.visible_size, -1)
    visible = all_states(machine.visible_size, dtype=FLOAT)
    close(machine.free_energy(visible).detach(), -torch.logsumexp(-by_hand, 1))


def test_more_hidden_units_than_fit_one_block_are_enumerated_too(make_machine, energies):
    machine = make_machine(2, 11)
    by_hand = energies(machine).reshape(4, -1)
    visible = all_states(2, dtype=FLOAT)
    close(machine.free_energy(visible).detach(), -torch.logsumexp(-by_hand, 1))
    expected = torch.autograd.grad(-machine.free_energy(visible).mean(), machine.weight)[0]
    close(machine.data_statistics(visible)["weight"], expected)


def test_estimated_positive_phase_agrees_with_the_exact_one(make_machine):
    machine = make_machine()
    data = torch.tensor([[1.0, 0, 0, 1, 1], [0, 1, 1, 0, 1]], dtype=FLOAT)
    exact = machine.data_statistics(data)
    many = machine.chain_from_data(data.repeat(10_000, 1), torch.Generator().manual_seed(0))
    for name, value in machine.statistics(many).items():
        # more than five standard errors of 20,000 draws
        close(value, exact[name], 0.02)


def test_too_many_units_to_enumerate_are_refused():
    machine = BoltzmannMachine(2, 26)
    with pytest.raises(ValueError, match="got 28"):
        machine.distribution()
    with pytest.raises(ValueError, match="got 26"):
        machine.free_energy(torch.zeros(1, 2))
