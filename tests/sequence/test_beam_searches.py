import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.sequence import EncoderDecoder, beam_search, greedy_search, transduce
from deepbook.training import pad

PAD, BEGIN, END = 0, 1, 2


def bigrams(seed, sources=2, size=5):
    """Log-probabilities of the next symbol given the last one, other ones for each source."""
    generator = torch.Generator().manual_seed(seed)
    scores = 2 * torch.randn(sources, size, size, generator=generator, dtype=torch.float64)
    scores[..., :END] = -torch.inf
    return scores.log_softmax(-1)


def step_of(tables):
    def step(last, source):
        return tables[source, last], source

    return step


def all_outputs(table, longest):
    """Every output with its log-probability."""
    found = {}
    for length in range(longest + 1):
        for symbols in itertools.product(range(3, len(table)), repeat=length):
            # those without an end are cut
            output = (*symbols, END) if length < longest else symbols
            path = (BEGIN, *output)
            found[output] = sum(float(table[a, b]) for a, b in itertools.pairwise(path))
    return found


def strip(symbols):
    return tuple(symbol for symbol in symbols.tolist() if symbol != PAD)


@given(st.integers(0, 1000), st.sampled_from([0.0, 0.5, 1.0]))
def test_a_beam_as_wide_as_there_are_outputs_finds_all_of_them_in_order(seed, power):
    tables, longest = bigrams(seed), 3
    width = 2**4 - 1
    found = beam_search(
        step_of(tables),
        torch.arange(2),
        2,
        width=width,
        longest=longest,
        length_power=power,
    )
    for n, table in enumerate(tables):
        outputs = all_outputs(table, longest)
        assert len(outputs) == width
        scores = {o: p / len(o) ** power for o, p in outputs.items()}
        best = sorted(scores, key=scores.get, reverse=True)
        assert [strip(row) for row in found.symbols[n]] == best
        expected = torch.tensor([scores[o] for o in best], dtype=torch.float64)
        torch.testing.assert_close(found.scores[n], expected)
        expected = torch.tensor([outputs[o] for o in best], dtype=torch.float64)
        torch.testing.assert_close(found.log_probabilities[n], expected)
        assert found.lengths[n].tolist() == [len(o) for o in best]
    total = found.log_probabilities.exp().sum(1)
    torch.testing.assert_close(total, torch.ones(2, dtype=torch.float64))


@given(st.integers(0, 1000))
def test_a_beam_of_one_is_the_greedy_search(seed):
    step, state = step_of(bigrams(seed)), torch.arange(2)
    greedy = greedy_search(step, state, 2, longest=6)
    beam = beam_search(step, state, 2, width=1, longest=6)
    assert [strip(row) for row in greedy] == [strip(row[0]) for row in beam.symbols]


def path(edges, size=5):
    """A table in which the given steps have their probabilities, and others next to none."""
    table = torch.full((size, size), 1e-9, dtype=torch.float64)
    for (a, b), p in edges.items():
        table[a, b] = p
    table[:, :END] = 0
    return table.log()[None]


def test_a_wider_beam_finds_what_the_greedy_search_passes_by():
    table = path({(1, 3): 0.6, (1, 4): 0.4, (3, 2): 0.5, (3, 3): 0.5, (4, 2): 0.99})
    step, state = step_of(table), torch.zeros(1, dtype=torch.int64)
    assert greedy_search(step, state, 1, longest=4)[0, 0] == 3
    best = beam_search(step, state, 1, width=2, longest=4)
    assert strip(best.symbols[0, 0]) == (4, END)
    assert float(best.log_probabilities[0, 0].exp()) == pytest.approx(0.4 * 0.99)


def test_an_output_that_has_ended_stays_in_the_beam():
    # the end at once has .4; what goes on is more probable in the beginning, then falls apart
    table = path({(1, 2): 0.4, (1, 3): 0.6, (3, 3): 0.5, (3, 4): 0.3, (3, 2): 0.2, (4, 2): 0.9})
    best = beam_search(step_of(table), torch.zeros(1, dtype=torch.int64), 1, width=2, longest=5)
    assert strip(best.symbols[0, 0]) == (END,)
    assert float(best.log_probabilities[0, 0].exp()) == pytest.approx(0.4)


def test_the_end_counts_as_a_symbol():
    table = path({(1, 2): 0.9, (1, 3): 0.1, (3, 2): 1.0})
    found = beam_search(
        step_of(table), torch.zeros(1, dtype=torch.int64), 1, width=2, longest=3, length_power=1.0
    )
    assert found.lengths.tolist() == [[1, 2]]
    torch.testing.assert_close(found.scores, found.log_probabilities / found.lengths)


def test_length_normalisation_ranks_by_the_mean_of_a_symbol():
    table = path({(1, 2): 0.5, (1, 3): 0.5, (3, 4): 0.9, (4, 2): 0.9})
    step, state = step_of(table), torch.zeros(1, dtype=torch.int64)
    by_probability = beam_search(step, state, 1, width=3, longest=3)
    by_mean = beam_search(step, state, 1, width=3, longest=3, length_power=1.0)
    assert strip(by_probability.symbols[0, 0]) == (END,)
    assert strip(by_mean.symbols[0, 0]) == (3, 4, END)


def test_outputs_that_do_not_end_are_cut():
    table = path({(1, 3): 1.0, (3, 3): 1.0})
    step, state = step_of(table), torch.zeros(1, dtype=torch.int64)
    assert greedy_search(step, state, 1, longest=3).tolist() == [[3, 3, 3]]
    assert beam_search(step, state, 1, width=2, longest=3).symbols[0, 0].tolist() == [3, 3, 3]


def test_a_network_finds_its_most_probable_output_with_a_full_beam():
    generator = torch.Generator().manual_seed(3)
    model = EncoderDecoder(5, 5, 4, 6, generator=generator).double()
    source = pad([torch.tensor([3, 4]), torch.tensor([4])])
    outputs = [*itertools.product((3, 4), repeat=3)]
    outputs += [(*o, END) for k in range(3) for o in itertools.product((3, 4), repeat=k)]
    targets = pad([torch.tensor(o) for o in outputs]).values
    for n in range(2):
        alone = pad([source.values[n, : source.lengths[n]]] * len(outputs))
        with torch.no_grad():
            best = model.log_probability(alone, targets).argmax()
        found = transduce(model, source, longest=3, width=15)[n]
        assert strip(found) == outputs[best]


def test_batches_find_what_each_source_finds_alone():
    generator = torch.Generator().manual_seed(3)
    model = EncoderDecoder(6, 8, 4, 6, context="additive", generator=generator).double()
    words = [torch.tensor([3, 4, 5, 5]), torch.tensor([4]), torch.tensor([5, 3])]
    for width in (1, 4):
        together = transduce(model, pad(words), longest=5, width=width)
        for row, word in zip(together, words, strict=True):
            assert strip(row) == strip(transduce(model, pad([word]), longest=5, width=width)[0])


def test_no_width_and_no_length_are_refused():
    step, state = step_of(bigrams(0)), torch.arange(2)
    with pytest.raises(ValueError, match="expected a beam at least 1 wide, got 0"):
        beam_search(step, state, 2, width=0, longest=3)
    for search in (greedy_search, lambda *a, **o: beam_search(*a, width=1, **o)):
        with pytest.raises(ValueError, match="expected a length of at least 1, got 0"):
            search(step, state, 2, longest=0)
