import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepbook.sequence import SMOOTHINGS, DictionaryNGrams, NGramModel

PARAMETERS = {"additive": ("amount", 0.3), "jelinek_mercer": ("weight", 0.6)}
TEXTS = st.lists(st.integers(0, 3), min_size=1, max_size=12)


def fast(order, smoothing, text, symbols=4):
    name, value = PARAMETERS.get(smoothing, ("discount", 0.7))
    model = NGramModel(order, symbols, smoothing, **{name: value})
    return model.fit(torch.tensor(text))


def slow(order, smoothing, text, symbols=4):
    return DictionaryNGrams(order, symbols, smoothing, PARAMETERS.get(smoothing, (0, 0.7))[1], text)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@settings(max_examples=6, deadline=None)
@given(text=TEXTS, history=TEXTS, order=st.integers(1, 4))
def test_every_distribution_is_that_of_the_dictionaries_and_sums_to_one(
    smoothing, text, history, order
):
    ours = fast(order, smoothing, text).probabilities(torch.tensor(history))
    twin = slow(order, smoothing, text)
    np.testing.assert_allclose(
        ours, [twin.probability(history, symbol) for symbol in range(4)], atol=1e-12
    )
    assert ours.min() >= 0
    assert float(ours.sum()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@settings(max_examples=4, deadline=None)
@given(text=TEXTS, new=TEXTS, order=st.integers(1, 3))
def test_a_text_is_predicted_as_one_symbol_after_the_other(smoothing, text, new, order):
    model = fast(order, smoothing, text)
    static = model.log2(torch.tensor(new)).exp2()
    behind = [
        model.probabilities(torch.tensor(new[:t], dtype=torch.int64)) for t in range(len(new))
    ]
    np.testing.assert_allclose(static, [p[s] for p, s in zip(behind, new, strict=True)], atol=1e-12)
    twin, updated = slow(order, smoothing, text), []
    for symbol in new:
        updated.append(twin.probability(twin.text, symbol))
        twin.text.append(symbol)
    ours = model.log2(torch.tensor(new), update=True).exp2()
    np.testing.assert_allclose(ours, updated, atol=1e-12)
    # what was fitted is as it was
    assert torch.equal(model.log2(torch.tensor(new)).exp2(), static)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_histories_that_never_came_have_a_distribution_too(smoothing):
    model = fast(4, smoothing, [0, 1, 0, 1, 2], symbols=5)
    every = torch.cartesian_prod(*[torch.arange(5)] * 3)
    p = model.probabilities(every)
    assert p.shape == (125, 5)
    torch.testing.assert_close(p.sum(-1), torch.ones(125, dtype=torch.float64))
    assert model.probabilities(every.view(25, 5, 3)).shape == (25, 5, 5)


def test_uniform_over_four_is_two_bits_and_perplexity_four():
    text = torch.arange(4).repeat(8)
    model = NGramModel(1, 4, "maximum_likelihood").fit(text)
    assert model.bits_per_symbol(text) == pytest.approx(2)
    assert model.perplexity(text) == pytest.approx(4)
    assert NGramModel(2, 4, "maximum_likelihood").fit(text).perplexity(text[1:]) == pytest.approx(
        4 ** (1 / 31)
    )


def test_kneser_ney_counts_in_how_many_contexts_a_symbol_came():
    # 1 comes often, but only behind 0; 2 comes behind 0, 1 and 3
    text = torch.tensor([0, 1, 0, 1, 0, 1, 0, 1, 0, 2, 1, 2, 3, 2])
    assert text.bincount().tolist() == [5, 5, 3, 1]
    p = NGramModel(2, 4, discount=0.5).fit(text).probabilities(torch.tensor([], dtype=torch.int64))
    # pairs: 01 10 02 21 12 23 32, so 1 has two symbols before it, 2 three, 0 and 3 one
    expected = (np.array([1, 2, 3, 1]) - 0.5) / 7 + 0.5 * 4 / 7 / 4
    np.testing.assert_allclose(p, expected)
    plain = NGramModel(2, 4, "absolute_discounting", discount=0.5).fit(text)
    assert plain.probabilities(text[:0])[1] > plain.probabilities(text[:0])[2]


def test_maximum_likelihood_holds_what_it_never_saw_impossible():
    model = NGramModel(2, 3, "maximum_likelihood").fit(torch.tensor([0, 1, 0, 1]))
    assert model.bits_per_symbol(torch.tensor([0, 2])) == math.inf
    assert model.perplexity(torch.tensor([0, 2])) == math.inf


def test_updating_helps_on_a_text_that_repeats_itself():
    generator = torch.Generator().manual_seed(0)
    train, piece = torch.randint(6, (2, 300), generator=generator)
    model = NGramModel(4, 6).fit(train)
    text = piece.repeat(4)
    assert model.bits_per_symbol(text) > math.log2(6)
    assert model.bits_per_symbol(text, update=True) < 2.2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NGramModel(0, 4), "order and symbols of at least 1.*got 0 and 4"),
        (lambda: NGramModel(10, 90), r"below 2 \*\* 63, got 10 and 90"),
        (lambda: NGramModel(2, 4, "laplace"), "a smoothing among .*got 'laplace'"),
        (lambda: NGramModel(2, 4, "additive", amount=0), "an amount above 0, got 0"),
        (lambda: NGramModel(2, 4, weight=1.5), r"a weight in \[0, 1\], got 1.5"),
        (lambda: NGramModel(2, 4, discount=0.0), "a discount above 0 and at most 1, got 0"),
        (lambda: NGramModel(2, 4).fit(torch.tensor([4])), "symbols from 0 to 3, got from 4 to 4"),
        (lambda: NGramModel(2, 4).fit(torch.tensor([])), "at least 1 symbol, got none"),
        (lambda: NGramModel(2, 4).log2(torch.tensor([1])), "a model that has been fitted"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
