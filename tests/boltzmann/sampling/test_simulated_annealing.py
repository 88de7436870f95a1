import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.boltzmann import (
    BoltzmannMachine,
    all_states,
    anneal,
    bernoulli,
    geometric_temperatures,
)

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
    state = anneal(machine, start, temperatures, generator)
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
    state = anneal(
        machine, machine.initial_state(20_000), [1.0] * 20, torch.Generator().manual_seed(0)
    )
    assert goodness_of_fit(state, machine.distribution()) > 1e-4


def test_at_temperature_two_it_samples_half_the_energy(goodness_of_fit):
    machine = BoltzmannMachine(
        5, weight_scale=2.0, generator=torch.Generator().manual_seed(0), dtype=FLOAT
    )
    state = anneal(
        machine, machine.initial_state(20_000), [2.0] * 20, torch.Generator().manual_seed(0)
    )
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
    state = anneal(rbm, rbm.initial_state(300), temperatures, torch.Generator().manual_seed(0))
    assert (state == joint).all(1).double().mean() > 0.5
    assert (state == free).all(1).double().mean() < 0.4


def test_annealing_leaves_the_machine_alone_and_repeats_with_its_generator():
    machine, _ = frustrated_machine()
    before = machine.weight.detach().clone()
    ends = [
        anneal(machine, machine.initial_state(9), [3.0, 1.0, 0.3], torch.Generator().manual_seed(0))
        for _ in range(2)
    ]
    assert torch.equal(*ends)
    assert torch.equal(machine.weight, before)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan])
def test_a_temperature_that_is_not_above_zero_is_refused(temperature):
    machine, _ = frustrated_machine()
    with pytest.raises(ValueError, match="temperatures above 0"):
        anneal(machine, machine.initial_state(2), [1.0, temperature])


@given(hot=st.floats(1, 100), cold=st.floats(0.01, 1), steps=st.integers(2, 50))
def test_geometric_temperatures_fall_by_one_fraction(hot, cold, steps):
    temperatures = geometric_temperatures(hot, cold, steps)
    assert len(temperatures) == steps
    assert temperatures[0] == pytest.approx(hot)
    assert temperatures[-1] == pytest.approx(cold)
    ratios = [b / a for a, b in itertools.pairwise(temperatures)]
    assert ratios == pytest.approx([ratios[0]] * (steps - 1))


@pytest.mark.parametrize(("hot", "cold", "steps"), [(1, 2, 5), (1, 0, 5), (1, -1, 5), (2, 1, 1)])
def test_a_schedule_that_does_not_cool_is_refused(hot, cold, steps):
    with pytest.raises(ValueError, match=f"hot={hot}, cold={cold} and {steps} steps"):
        geometric_temperatures(hot, cold, steps)
