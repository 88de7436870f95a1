import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from deepbook.feedforward import MLP
from deepbook.regularization import SmoothedCrossEntropy, smooth_labels, smoothed_cross_entropy
from deepbook.training import fit_many


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_both_forms_spread_the_share_and_sum_to_one():
    target = torch.tensor([1])
    all_classes = smooth_labels(target, 5, 0.2)
    others = smooth_labels(target, 5, 0.2, form="others")
    torch.testing.assert_close(all_classes, torch.tensor([[0.04, 0.84, 0.04, 0.04, 0.04]]))
    torch.testing.assert_close(others, torch.tensor([[0.05, 0.8, 0.05, 0.05, 0.05]]))


@given(st.integers(2, 9), st.floats(0, 1), st.sampled_from(["all", "others"]))
def test_every_label_is_a_distribution_and_the_forms_are_one_family(classes, epsilon, form):
    targets = torch.arange(classes)
    smooth = smooth_labels(targets, classes, epsilon, form=form)
    torch.testing.assert_close(smooth.sum(1), torch.ones(classes))
    assert float(smooth.min()) >= -1e-7
    less = epsilon * (classes - 1) / classes
    torch.testing.assert_close(
        smooth_labels(targets, classes, epsilon),
        smooth_labels(targets, classes, less, form="others"),
    )


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.7, 1.0])
def test_the_loss_is_torchs_in_value_and_gradient(epsilon):
    targets = torch.arange(8) % 5
    ours, theirs = (draw(8, 5).requires_grad_() for _ in range(2))
    a = smoothed_cross_entropy(ours, targets, epsilon)
    b = cross_entropy(theirs, targets, label_smoothing=epsilon)
    torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    a.backward()
    b.backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("form", ["all", "others"])
def test_the_loss_is_the_cross_entropy_with_the_smooth_labels(form):
    logits, targets = draw(8, 5), torch.arange(8) % 5
    labels = smooth_labels(targets, 5, 0.3, form=form).double()
    ours = smoothed_cross_entropy(logits, targets, 0.3, form=form)
    torch.testing.assert_close(ours, cross_entropy(logits, labels), rtol=1e-6, atol=1e-6)


def test_knowing_nothing_costs_the_logarithm_of_the_number_of_classes():
    for form in ("all", "others"):
        loss = smoothed_cross_entropy(torch.zeros(3, 7), torch.tensor([0, 3, 6]), 0.1, form=form)
        assert float(loss) == pytest.approx(math.log(7))


def test_the_best_a_network_can_do_is_the_entropy_of_the_smooth_label():
    best = smooth_labels(torch.tensor([2]), 4, 0.2).double().log().requires_grad_()
    loss = smoothed_cross_entropy(best, torch.tensor([2]), 0.2)
    entropy = -(0.85 * math.log(0.85) + 3 * 0.05 * math.log(0.05))
    assert loss.item() == pytest.approx(entropy, rel=1e-5)
    loss.backward()
    assert float(best.grad.abs().max()) < 1e-6


def test_it_trains_many_networks_each_with_its_own_order():
    x = draw(20, 3).float()
    nets = [MLP([3, 4, 2], generator=torch.Generator().manual_seed(s)) for s in range(2)]
    histories = fit_many(
        nets,
        x,
        (x[:, 0] > 0).long(),
        loss=SmoothedCrossEntropy(0.1),
        optimizer=lambda p: torch.optim.Adam(p, lr=0.05),
        epochs=30,
        batch_size=10,
        generators=[torch.Generator().manual_seed(s) for s in range(2)],
    )
    for history in histories:
        assert history.loss[-1] < history.loss[0]
        assert history.loss[-1] > -(0.95 * math.log(0.95) + 0.05 * math.log(0.05))


def test_what_cannot_be_is_refused():
    logits, targets = torch.zeros(3, 4), torch.zeros(3, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"a share epsilon between 0 and 1, got 1\.2"):
        smooth_labels(targets, 4, 1.2)
    with pytest.raises(ValueError, match="a form among all, others, got 'rest'"):
        smoothed_cross_entropy(logits, targets, 0.1, form="rest")
    with pytest.raises(ValueError, match="at least 2 classes, got 1"):
        smooth_labels(targets, 1, 0.1)
    with pytest.raises(ValueError, match=r"got \(3, 4\) and \(3, 1\)"):
        smoothed_cross_entropy(logits, targets[:, None], 0.1)
    with pytest.raises(ValueError, match="a share epsilon between 0 and 1, got -1"):
        SmoothedCrossEntropy(-1.0)
    with pytest.raises((RuntimeError, IndexError), match="out of bounds"):
        smoothed_cross_entropy(logits, targets + 4, 0.1)
