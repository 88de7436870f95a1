import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy

from deepbook.sequence import (
    CharacterModel,
    CharacterTransformer,
    best_mixture_weight,
    bits_per_character,
    generate,
    mixture_log2,
    symbol_log2,
)

TEXT = torch.randint(5, (41,), generator=torch.Generator().manual_seed(0))
logs = st.lists(
    st.tuples(st.floats(-20, -0.01), st.floats(-20, -0.01)), min_size=1, max_size=10
).map(lambda pairs: torch.tensor(pairs, dtype=torch.float64).T)


class Constant(nn.Module):
    """Says the same whatever it reads, and counts in its state how much that was."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, inputs, state=None):
        read = (0 if state is None else state) + inputs.shape[1]
        return self.logits.expand(*inputs.shape, -1), read


def gru():
    torch.manual_seed(0)
    return CharacterModel(5, 6).double()


def test_uniform_over_four_is_two_bits():
    text = torch.randint(4, (30,))
    assert bits_per_character(Constant([0.0] * 4), text) == pytest.approx(2)


def test_bits_are_the_log_loss_in_nats_over_ln_two():
    net = gru()
    with torch.no_grad():
        nats = cross_entropy(net(TEXT[None, :-1])[0][0], TEXT[1:])
    assert bits_per_character(net, TEXT) == pytest.approx(nats.item() / math.log(2))


@pytest.mark.parametrize("length", [1, 7, 64])
def test_pieces_with_their_state_carried_are_the_whole(length):
    whole = symbol_log2(gru(), TEXT, length=100)
    torch.testing.assert_close(symbol_log2(gru(), TEXT, length=length), whole)
    assert whole.shape == (40,)
    if length < 40:
        apart = symbol_log2(gru(), TEXT, length=length, carry=False)
        assert not torch.allclose(apart, whole)
        torch.testing.assert_close(apart[:length], whole[:length])


@pytest.mark.parametrize("strands", [2, 3, 7, 40])
def test_strands_are_texts_of_their_own(strands):
    found = symbol_log2(gru(), TEXT, strands=strands)
    each = math.ceil(40 / strands)
    alone = [symbol_log2(gru(), TEXT[i : i + each + 1]) for i in range(0, 40, each)]
    torch.testing.assert_close(found, torch.cat(alone)[:40])


def test_a_transformer_reads_a_text_of_any_length():
    torch.manual_seed(0)
    net = CharacterTransformer(5, 8, heads=2, context=16).double()
    found = symbol_log2(net, TEXT, length=8)
    with torch.no_grad():
        logits = net(TEXT[None, 8:24])[0][0, 8:].log_softmax(-1)
    expected = logits.gather(-1, TEXT[17:25, None])[:, 0] / math.log(2)
    torch.testing.assert_close(found[16:24], expected)


@given(logs, st.floats(0.01, 0.99))
def test_a_mixture_costs_at_most_its_weight_more_than_each(pair, weight):
    first, second = pair
    mixed = mixture_log2(first, second, weight)
    expected = (weight * first.exp2() + (1 - weight) * second.exp2()).log2()
    torch.testing.assert_close(mixed, expected)
    assert bool((mixed >= first + math.log2(weight) - 1e-9).all())
    assert bool((mixed >= second + math.log2(1 - weight) - 1e-9).all())
    assert torch.equal(mixture_log2(first, second, 1.0), first) or torch.allclose(
        mixture_log2(first, second, 1.0), first
    )


@given(logs)
def test_the_best_weight_is_that_of_a_fine_grid(pair):
    best = best_mixture_weight(*pair)
    reached = mixture_log2(*pair, best).mean()
    grid = [mixture_log2(*pair, w / 200).mean() for w in range(201)]
    assert reached >= max(grid) - 1e-6


def test_the_weight_of_a_coin_that_is_right_in_two_of_three_cases():
    sure, unsure = math.log2(0.9), math.log2(0.1)
    first = torch.tensor([sure, sure, unsure], dtype=torch.float64)
    second = torch.tensor([unsure, unsure, sure], dtype=torch.float64)
    # the mixture says .9 w + .1 (1 - w), and 2/3 would be best
    assert best_mixture_weight(first, second) == pytest.approx((2 / 3 - 0.1) / 0.8)


def test_a_model_writes_by_its_own_distribution_with_its_state_carried():
    net, start = gru(), TEXT[:4]
    greedy = generate(net, start, 10, temperature=0)
    text = start
    with torch.no_grad():
        for _ in range(10):
            text = torch.cat([text, net(text[None])[0][0, -1:].argmax(-1)])
    assert torch.equal(greedy, text[4:])
    one = generate(net, start, 10, generator=torch.Generator().manual_seed(1))
    assert torch.equal(one, generate(net, start, 10, generator=torch.Generator().manual_seed(1)))
    assert generate(net, start, 0).shape == (0,)


def test_what_is_written_comes_as_often_as_the_model_says():
    p = torch.tensor([0.2, 0.5, 0.3])
    generator = torch.Generator().manual_seed(0)
    written = generate(Constant(p.log().tolist()), TEXT[:1], 2000, generator=generator)
    share = written.bincount(minlength=3) / 2000
    assert float((share - p).abs().max()) < 0.05
    assert generate(Constant([0.0, 1.0, 0.5]), TEXT[:1], 50, top_k=1).unique().tolist() == [1]
    narrow = generate(Constant(p.log().tolist()), TEXT[:1], 50, top_p=0.4, generator=generator)
    assert narrow.unique().tolist() == [1]


def test_a_transformer_writes_more_than_its_context():
    torch.manual_seed(0)
    net = CharacterTransformer(5, 8, heads=2, context=6)
    assert generate(net, TEXT[:9], 20).shape == (20,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: symbol_log2(gru(), TEXT[:3], strands=3), "at least 4 symbols for 3 strands"),
        (lambda: symbol_log2(gru(), TEXT, length=0), "pieces of at least 1, got 41 and 0"),
        (lambda: mixture_log2(torch.zeros(2), torch.zeros(2), 1.5), r"in \[0, 1\], got 1.5"),
        (lambda: mixture_log2(torch.zeros(2), torch.zeros(3), 0.5), r"got \(2,\) and \(3,\)"),
        (lambda: generate(gru(), TEXT[:0], 3), "a start of at least 1 symbol, got none"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
