import pytest
import torch

from deepbook.boltzmann import (
    all_states,
    dbm_from_rbms,
)


def states(size, dtype=torch.float64):
    return all_states(size, dtype=dtype)


def close(actual, expected, tolerance=1e-10):
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance)


def test_the_deep_machine_is_the_geometric_mean_of_its_two_parts(copied):
    first, second = copied(2, 1), copied(1, 2, (3, 5), seed=1)
    dbm = dbm_from_rbms(first, second)
    h1 = states(3)
    halves = (-first.hidden_free_energy(h1) - second.free_energy(h1)) / 2
    close(dbm.log_unnormalised(h1), halves)


def test_parts_that_do_not_fit_are_refused(copied):
    with pytest.raises(ValueError, match=r"copies \(2, 1\) and \(1, 2\)"):
        dbm_from_rbms(copied(1, 1), copied(1, 2, (3, 5)))
    with pytest.raises(ValueError, match="4 visible on 3 hidden"):
        dbm_from_rbms(copied(2, 1), copied(1, 2, (4, 5)))
