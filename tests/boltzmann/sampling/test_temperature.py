import pytest
import torch

from deepbook.boltzmann import BoltzmannMachine, all_states, tempered_step
from deepbook.optimization import anneal, geometric_temperatures
from deepbook.units import bernoulli

FLOAT = torch.float64


def frustrated_machine(seed=0):
    """12 units with couplings of both signs: as spins they have no field, and many minima."""
    generator = torch.Generator().manual_seed(seed)
    machine = BoltzmannMachine(12, weight_scale=2.0, generator=generator, dtype=FLOAT)
    with torch.no_grad():
        machine.visible_bias.copy_(-machine.weight_matrix().sum(1) / 2)
    return machine, machine.energy(all_states(12, dtype=FLOAT)).min().item()


def share_in_ground_state(machine, lowest, temperatures):
    generator = torch.Generator().manual_seed(1)
    start = bernoulli(torch.full((300, 12), 0.5, dtype=FLOAT), generator)
    state = anneal(tempered_step(machine, generator), start, temperatures)
    return (machine.energy(state) < lowest + 1e-9).double().mean().item()


@pytest.mark.parametrize("seed", range(3))
def test_slow_cooling_ends_in_the_ground_state_where_quick_cooling_sticks(seed):
    machine, lowest = frustrated_machine(seed)
    slow = share_in_ground_state(machine, lowest, geometric_temperatures(10, 0.1, 200))
    quick = share_in_ground_state(machine, lowest, [1e-3] * 200)
    assert slow > 0.75
    assert slow > quick + 0.25


def test_at_temperature_one_annealing_is_the_machines_own_chain(goodness_of_fit):
    machine = BoltzmannMachine(
        5, weight_scale=1.0, generator=torch.Generator().manual_seed(0), dtype=FLOAT
    )
    step = tempered_step(machine, torch.Generator().manual_seed(0))
    state = anneal(step, machine.initial_state(20_000), [1.0] * 20)
    assert goodness_of_fit(state, machine.distribution()) > 1e-4


def test_at_temperature_two_it_samples_half_the_energy(goodness_of_fit):
    machine = BoltzmannMachine(
        5, weight_scale=2.0, generator=torch.Generator().manual_seed(0), dtype=FLOAT
    )
    step = tempered_step(machine, torch.Generator().manual_seed(0))
    state = anneal(step, machine.initial_state(20_000), [2.0] * 20)
    half = (-machine.energy(all_states(5, dtype=FLOAT)) / 2).detach().softmax(0)
    assert goodness_of_fit(state, half) > 1e-4
    assert goodness_of_fit(state, machine.distribution()) < 1e-4


def test_an_rbm_ends_where_its_joint_energy_is_lowest_not_its_free_energy(rbm_of):
    rbm = rbm_of(seed=5)
    states = all_states(8, dtype=FLOAT)
    visible, hidden = all_states(14, dtype=FLOAT).split([8, 6], 1)
    joint = visible[rbm.energy(visible, hidden).argmin()]
    free = states[rbm.free_energy(states).argmin()]
    assert not torch.equal(joint, free)
    temperatures = geometric_temperatures(5, 0.01, 300)
    step = tempered_step(rbm, torch.Generator().manual_seed(0))
    state = anneal(step, rbm.initial_state(300), temperatures)
    assert (state == joint).all(1).double().mean() > 0.5
    assert (state == free).all(1).double().mean() < 0.4


def test_annealing_leaves_the_machine_alone_and_repeats_with_its_generator():
    machine, _ = frustrated_machine()
    before = machine.weight.detach().clone()
    ends = [
        anneal(tempered_step(machine, generator), machine.initial_state(9), [3.0, 1.0, 0.3])
        for generator in (torch.Generator().manual_seed(0), torch.Generator().manual_seed(0))
    ]
    assert torch.equal(*ends)
    assert torch.equal(machine.weight, before)


def test_a_step_follows_the_machine_as_it_is_then():
    machine = BoltzmannMachine(3, weight_scale=0.0, dtype=FLOAT)
    step = tempered_step(machine, torch.Generator().manual_seed(0))
    with torch.no_grad():
        machine.visible_bias.fill_(50)
    assert bool((step(torch.zeros(9, 3, dtype=FLOAT), 1.0) == 1).all())
