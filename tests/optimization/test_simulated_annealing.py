import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.optimization import anneal, geometric_temperatures


def metropolis(energy, generator):
    """A step that proposes a place nearby and takes it with probability exp(-rise / T)."""

    def step(state, temperature):
        proposal = state + 0.5 * torch.randn(state.shape, generator=generator)
        rise = energy(proposal) - energy(state)
        taken = torch.rand(state.shape, generator=generator) < torch.exp(-rise / temperature)
        return torch.where(taken, proposal, state)

    return step


def double_well(x):
    """Two hollows at -2 and 2; the right one is deeper by 12, and a hill of 16 lies between."""
    return (x**2 - 4) ** 2 - 3 * x


def test_slow_cooling_finds_the_deeper_hollow_where_quick_cooling_stays_on_its_side():
    step = metropolis(double_well, torch.Generator().manual_seed(0))
    start = torch.full((500,), -2.0)
    slow = anneal(step, start, geometric_temperatures(20, 0.05, 800))
    quick = anneal(step, start, [0.05] * 800)
    assert (slow > 0).float().mean() > 0.7
    assert (quick > 0).float().mean() < 0.1


def test_each_step_gets_its_own_temperature_and_the_state_of_the_one_before():
    seen = []

    def step(state, temperature):
        seen.append((state.item(), temperature))
        return state + 1

    assert anneal(step, torch.tensor(0), [3.0, 2.0, 0.5]).item() == 3
    assert seen == [(0, 3.0), (1, 2.0), (2, 0.5)]


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan])
def test_a_temperature_that_is_not_above_zero_is_refused(temperature):
    with pytest.raises(ValueError, match="temperatures above 0"):
        anneal(lambda state, temperature: state, torch.zeros(2), [1.0, temperature])


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
