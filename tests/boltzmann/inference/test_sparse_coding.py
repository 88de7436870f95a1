"""Sparse coding against scikit-learn, and binary sparse coding against enumeration."""

import pytest
import sklearn.linear_model
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepbook.boltzmann import (
    learn_dictionary,
    sparse_code,
    sparse_coding_loss,
)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_code_is_scikit_learns_lasso():
    data, dictionary = draw(4, 10), draw(6, 10, seed=1)
    code = sparse_code(data, dictionary, 0.8, steps=2000)
    for row, example in zip(code, data, strict=True):
        lasso = sklearn.linear_model.Lasso(0.8 / 10, fit_intercept=False, tol=1e-12)
        lasso.fit(dictionary.T.numpy(), example.numpy())
        torch.testing.assert_close(row, torch.from_numpy(lasso.coef_), rtol=0, atol=1e-6)
    assert 0 < (code == 0).sum() < code.numel()


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_no_code_nearby_is_better(seed):
    data, dictionary = draw(3, 5, seed=seed), draw(7, 5, seed=seed + 1)
    code = sparse_code(data, dictionary, 0.5, steps=600)
    best = sparse_coding_loss(data, code, dictionary, 0.5)
    nearby = code + 0.01 * draw(20, 3, 7, seed=seed + 2)
    assert bool((sparse_coding_loss(data, nearby, dictionary, 0.5) >= best - 1e-6).all())


def test_a_penalty_above_every_correlation_leaves_no_code():
    data, dictionary = draw(4, 10), draw(6, 10, seed=1)
    largest = float((data @ dictionary.T).abs().max())
    assert not sparse_code(data, dictionary, largest * 1.001).any()
    assert sparse_code(data, dictionary, largest * 0.999).any()


def test_dictionary_learning_lowers_the_loss_and_keeps_atoms_short():
    data = sparse_data()
    dictionary, losses = learn_dictionary(
        data, 6, 0.1, rounds=30, generator=torch.Generator().manual_seed(0)
    )
    assert bool((torch.tensor(losses).diff() < 1e-6).all())
    assert float(dictionary.norm(dim=1).max()) <= 1 + 1e-12


def sparse_data():
    generator = torch.Generator().manual_seed(3)
    atoms = torch.nn.functional.normalize(torch.randn(6, 12, generator=generator).double())
    code = 3 * (torch.rand(300, 6, generator=generator) < 0.2).double()
    return code @ atoms


def test_dictionary_learning_finds_the_atoms_that_made_the_data():
    generator = torch.Generator().manual_seed(3)
    atoms = torch.nn.functional.normalize(torch.randn(6, 12, generator=generator).double())
    dictionary, _ = learn_dictionary(
        sparse_data(), 10, 0.1, rounds=50, generator=torch.Generator().manual_seed(0)
    )
    # with as many atoms as there are, some starts end in a local minimum; with more, none here
    assert float((atoms @ dictionary.T).abs().amax(1).min()) > 0.95


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"got \(4, 10\) and \(6, 9\)"):
        sparse_code(draw(4, 10), draw(6, 9), 1.0)
    with pytest.raises(ValueError, match="penalty of at least 0, got -1"):
        sparse_code(draw(4, 10), draw(6, 10), -1)
    with pytest.raises(ValueError, match=r"expected 1 to 4 atoms.*got 5"):
        learn_dictionary(draw(4, 10), 5, 1.0)
