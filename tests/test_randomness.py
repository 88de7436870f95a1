import random

import numpy as np
import pytest
import torch

import deepbook


def draw():
    legacy = np.random.rand()  # noqa: NPY002  (the global state is what is tested)
    return random.random(), legacy, torch.rand(1).item()


def test_the_same_seed_gives_the_same_numbers_in_python_numpy_and_torch():
    deepbook.seed(7)
    first = draw()
    deepbook.seed(7)
    assert draw() == first


def test_another_seed_gives_other_numbers_in_python_numpy_and_torch():
    deepbook.seed(7)
    first = draw()
    deepbook.seed(8)
    assert not any(a == b for a, b in zip(draw(), first, strict=True))


@pytest.mark.parametrize("n", [0, 2**32 - 1])
def test_the_smallest_and_the_largest_seed_are_taken(n):
    deepbook.seed(n)


@pytest.mark.parametrize("n", [-1, 2**32])
def test_a_seed_out_of_range_is_refused_before_anything_is_seeded(n):
    before = random.getstate()
    with pytest.raises(ValueError, match=rf"from 0 to 2\*\*32 - 1, got {n}"):
        deepbook.seed(n)
    assert random.getstate() == before


@pytest.mark.parametrize("n", [1.0, "1", None, True])
def test_a_seed_that_is_no_integer_is_refused(n):
    with pytest.raises(TypeError, match=f"expected an integer seed, got {n!r}"):
        deepbook.seed(n)
