import pytest
import torch

from deepbook.boltzmann import (
    BoltzmannMachine,
    all_states,
)

FLOAT = torch.float64


def make_machine(visible_size=5, hidden_size=4, *, seed=0, dtype=FLOAT):
    generator = torch.Generator().manual_seed(seed)
    machine = BoltzmannMachine(
        visible_size, hidden_size, weight_scale=0.8, generator=generator, dtype=dtype
    )
    with torch.no_grad():
        machine.visible_bias.normal_(0, 0.5, generator=generator)
        machine.hidden_bias.normal_(0, 0.5, generator=generator)
    return machine


def energies(machine):
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


def close(actual, expected, atol=1e-10):
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


SIZES = [(5, 4), (6, 0), (1, 3), (1, 0)]


@pytest.fixture(params=SIZES, ids=str)
def machine(request):
    return make_machine(*request.param)


def test_free_energy_is_the_log_sum_over_all_hidden_states(machine):
    by_hand = energies(machine).reshape(2**machine.visible_size, -1)
    visible = all_states(machine.visible_size, dtype=FLOAT)
    close(machine.free_energy(visible).detach(), -torch.logsumexp(-by_hand, 1))


def test_more_hidden_units_than_fit_one_block_are_enumerated_too():
    machine = make_machine(2, 11)
    by_hand = energies(machine).reshape(4, -1)
    visible = all_states(2, dtype=FLOAT)
    close(machine.free_energy(visible).detach(), -torch.logsumexp(-by_hand, 1))
    expected = torch.autograd.grad(-machine.free_energy(visible).mean(), machine.weight)[0]
    close(machine.data_statistics(visible)["weight"], expected)


def test_estimated_positive_phase_agrees_with_the_exact_one():
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
