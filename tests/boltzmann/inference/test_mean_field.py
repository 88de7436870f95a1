"""Mean field against enumeration, on machines of eight hidden units."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.boltzmann import (
    all_states,
    binary_entropy,
    fit_mean_field,
    pairwise_bound,
    pairwise_log_partition,
)


def machine(units=8, *, scale=1.0, seed=0, batch=5, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    noise = scale * torch.randn(units, units, generator=generator, dtype=dtype)
    coupling = (noise + noise.T).fill_diagonal_(0)
    return torch.randn(batch, units, generator=generator, dtype=dtype), coupling


def layered(seed=0):
    """Couplings between, not inside, the units 0 to 4 and 5 to 7."""
    field, coupling = machine(seed=seed)
    coupling[:5, :5] = coupling[5:, 5:] = 0
    return field, coupling


def test_log_partition_is_the_log_sum_over_all_states():
    field, coupling = machine()
    h = all_states(8, dtype=torch.float64)
    scores = field @ h.T + torch.einsum("si,ij,sj->s", h, coupling, h) / 2
    torch.testing.assert_close(
        pairwise_log_partition(field, coupling), scores.logsumexp(-1), rtol=0, atol=1e-10
    )


def test_bound_is_the_expectation_over_independent_units_plus_their_entropy():
    field, coupling = machine()
    mean = torch.rand(5, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    h = all_states(8, dtype=torch.float64)
    q = torch.where(h > 0, mean[:, None], 1 - mean[:, None]).prod(-1)
    scores = field @ h.T + torch.einsum("si,ij,sj->s", h, coupling, h) / 2
    by_enumeration = (q * (scores - q.log())).sum(-1)
    torch.testing.assert_close(
        pairwise_bound(mean, field, coupling), by_enumeration, rtol=0, atol=1e-10
    )


@given(seed=st.integers(0, 10_000), scale=st.floats(0, 3))
def test_bound_rises_with_every_update_and_never_passes_the_truth(seed, scale):
    field, coupling = machine(6, scale=scale, seed=seed, batch=3)
    bounds = fit_mean_field(field, coupling, sweeps=20).bounds
    assert bool((bounds.diff(dim=0) >= -1e-10).all())
    assert bool((bounds[-1] <= pairwise_log_partition(field, coupling) + 1e-10).all())


@given(seed=st.integers(0, 10_000))
def test_bound_rises_layer_by_layer(seed):
    field, coupling = layered(seed)
    bounds = fit_mean_field(field, coupling, blocks=[range(5), range(5, 8)]).bounds
    assert bool((bounds.diff(dim=0) >= -1e-10).all())


def test_all_units_at_once_can_lower_the_bound():
    # the mutant: what fit_mean_field refuses to do
    field, coupling = (
        torch.zeros(1, 2).double(),
        torch.tensor([[0.0, -12.0], [-12.0, 0.0]]).double(),
    )
    mean = torch.tensor([[0.01, 0.01]]).double()
    bounds = []
    for _ in range(5):
        bounds.append(pairwise_bound(mean, field, coupling))
        mean = torch.sigmoid(field + mean @ coupling)
    assert torch.stack(bounds).diff(dim=0).min() < -1
    with pytest.raises(ValueError, match=r"blocks of uncoupled units.*\[0, 1\]"):
        fit_mean_field(field, coupling, blocks=[[0, 1]])


def test_without_couplings_the_bound_is_the_truth():
    field, coupling = machine()
    result = fit_mean_field(field, 0 * coupling)
    torch.testing.assert_close(result.mean, torch.sigmoid(field), rtol=0, atol=1e-12)
    torch.testing.assert_close(
        result.bounds[-1], pairwise_log_partition(field, 0 * coupling), rtol=0, atol=1e-10
    )


def test_it_ends_once_no_mean_moves():
    field, coupling = machine(scale=0.1)
    result = fit_mean_field(field, coupling, sweeps=1000, tolerance=1e-3)
    assert len(result.bounds) < 8 * 100
    update = torch.sigmoid(field + result.mean @ coupling)
    torch.testing.assert_close(result.mean, update, rtol=0, atol=1e-2)


def test_it_starts_where_it_is_told():
    field, coupling = torch.zeros(1, 2).double(), torch.tensor([[0.0, -6.0], [-6.0, 0.0]]).double()
    for first in (0, 1):
        start = torch.eye(2).double()[first][None]
        assert fit_mean_field(field, coupling, start=start).mean.argmax() == first


def test_entropy_of_certain_units_is_zero_and_of_fair_ones_log_two():
    entropy = binary_entropy(torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64))
    expected = torch.tensor([0.0, math.log(2), 0.0], dtype=torch.float64)
    torch.testing.assert_close(entropy, expected, rtol=0, atol=1e-12)


def test_float32_agrees_with_float64():
    field, coupling = machine()
    narrow = fit_mean_field(field.float(), coupling.float(), sweeps=50)
    assert narrow.mean.dtype == narrow.bounds.dtype == torch.float32
    wide = fit_mean_field(field, coupling, sweeps=50)
    torch.testing.assert_close(narrow.mean.double(), wide.mean, rtol=0, atol=1e-4)


def test_wrong_arguments_are_named():
    field, coupling = machine()
    with pytest.raises(ValueError, match=r"coupling of shape \(8, 8\), got \(7, 7\)"):
        fit_mean_field(field, coupling[:7, :7])
    with pytest.raises(ValueError, match="symmetric coupling with a zero diagonal"):
        fit_mean_field(field, coupling + torch.eye(8).double())
    with pytest.raises(ValueError, match="symmetric coupling with a zero diagonal"):
        pairwise_log_partition(field, coupling.triu())
    with pytest.raises(ValueError, match="blocks with each of the 8 units once"):
        fit_mean_field(field, coupling, blocks=[[i] for i in range(7)])
