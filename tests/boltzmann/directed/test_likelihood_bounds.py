import math

import pytest
import torch

from deepbook.boltzmann.directed.likelihood_bounds import (
    bernoulli_log_likelihood,
    check_bits,
    log_mean_exp,
)


def test_a_grey_value_is_no_bit():
    check_bits(torch.tensor([[0.0, 1.0, 1.0]]), 3, torch.float32)
    with pytest.raises(ValueError, match=r"expected visible units that are 0 or 1, got 2 values"):
        check_bits(torch.tensor([[0.0, 0.5, 0.25]]), 3, torch.float32)
    with pytest.raises(ValueError, match="expected 3 hidden units"):
        check_bits(torch.zeros(1, 2), 3, torch.float32, "hidden")


def test_the_mean_of_exponentials_does_not_overflow():
    log_weights = torch.tensor([1000.0, 1000.0 + math.log(3)])
    assert log_mean_exp(log_weights).item() == pytest.approx(1000 + math.log(2), abs=1e-4)


def test_the_probabilities_of_all_bits_add_up_to_one():
    logits = torch.randn(3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    bits = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 3)
    total = bernoulli_log_likelihood(bits, logits).logsumexp(0)
    torch.testing.assert_close(total, torch.zeros((), dtype=torch.float64))
