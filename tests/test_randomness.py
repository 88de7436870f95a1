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


def test_the_environment_shifts_every_seed_and_no_page_changes(monkeypatch):
    def drawn():
        deepbook.seed(7)
        own = deepbook.generator(3)
        return *draw(), own.initial_seed()

    plain = drawn()
    monkeypatch.setenv("DEEPBOOK_SEED_OFFSET", "1000")
    shifted = drawn()
    assert all(one != other for one, other in zip(plain, shifted, strict=True))
    assert (plain[-1], shifted[-1]) == (3, 1003)
    deepbook.seed(2**32 - 1)  # goes on from zero


@pytest.mark.parametrize("offset", ["x", "-1", "1.5"])
def test_an_offset_that_is_no_whole_number_is_refused(monkeypatch, offset):
    monkeypatch.setenv("DEEPBOOK_SEED_OFFSET", offset)
    with pytest.raises(ValueError, match="expected DEEPBOOK_SEED_OFFSET to be a whole number"):
        deepbook.seed(0)


def test_a_generator_does_not_touch_the_global_ones():
    deepbook.seed(0)
    wanted = torch.rand(2).tolist()
    deepbook.seed(0)
    torch.rand(9, generator=deepbook.generator(5))
    assert torch.rand(2).tolist() == wanted
    assert deepbook.generator(5).initial_seed() == 5


@pytest.mark.parametrize("call", [deepbook.seed, deepbook.generator])
@pytest.mark.parametrize("n", [-1, 2**32, 1.0, True])
def test_seed_and_generator_refuse_the_same(call, n):
    with pytest.raises((TypeError, ValueError), match="seed"):
        call(n)


def test_seeding_flushes_denormals_and_a_cell_may_have_them_back():
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush denormal numbers")
    torch.set_flush_denormal(False)
    tiny = torch.full((8,), 1e-38)
    # the smallest normal number of float32 is 1.2e-38
    assert (tiny * 1e-3 > 0).all()
    assert (torch.exp(torch.full((8,), -95.0)) > 0).all()
    deepbook.seed(0)
    assert (tiny * 1e-3 == 0).all()
    assert (torch.exp(torch.full((8,), -95.0)) == 0).all()
    torch.set_flush_denormal(False)
    assert (tiny * 1e-3 > 0).all()
