from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepbook.sequence import GramTable, counts_before, gram_codes

SYMBOLS = st.lists(st.integers(0, 2), max_size=20)


@given(SYMBOLS, st.integers(1, 4))
def test_codes_are_the_symbols_as_digits_of_a_number(symbols, length):
    codes = gram_codes(np.array(symbols, dtype=np.int64), length, 3)
    for t, code in enumerate(codes.tolist()):
        gram = symbols[max(0, t - length + 1) : t + 1]
        whole = len(gram) == length
        assert code == (int("".join(map(str, gram)), 3) if whole else -1)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=20))
def test_events_before_a_place_are_counted_by_their_key(pairs):
    keys = np.array([key for key, _ in pairs], dtype=np.int64)
    events = np.array([event for _, event in pairs], dtype=bool)
    slow = [sum(e for k, e in pairs[:t] if k == key) for t, (key, _) in enumerate(pairs)]
    assert counts_before(keys, events).tolist() == slow


@given(st.lists(st.integers(0, 26), max_size=30))
def test_a_table_has_the_counts_of_a_counter(codes):
    table, counter = GramTable.of(np.array(codes, dtype=np.int64), 3), Counter(codes)
    every = np.arange(27)
    assert table.count(every).tolist() == [counter[code] for code in range(27)]
    totals, types = table.behind(np.arange(9))
    children = [[counter[3 * h + s] for s in range(3)] for h in range(9)]
    assert totals.tolist() == [sum(child) for child in children]
    assert types.tolist() == [np.count_nonzero(child) for child in children]


def test_codes_too_large_are_refused():
    with pytest.raises(ValueError, match="fit into 63 bits, got 95 to the 10"):
        gram_codes(np.zeros(3, dtype=np.int64), 10, 95)
