import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Bernoulli, kl_divergence

from deepbook.regularization import (
    contractive_penalty,
    kl_sparsity,
    l1_sparsity,
    sigmoid_contractive_penalty,
)
from deepbook.representation import Autoencoder


def test_l1_is_the_sum_of_absolute_values():
    code = torch.tensor([[1.0, -2.0], [0.0, 0.5]])
    assert l1_sparsity(code).tolist() == [3.0, 0.5]


@given(st.floats(0.01, 0.99), st.integers(0, 100))
def test_kl_is_torchs_divergence_of_bernoullis(target, seed):
    generator = torch.Generator().manual_seed(seed)
    code = torch.rand(10, 4, generator=generator, dtype=torch.float64)
    wanted = Bernoulli(torch.tensor(target, dtype=torch.float64))
    torchs = kl_divergence(wanted, Bernoulli(code.mean(0))).sum()
    torch.testing.assert_close(kl_sparsity(code, target), torchs)


def test_kl_is_zero_where_every_unit_is_as_active_as_wanted():
    code = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]], dtype=torch.float64)
    assert abs(kl_sparsity(code, 0.25).item()) < 1e-12


def test_a_dead_unit_costs_a_finite_penalty_with_a_finite_slope():
    code = torch.zeros(5, 3, requires_grad=True)
    penalty = kl_sparsity(code, 0.1)
    penalty.backward()
    assert penalty.isfinite()
    assert code.grad.isfinite().all()


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 100))
def test_the_closed_form_is_autograds_jacobian(inputs, units, seed):
    generator = torch.Generator().manual_seed(seed)
    model = Autoencoder([inputs, units], generator=generator, dtype=torch.float64)
    x = torch.randn(5, inputs, generator=generator, dtype=torch.float64)
    closed = sigmoid_contractive_penalty(model.encode(x), model.encoder.layers[0].weight)
    torch.testing.assert_close(closed, contractive_penalty(model.encode, x), rtol=1e-12, atol=1e-12)


def test_both_forms_train_alike():
    model = Autoencoder([6, 4], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x, weight = torch.rand(5, 6).double(), model.encoder.layers[0].weight
    parameters = list(model.encoder.parameters())
    closed = sigmoid_contractive_penalty(model.encode(x), weight).mean()
    by_autograd = contractive_penalty(model.encode, x).mean()
    torch.testing.assert_close(
        torch.autograd.grad(closed, parameters), torch.autograd.grad(by_autograd, parameters)
    )


def test_autograds_form_serves_a_deep_encoder():
    model = Autoencoder([6, 5, 3], "tanh", dtype=torch.float64)
    x = torch.rand(4, 6).double()
    each = [torch.autograd.functional.jacobian(model.encode, row).pow(2).sum() for row in x]
    torch.testing.assert_close(contractive_penalty(model.encode, x), torch.stack(each))


def test_arguments_that_cannot_be_are_refused():
    code = torch.rand(5, 3)
    for target in (0.0, 1.0, float("nan")):
        with pytest.raises(ValueError, match="target between 0 and 1"):
            kl_sparsity(code, target)
    with pytest.raises(ValueError, match=r"values in \[0, 1\]"):
        kl_sparsity(code + 1, 0.1)
    with pytest.raises(ValueError, match=r"values in \[0, 1\]"):
        kl_sparsity(code * torch.nan, 0.1)
    with pytest.raises(ValueError, match=r"shape \(N, H\), got \(3,\)"):
        kl_sparsity(code[0], 0.1)
    with pytest.raises(ValueError, match=r"weight of shape \(3, D\), got \(4, 6\)"):
        sigmoid_contractive_penalty(code, torch.zeros(4, 6))
