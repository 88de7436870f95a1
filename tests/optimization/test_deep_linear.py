import itertools

import pytest
import torch

from deepbook.optimization import DeepLinearLoss, bfgs, hessian, value_and_gradient


def target(rows, columns, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, columns, generator=generator, dtype=torch.float64)


def subsets(count, most):
    return [c for r in range(most + 1) for c in itertools.combinations(range(count), r)]


@pytest.mark.parametrize("hidden", [[2], [3], [5], [3, 4], [4, 2, 3]])
def test_every_set_of_modes_is_a_critical_point_of_the_loss_told(hidden):
    loss = DeepLinearLoss(target(3, 4), hidden)
    for modes in subsets(3, min(*hidden, 3)):
        value, gradient = value_and_gradient(loss, loss.critical_point(modes))
        assert gradient.abs().max() < 1e-10
        assert value == pytest.approx(loss.critical_value(modes), abs=1e-12)


@pytest.mark.parametrize(("rows", "columns"), [(3, 4), (4, 3), (3, 3)])
@pytest.mark.parametrize("hidden", [1, 2, 3, 4])
def test_the_index_is_the_number_of_negative_eigenvalues(rows, columns, hidden):
    loss = DeepLinearLoss(target(rows, columns), [hidden])
    for modes in subsets(3, min(hidden, 3)):
        values = torch.linalg.eigvalsh(hessian(loss, loss.critical_point(modes)))
        assert loss.index(modes) == int((values < -1e-9).sum()), modes


def test_a_target_of_lower_rank_leaves_nothing_more_to_learn():
    low = target(4, 2) @ target(2, 5, seed=1)
    loss = DeepLinearLoss(low, [3])
    for modes in subsets(4, 2):
        values = torch.linalg.eigvalsh(hessian(loss, loss.critical_point(modes)))
        assert loss.index(modes) == int((values < -1e-9).sum()), modes
    assert loss.index([0, 1]) == 0
    assert loss.critical_value([0, 1]) == pytest.approx(0, abs=1e-20)


def test_only_the_largest_modes_are_a_minimum_and_the_index_falls_with_the_loss():
    loss = DeepLinearLoss(target(4, 4), [2])
    chosen = [(0, 1), (0, 2), (0,), ()]
    values = [loss.critical_value(modes) for modes in chosen]
    assert [loss.index(modes) for modes in chosen] == [0, 1, 3, 8]
    assert values == sorted(values)
    assert loss.global_minimum() == values[0]


def test_the_saddle_at_zero_has_no_negative_eigenvalue_in_a_deeper_network():
    loss = DeepLinearLoss(target(3, 3), [3, 3])
    values = torch.linalg.eigvalsh(hessian(loss, loss.critical_point([])))
    assert values.abs().max() < 1e-12
    with pytest.raises(ValueError, match="one hidden layer, got 2"):
        loss.index([])


def test_descent_from_a_random_start_ends_at_the_global_minimum():
    loss = DeepLinearLoss(target(4, 5), [2, 3])
    for seed in range(5):
        start = loss.random_start(1.0, torch.Generator().manual_seed(seed))
        assert start.shape == (loss.size,)
        way = bfgs(loss, start, max_steps=3000, tolerance=1e-9)
        assert way.value == pytest.approx(loss.global_minimum(), rel=1e-6)


def test_the_loss_is_half_the_squared_distance_of_the_product():
    a = target(2, 3)
    loss = DeepLinearLoss(a, [4, 5])
    vector = loss.random_start(1.0)
    first, second, third = loss.matrices(vector)
    assert [m.shape for m in (first, second, third)] == [(4, 3), (5, 4), (2, 5)]
    expected = (third @ second @ first - a).square().sum() / 2
    torch.testing.assert_close(loss(vector), expected)


def test_modes_that_do_not_fit_are_refused():
    loss = DeepLinearLoss(target(3, 4), [2])
    with pytest.raises(ValueError, match=r"at most 2 singular values from 0 to 2, got \[0, 1, 2\]"):
        loss.critical_point([0, 1, 2])
    with pytest.raises(ValueError, match=r"got \[3\]"):
        loss.index([3])
    for a, hidden in ((target(2, 2)[0], [1]), (target(2, 2), []), (target(2, 2), [0])):
        with pytest.raises(ValueError, match="a matrix and hidden layers of at least 1 unit"):
            DeepLinearLoss(a, hidden)
