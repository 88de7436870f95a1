import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.boltzmann import (
    all_states,
    detailed_balance_error,
    second_eigenvalue,
    stationarity_error,
    stationary_distribution,
    visible_transition_matrix,
)

FLOAT = torch.float64


def exact_visible(rbm):
    with torch.no_grad():
        return rbm.log_unnormalised(all_states(rbm.visible_size, dtype=FLOAT)).softmax(0)


# eigenvalues


@given(stay=st.floats(0.02, 0.98), back=st.floats(0.02, 0.98))
def test_two_states_have_the_known_stationary_distribution_and_eigenvalue(stay, back):
    matrix = torch.tensor([[stay, 1 - stay], [back, 1 - back]], dtype=FLOAT)
    exact = torch.tensor([back, 1 - stay], dtype=FLOAT) / (back + 1 - stay)
    torch.testing.assert_close(stationary_distribution(matrix), exact, rtol=0, atol=1e-12)
    assert second_eigenvalue(matrix).item() == pytest.approx(abs(stay - back), abs=1e-9)
    # two states always balance
    assert detailed_balance_error(matrix, exact) < 1e-12


def test_the_distance_to_the_model_falls_at_the_rate_of_the_second_eigenvalue(small_rbm):
    matrix, exact = visible_transition_matrix(small_rbm), exact_visible(small_rbm)
    rate = second_eigenvalue(matrix)
    assert rate.item() == pytest.approx(0.398, abs=1e-3)
    distance = [
        (torch.linalg.matrix_power(matrix, steps)[0] - exact).abs().sum() for steps in (12, 13)
    ]
    torch.testing.assert_close(distance[1] / distance[0], rate, rtol=0.02, atol=0)


def test_a_cycle_comes_back_for_ever_and_has_no_detailed_balance():
    cycle = torch.eye(3, dtype=FLOAT).roll(1, dims=1)
    uniform = torch.full((3,), 1 / 3, dtype=FLOAT)
    assert second_eigenvalue(cycle).item() == pytest.approx(1)
    assert stationarity_error(cycle, uniform) < 1e-12
    assert detailed_balance_error(cycle, uniform).item() == pytest.approx(1 / 3)


def test_what_is_no_transition_matrix_is_refused():
    uniform = torch.full((2,), 0.5)
    for function in (stationary_distribution, second_eigenvalue):
        with pytest.raises(ValueError, match=r"square matrix, got shape \(2, 3\)"):
            function(torch.ones(2, 3) / 3)
        with pytest.raises(ValueError, match="each row of which adds up to one"):
            function(torch.ones(2, 2))
    for function in (detailed_balance_error, stationarity_error):
        with pytest.raises(ValueError, match="each row of which adds up to one"):
            function(torch.tensor([[0.5, 0.4], [0.5, 0.5]]), uniform)
        with pytest.raises(ValueError, match=r"distribution of shape \(2,\), got \(3,\)"):
            function(torch.eye(2), torch.ones(3) / 3)
    with pytest.raises(ValueError, match="at least 2 states"):
        second_eigenvalue(torch.ones(1, 1))
