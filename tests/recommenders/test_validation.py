import pytest
import torch

from deepbook.recommenders import check_no_leak, hold_out


def test_both_parts_together_are_the_ratings(split):
    train, held = hold_out(split[0], 0.25, torch.Generator().manual_seed(0))
    assert len(held) == round(0.25 * len(split[0]))
    check_no_leak(train, held)
    pairs = lambda r: torch.stack([r.users, r.items, r.stars], 1)
    together = torch.cat([pairs(train), pairs(held)])
    assert sorted(together.tolist()) == sorted(pairs(split[0]).tolist())


def test_a_generator_repeats_the_split_and_another_seed_does_not(split):
    held = [hold_out(split[0], 0.1, torch.Generator().manual_seed(s))[1].items for s in (1, 1, 2)]
    assert torch.equal(held[0], held[1])
    assert not torch.equal(held[0], held[2])


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5])
def test_an_empty_part_is_refused(share, split):
    with pytest.raises(ValueError, match="leaves both parts ratings"):
        hold_out(split[0], share)
