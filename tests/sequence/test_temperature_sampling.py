import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from deepbook.sequence import sample_symbols, sampling_probabilities

LOGITS = torch.tensor([0.5, 2.0, -1.0, 1.0, 0.0], dtype=torch.float64)
rows = st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=8)


def seeded(n):
    return torch.Generator().manual_seed(n)


def test_temperature_one_is_the_model_and_zero_its_likeliest_symbol():
    torch.testing.assert_close(sampling_probabilities(LOGITS), LOGITS.softmax(-1))
    assert sampling_probabilities(LOGITS, temperature=0).tolist() == [0, 1, 0, 0, 0]
    assert sampling_probabilities(torch.zeros(3), temperature=0).tolist() == [1, 0, 0]
    warm = sampling_probabilities(LOGITS, temperature=2.5)
    torch.testing.assert_close(warm, (LOGITS / 2.5).softmax(-1))


@given(rows, st.floats(1e-300, 100), st.integers(1, 9), st.floats(0.01, 1))
def test_every_choice_gives_probabilities(logits, temperature, k, p):
    logits = torch.tensor(logits, dtype=torch.float64)
    found = sampling_probabilities(logits, temperature=temperature, top_k=k, top_p=p)
    assert bool((found >= 0).all())
    assert float(found.sum()) == pytest.approx(1)
    assert int((found > 0).sum()) <= k
    # the likeliest always stays
    assert found[logits.argmax()] > 0


def test_a_temperature_near_zero_is_safe_and_near_the_argmax():
    for dtype in (torch.float32, torch.float64):
        p = sampling_probabilities(1e4 * LOGITS.to(dtype), temperature=1e-30)
        assert p.tolist() == [0, 1, 0, 0, 0]


def test_the_k_likeliest_keep_their_proportions():
    p = sampling_probabilities(LOGITS, top_k=2)
    expected = torch.zeros(5, dtype=torch.float64)
    expected[[1, 3]] = LOGITS[[1, 3]].softmax(-1)
    torch.testing.assert_close(p, expected)
    assert (sampling_probabilities(torch.zeros(4), top_k=2) > 0).tolist() == [
        True,
        True,
        False,
        False,
    ]


def test_the_nucleus_is_the_fewest_symbols_with_so_much_together():
    logits = torch.tensor([0.1, 0.5, 0.15, 0.25], dtype=torch.float64).log()
    for top_p, stays in (
        (0.4, [1]),
        (0.6, [1, 3]),
        (0.75, [1, 3]),
        (0.8, [1, 2, 3]),
        (1, range(4)),
    ):
        # half a millionth less, since .5 + .25 is only nearly .75 in logarithms
        p = sampling_probabilities(logits, top_p=top_p - 5e-7)
        assert p.nonzero().flatten().tolist() == list(stays)
    # after the k likeliest, whose sum is .75: .5 is two thirds of it
    p = sampling_probabilities(logits, top_k=2, top_p=0.6)
    assert p.tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("how", [{}, {"temperature": 0.5}, {"top_k": 3}, {"top_p": 0.9}])
def test_symbols_come_as_often_as_they_should(how):
    p = sampling_probabilities(LOGITS, **how)
    drawn = sample_symbols(LOGITS.expand(20_000, 5), generator=seeded(0), **how)
    counts = drawn.bincount(minlength=5)
    assert counts[p == 0].sum() == 0
    there = p > 0
    assert chisquare(counts[there], 20_000 * p[there]).pvalue > 1e-3


def test_shapes_and_draws_by_a_seed():
    logits = torch.randn(2, 3, 7, generator=seeded(1))
    drawn = sample_symbols(logits, generator=seeded(2))
    assert drawn.shape == (2, 3)
    assert torch.equal(drawn, sample_symbols(logits, generator=seeded(2)))
    assert torch.equal(sample_symbols(logits, temperature=0), logits.argmax(-1))
    assert sample_symbols(LOGITS).shape == ()
    never = torch.tensor([0.0, -torch.inf])
    assert sampling_probabilities(never, temperature=0.1).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("logits", "how", "message"),
    [
        (LOGITS, {"temperature": -1}, "a temperature of 0 or more, got -1"),
        (LOGITS, {"temperature": float("nan")}, "a temperature of 0 or more, got nan"),
        (LOGITS, {"top_k": 0}, "a top_k of at least 1, got 0"),
        (LOGITS, {"top_p": 0.0}, "a top_p above 0 and at most 1, got 0"),
        (torch.tensor([-torch.inf]), {}, "a finite maximum"),
        (torch.tensor([0.0, torch.nan]), {}, "a finite maximum"),
    ],
)
def test_what_cannot_be_is_refused(logits, how, message):
    with pytest.raises(ValueError, match=message):
        sample_symbols(logits, **how)
