import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, jaccard_score
from torch.nn.functional import cross_entropy

from deepbook.convolution import (
    intersection_over_union,
    label_confusion,
    mean_intersection_over_union,
    pixel_cross_entropy,
    soft_dice_loss,
)


def seeded(n):
    return torch.Generator().manual_seed(n)


def maps(seed=0, shape=(2, 4, 5), classes=3, ignored=0.2):
    generator = seeded(seed)
    logits = torch.randn(shape[0], classes, *shape[1:], generator=generator, dtype=torch.float64)
    targets = torch.randint(classes, shape, generator=generator)
    targets[torch.rand(shape, generator=generator) < ignored] = 255
    targets.flatten()[0] = 1  # one that counts
    return logits.requires_grad_(), targets


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 500))
def test_cross_entropy_is_that_of_torch_with_its_gradient(seed):
    logits, targets = maps(seed)
    ours = pixel_cross_entropy(logits, targets)
    theirs = cross_entropy(logits, targets, ignore_index=255)
    torch.testing.assert_close(ours, theirs)
    gradients = [torch.autograd.grad(loss, logits)[0] for loss in (ours, theirs)]
    torch.testing.assert_close(*gradients)


def loop_dice(logits, targets):
    p, losses = logits.softmax(1), []
    for k in range(logits.shape[1]):
        both = squares = size = 0.0
        for n, row, column in (targets != 255).nonzero().tolist():
            g = float(targets[n, row, column] == k)
            said = p[n, k, row, column]
            both, squares, size = both + said * g, squares + said**2, size + g
        if size:
            losses.append(1 - 2 * both / (squares + size))
    return sum(losses) / len(losses)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 500))
def test_dice_is_its_formula_summed_pixel_by_pixel(seed):
    logits, targets = maps(seed, shape=(2, 2, 3))
    torch.testing.assert_close(soft_dice_loss(logits, targets), loop_dice(logits, targets))


def test_dice_of_a_sure_and_right_answer_is_0_and_of_a_sure_and_wrong_one_1():
    targets = torch.tensor([[0, 1, 1, 255]])
    right = torch.tensor([[[60.0, -60, -60, 9], [-60, 60, 60, 9]]])
    assert soft_dice_loss(right, targets) == pytest.approx(0, abs=1e-6)
    assert soft_dice_loss(-right, targets) == pytest.approx(1, abs=1e-6)


def test_dice_leaves_out_classes_that_no_pixel_has():
    logits = torch.zeros(1, 4, 6, dtype=torch.float64)
    targets = torch.tensor([[0, 0, 0, 1, 1, 1]])
    # p = 1/4: 2 * 3/4 / (6/16 + 3) for each of the two
    assert float(soft_dice_loss(logits, targets)) == pytest.approx(1 - 1.5 / 3.375)


@pytest.mark.parametrize("loss", [pixel_cross_entropy, soft_dice_loss])
def test_a_pixel_that_is_ignored_changes_nothing_and_gets_no_gradient(loss):
    logits, targets = maps(1)
    ignored = (targets == 255)[:, None].expand_as(logits)
    assert ignored.any()
    value = loss(logits, targets)
    (gradient,) = torch.autograd.grad(value, logits)
    assert torch.equal(gradient[ignored], torch.zeros_like(gradient[ignored]))
    assert (gradient[~ignored] != 0).all()
    with torch.no_grad():
        logits[ignored] += 7
    torch.testing.assert_close(loss(logits, targets), value)
    assert torch.autograd.gradcheck(lambda x: loss(x, targets), logits)


def test_absent_and_ignored_classes_are_neither_0_nor_1():
    targets, said = torch.tensor([0, 0, 1, 255]), torch.tensor([0, 1, 1, 0])
    assert mean_intersection_over_union(targets, said, 3) == 0.5
    each = intersection_over_union(targets, said, 3)
    assert each[:2].tolist() == [0.5, 0.5]
    assert each[2].isnan()


def test_a_class_that_is_said_but_not_there_is_0():
    each = intersection_over_union(torch.tensor([0, 0]), torch.tensor([0, 2]), 3)
    assert each[0] == 0.5
    assert each[1].isnan()
    assert each[2] == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 500), st.integers(2, 6))
def test_it_is_scikit_learns_jaccard_score_and_confusion_matrix(seed, classes):
    generator = seeded(seed)
    targets, said = torch.randint(classes, (2, 3, 4, 5), generator=generator)
    targets[0, 0, :2] = 255
    counts = targets != 255
    y, z = targets[counts], said[counts]
    each = intersection_over_union(targets, said, classes)
    there = ~each.isnan()
    labels = there.nonzero()[:, 0].tolist()
    theirs = jaccard_score(y, z, labels=labels, average=None)
    torch.testing.assert_close(each[there], torch.from_numpy(theirs))
    assert mean_intersection_over_union(targets, said, classes) == pytest.approx(theirs.mean())
    table = label_confusion(targets, said, classes)
    expected = confusion_matrix(y, z, labels=list(range(classes)))
    assert torch.equal(table, torch.from_numpy(expected))


def test_confusions_of_batches_add_up():
    targets, said = torch.randint(4, (2, 6, 3), generator=seeded(0))
    parts = sum(label_confusion(targets[i : i + 2], said[i : i + 2], 4) for i in (0, 2, 4))
    assert torch.equal(parts, label_confusion(targets, said, 4))


def test_where_nothing_counts_there_is_no_mean():
    nothing = torch.full((2, 2), 255)
    assert math.isnan(mean_intersection_over_union(nothing, torch.zeros(2, 2).long(), 3))
    with pytest.raises(ValueError, match="expected at least 1 pixel that counts, got none"):
        pixel_cross_entropy(torch.zeros(2, 3, 2), nothing)


def test_labels_that_do_not_fit_are_refused():
    logits = torch.zeros(1, 3, 2)
    for loss in (pixel_cross_entropy, soft_dice_loss):
        with pytest.raises(ValueError, match=r"expected logits of shape .* got \(1, 3, 2\) and"):
            loss(logits, torch.zeros(1, 3).long())
        with pytest.raises(ValueError, match=r"expected targets of 0 to 2, or 255 .*got 0 to 3"):
            loss(logits, torch.tensor([[0, 3]]))
    one = torch.tensor([0, 1])
    with pytest.raises(ValueError, match=r"a prediction for each target, got shapes \(2,\) and"):
        label_confusion(one, one[:1], 2)
    with pytest.raises(ValueError, match="expected predictions of 0 to 1, got 2 to 3"):
        label_confusion(one, one + 2, 2)
    with pytest.raises(ValueError, match="expected targets of 0 to 1, got -1 to 0"):
        label_confusion(one - 1, one, 2)
