import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention as torchs

from deepbook.sequence import (
    AdditiveAttention,
    DotProductAttention,
    attend,
    causal_mask,
    masked_softmax,
    scaled_dot_product_attention,
)


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_padding_gets_nothing():
    mask = torch.tensor([True, True, False])
    for padding in (0.0, 50.0, math.inf, math.nan):
        weights = masked_softmax(torch.tensor([0.0, 0.0, padding]), mask)
        assert weights.tolist() == [0.5, 0.5, 0.0]


def test_a_row_without_a_place_is_zero_and_so_is_its_gradient():
    scores = draw(2, 3).requires_grad_()
    mask = torch.tensor([[False, False, False], [True, True, False]])
    weights = masked_softmax(scores, mask)
    assert weights[0].tolist() == [0, 0, 0]
    (weights * draw(2, 3, seed=1)).sum().backward()
    assert scores.grad[0].tolist() == [0, 0, 0]
    assert scores.grad[1, 2] == 0
    assert scores.grad[1, 0] != 0


@given(st.integers(0, 1000), st.lists(st.booleans(), min_size=1, max_size=6))
def test_the_weights_are_the_softmax_of_the_places_alone(seed, places):
    scores, mask = draw(len(places), seed=seed), torch.tensor(places)
    weights = masked_softmax(scores, mask)
    torch.testing.assert_close(weights[mask], scores[mask].softmax(0))
    assert not weights[~mask].any()


def test_a_causal_mask_shows_each_place_itself_and_the_past():
    assert causal_mask(3).tolist() == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]


def test_the_scaled_product_is_torchs_with_all_gradients():
    ours = [draw(2, 4, 3, seed=1), draw(2, 5, 3, seed=2), draw(2, 5, 6, seed=3)]
    ours = [part.requires_grad_() for part in ours]
    theirs = [part.detach().clone().requires_grad_() for part in ours]
    mask = draw(2, 4, 5, seed=4) > -0.5
    assert mask.any(-1).all()
    found, weights = scaled_dot_product_attention(*ours, mask)
    expected = torchs(*theirs, attn_mask=mask)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, dtype=torch.float64))
    found.square().sum().backward()
    expected.square().sum().backward()
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our.grad, their.grad)


def test_a_loop_that_reads_like_the_formula_finds_the_same():
    query, key, value = draw(2, 3, seed=1), draw(4, 3, seed=2), draw(4, 5, seed=3)
    found, weights = scaled_dot_product_attention(query, key, value)
    for t in range(2):
        exponentials = [math.exp(float(query[t] @ key[i]) / math.sqrt(3)) for i in range(4)]
        alpha = [e / sum(exponentials) for e in exponentials]
        context = sum(a * value[i] for i, a in enumerate(alpha))
        torch.testing.assert_close(weights[t], torch.tensor(alpha, dtype=torch.float64))
        torch.testing.assert_close(found[t], context)


def test_additive_scores_are_those_of_the_paper():
    attention = AdditiveAttention(3, 4, 5).double()
    queries, memory = draw(2, 6, 3, seed=1), draw(2, 7, 4, seed=2)
    mask = torch.arange(7) < torch.tensor([[7], [3]])
    contexts, weights = attention(queries, memory, mask)
    for n, length in enumerate((7, 3)):
        for t in range(6):
            scores = torch.stack(
                [
                    attention.score.weight[0]
                    @ torch.tanh(
                        attention.query.weight @ queries[n, t]
                        + attention.query.bias
                        + attention.key.weight @ memory[n, i]
                    )
                    for i in range(length)
                ]
            )
            alpha = scores.softmax(0)
            torch.testing.assert_close(weights[n, t, :length], alpha)
            torch.testing.assert_close(contexts[n, t], alpha @ memory[n, :length])


@pytest.mark.parametrize("attention", [AdditiveAttention(3, 4, 5), DotProductAttention(3, 4)])
def test_what_stands_in_the_padding_changes_nothing(attention):
    attention = attention.double()
    queries, memory = draw(2, 6, 3), draw(2, 7, 4, seed=2)
    mask = torch.arange(7) < torch.tensor([[7], [3]])
    before = attention(queries, memory, mask)[0]
    memory[1, 3:] = 1e3
    assert torch.equal(attention(queries, memory, mask)[0], before)
    # the check above can fail: without the mask it does
    assert not torch.equal(attention(queries, memory)[0], before)


def test_the_dot_product_of_equal_places_is_their_mean():
    attention = DotProductAttention(3, 4).double()
    memory = draw(1, 1, 4).expand(1, 5, 4)
    contexts, weights = attention(draw(1, 2, 3), memory)
    torch.testing.assert_close(weights, torch.full_like(weights, 0.2))
    torch.testing.assert_close(contexts, memory[:, :2])


def test_attend_mixes_values():
    mixed, _ = attend(torch.tensor([[0.0, math.log(3)]]), torch.tensor([[4.0], [8.0]]))
    torch.testing.assert_close(mixed, torch.tensor([[7.0]]))


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="expected a mask of bool, got torch"):
        masked_softmax(torch.zeros(2), torch.ones(2))
    for query, key, value in (((2, 3), (4, 2), (4, 5)), ((2, 3), (4, 3), (5, 5))):
        with pytest.raises(ValueError, match="a value for each key"):
            scaled_dot_product_attention(*map(torch.zeros, (query, key, value)))
