from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepbook.sequence import (
    Edit,
    edit_distance,
    edit_operations,
    sequence_error_rate,
    symbol_error_rate,
)

words = st.text("abc", max_size=7)


def by_recursion(output, reference):
    @cache
    def distance(i, j):
        if not i or not j:
            return i + j
        return min(
            distance(i - 1, j) + 1,
            distance(i, j - 1) + 1,
            distance(i - 1, j - 1) + (output[i - 1] != reference[j - 1]),
        )

    return distance(len(output), len(reference))


@given(words, words)
def test_the_table_finds_what_the_recursion_finds(output, reference):
    assert edit_distance(output, reference) == by_recursion(output, reference)


@given(words, words, words)
def test_it_is_a_metric(a, b, c):
    assert edit_distance(a, b) == edit_distance(b, a)
    assert (edit_distance(a, b) == 0) == (a == b)
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)


@given(words, words)
def test_the_operations_turn_one_into_the_other_in_as_many_steps(output, reference):
    edits = edit_operations(output, reference)
    assert "".join(e.output for e in edits if e.output is not None) == output
    assert "".join(e.reference for e in edits if e.reference is not None) == reference
    assert sum(e.kind != "keep" for e in edits) == edit_distance(output, reference)
    for edit in edits:
        kind = {
            (True, True): "keep" if edit.output == edit.reference else "substitute",
            (True, False): "delete",
            (False, True): "insert",
        }[edit.output is not None, edit.reference is not None]
        assert edit.kind == kind


def test_known_words_are_as_far_apart_as_they_are_said_to_be():
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance(["K", "AE", "T"], ("K", "AH", "T", "S")) == 2
    assert edit_operations("ab", "b") == [Edit("delete", "a", None), Edit("keep", "b", "b")]


def test_error_rates_count_edits_over_symbols_and_wrong_outputs_over_outputs():
    outputs, references = [("a", "b"), ("c",), ()], [["a", "b"], ["c", "c", "c"], ["d"]]
    assert symbol_error_rate(outputs, references) == 3 / 6
    assert sequence_error_rate(outputs, references) == 2 / 3
    # not the mean of rates: the long one counts for more
    assert symbol_error_rate(["", "a"], ["aaa", "a"]) == 3 / 4
    assert symbol_error_rate(["abcd"], ["a"]) == 3


def test_what_cannot_be_counted_is_refused():
    for rate in (symbol_error_rate, sequence_error_rate):
        with pytest.raises(ValueError, match="got 1 for 2"):
            rate(["a"], ["a", "b"])
        with pytest.raises(ValueError, match="got 0 for 0"):
            rate([], [])
    with pytest.raises(ValueError, match="expected references with symbols"):
        symbol_error_rate(["a"], [""])
