from dataclasses import dataclass

import torch
from torch import Tensor

from deepbook.data import digits8x8, movielens100k
from deepbook.data.summaries import Summarised


@dataclass(frozen=True, eq=False, repr=False)
class Small(Summarised):
    numbers: Tensor
    names: tuple[str, ...] = ()
    text: str = ""
    inner: object = None


def test_a_short_one_is_one_line_and_a_longer_one_has_a_line_for_each_part():
    one_line = "Small(numbers=<float32 (2,)>, names=(), text='', inner=None)"
    assert repr(Small(torch.zeros(2))) == one_line
    assert repr(Small(torch.zeros(2, 3))) == (
        "Small(\n    numbers=<float32 (2, 3)>,\n    names=(),\n    text='',\n    inner=None,\n)"
    )


def test_long_values_are_told_by_count_and_beginning():
    names = tuple(f"name {number}" for number in range(1682))
    shown = repr(Small(torch.zeros(2, dtype=torch.long), names, "a" * 200))
    assert "numbers=<int64 (2,)>" in shown
    assert "names=<1,682 of them: 'name 0', ...>" in shown
    assert f"text='{'a' * 55}...'" in shown


def test_what_is_inside_is_indented():
    lines = repr(Small(torch.zeros(1), inner=Small(torch.ones(2), text="b" * 9))).splitlines()
    assert lines[4] == "    inner=Small("
    assert lines[5] == "        numbers=<float32 (2,)>,"


def test_the_books_data_show_themselves_in_a_few_lines():
    for data in (movielens100k(), movielens100k().ratings, digits8x8(), digits8x8().train):
        lines = repr(data).splitlines()
        assert 1 <= len(lines) <= 20
        assert max(map(len, lines)) < 100
    assert "titles=<1,682 of them: 'Toy Story', ...>" in repr(movielens100k())
    assert "stars=<int64 (100000,)>" in repr(movielens100k())
