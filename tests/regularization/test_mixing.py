import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import one_hot

from deepbook.feedforward import MLP
from deepbook.regularization import CutMix, Mixup, cut_box, mix
from deepbook.training import fit


def seeded(n):
    return torch.Generator().manual_seed(n)


def test_a_mix_is_a_weighted_mean_with_the_partner():
    x = torch.tensor([[0.0, 4.0], [8.0, 0.0], [2.0, 2.0]])
    mixed = mix(x, torch.tensor([1, 2, 0]), 0.75)
    assert mixed.tolist() == [[2.0, 3.0], [6.5, 0.5], [1.5, 2.5]]


@given(st.floats(0.05, 20), st.integers(0, 1000))
def test_inputs_and_labels_are_mixed_alike(alpha, seed):
    # inputs that are their labels: whatever is done to one is done to the other
    y = torch.randint(5, (12,), generator=seeded(seed))
    inputs, targets = Mixup(alpha, 5, seeded(seed))(one_hot(y, 5).float(), y)
    torch.testing.assert_close(inputs, targets)
    torch.testing.assert_close(targets.sum(1), torch.ones(12))


def test_one_share_holds_for_a_batch_and_has_the_beta_distribution():
    x = torch.tensor([0.0, 1.0])[:, None]  # of two examples one has partner 0 and weight 1 - share
    mixup, shares = Mixup(0.4, 2, seeded(0)), []
    while len(shares) < 800:
        inputs, _ = mixup(x, torch.tensor([0, 1]))
        if float(inputs[0, 0]) + float(inputs[1, 0]) == pytest.approx(1) and inputs[0, 0] != 0:
            shares.append(1 - float(inputs[0, 0]))
    # Beta(a, a) has mean 1/2 and variance 1 / (4 (2 a + 1))
    assert np.mean(shares) == pytest.approx(0.5, abs=5 * (1 / 7.2 / 800) ** 0.5)
    assert np.var(shares) == pytest.approx(1 / 7.2, rel=0.15)


def test_a_seed_gives_the_same_mix_again_and_the_next_batch_another():
    x, y = torch.rand(6, 4, generator=seeded(0)), torch.arange(6) % 3
    mixup = Mixup(1.0, 3, seeded(1))
    first, second = mixup(x, y), mixup(x, y)
    torch.testing.assert_close(first, Mixup(1.0, 3, seeded(1))(x, y), rtol=0, atol=0)
    assert not torch.equal(first[0], second[0])


@given(st.integers(0, 2000))
def test_cutmix_labels_have_the_share_of_the_pixels(seed):
    # each picture is its class all over: the mean of the mixed picture is the mixed label
    y = torch.randint(4, (6,), generator=seeded(seed))
    x = one_hot(y, 4).float()[:, :, None, None].expand(6, 4, 5, 7)
    inputs, targets = CutMix(1.0, 4, (5, 7), seeded(seed))(x, y)
    torch.testing.assert_close(inputs.mean((2, 3)), targets)
    assert set(inputs.unique().tolist()) <= {0.0, 1.0}


def test_a_box_at_the_border_is_cut_off_and_the_label_keeps_more():
    assert cut_box((6, 6), 5 / 9, (3, 2)) == (slice(1, 5), slice(0, 4))
    assert cut_box((6, 6), 5 / 9, (0, 0)) == (slice(0, 2), slice(0, 2))  # 4 of 36, not 16
    assert cut_box((6, 6), 5 / 9, (5, 3)) == (slice(3, 6), slice(1, 5))
    rows, columns = cut_box((6, 6), 1.0, (3, 3))
    assert rows.stop - rows.start == columns.stop - columns.start == 0


def test_cutmix_takes_flat_inputs_and_leaves_them_as_they_were():
    x, y = torch.rand(5, 64, generator=seeded(0)), torch.arange(5) % 2
    kept = x.clone()
    flat, _ = CutMix(1.0, 2, (8, 8), seeded(3))(x, y)
    pictures, _ = CutMix(1.0, 2, (8, 8), seeded(3))(x.view(5, 8, 8), y)
    assert torch.equal(flat.view(5, 8, 8), pictures)
    assert torch.equal(x, kept)


def test_fit_takes_mixed_targets_and_validates_on_classes():
    x = torch.randn(40, 3, generator=seeded(0))
    y = (x[:, 0] > 0).long()
    model = MLP([3, 8, 2], generator=seeded(0))
    history = fit(
        model,
        x,
        y,
        loss=nn.functional.cross_entropy,
        optimizer=torch.optim.Adam(model.parameters(), lr=0.05),
        epochs=20,
        batch_size=10,
        validation=(x, y),
        augment=Mixup(0.2, 2, seeded(1)),
        generator=seeded(2),
    )
    assert history.validation_accuracy[-1] > 0.9


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"a share between 0 and 1, got 1\.5"):
        mix(torch.ones(2), torch.tensor([1, 0]), 1.5)
    with pytest.raises(ValueError, match="alpha above 0, got 0"):
        Mixup(0.0, 2)
    with pytest.raises(ValueError, match="at least 1 class, got 0"):
        Mixup(1.0, 0)
    with pytest.raises(ValueError, match=r"inputs of 8 x 8 pixels, got shape \(5, 63\)"):
        CutMix(1.0, 2, (8, 8))(torch.zeros(5, 63), torch.zeros(5, dtype=torch.int64))
    with pytest.raises(ValueError, match="a share between 0 and 1, got -1"):
        cut_box((4, 4), -1.0, (0, 0))
