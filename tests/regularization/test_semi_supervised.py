import math

import pytest
import torch
from torch.distributions import Categorical
from torch.nn.functional import cross_entropy

from deepbook.regularization import (
    consistency_loss,
    prediction_entropy,
    pseudo_label_loss,
    pseudo_labels,
)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def logits_of(*probabilities):
    return torch.tensor(probabilities, dtype=torch.float64).log()


def test_a_label_is_the_likeliest_class_and_sure_from_the_threshold_on():
    logits = logits_of([0.5, 0.25, 0.25], [0.1, 0.2, 0.7], [0.3, 0.4, 0.3])
    labels, confident = pseudo_labels(logits, 0.5)
    assert labels.tolist() == [0, 2, 1]
    assert confident.tolist() == [True, True, False]
    assert not pseudo_labels(logits.requires_grad_(), 0.5).labels.requires_grad


def test_the_loss_counts_sure_examples_and_divides_by_all():
    logits = logits_of([0.8, 0.1, 0.1], [0.2, 0.2, 0.6], [0.4, 0.3, 0.3], [0.05, 0.9, 0.05])
    expected = -(math.log(0.8) + math.log(0.9)) / 4
    assert float(pseudo_label_loss(logits, 0.7)) == pytest.approx(expected)
    assert float(pseudo_label_loss(logits, 0.99)) == 0
    everything = cross_entropy(logits, logits.argmax(1))
    torch.testing.assert_close(pseudo_label_loss(logits, 0.0), everything)


def test_the_weak_view_gives_the_labels_and_the_strong_one_the_gradient():
    weak, strong = draw(6, 3).requires_grad_(), draw(6, 3, seed=1).requires_grad_()
    loss = pseudo_label_loss(strong, 0.5, weak)
    sure = weak.softmax(1).max(1).values >= 0.5
    expected = cross_entropy(strong, weak.argmax(1), reduction="none")[sure].sum() / 6
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert weak.grad is None
    assert bool((strong.grad[~sure] == 0).all())
    assert bool((strong.grad[sure] != 0).any(1).all())
    assert 0 < int(sure.sum()) < 6


def test_consistency_is_the_mean_squared_difference_of_probabilities():
    first, second = logits_of([0.5, 0.5], [0.9, 0.1]), logits_of([0.2, 0.8], [0.9, 0.1])
    assert float(consistency_loss(first, second)) == pytest.approx(0.09 / 2)
    assert float(consistency_loss(first + 3, first)) == pytest.approx(0, abs=1e-15)


def test_entropy_is_torchs_and_finite_also_where_a_probability_is_zero():
    logits = draw(4, 5, 3)
    torch.testing.assert_close(prediction_entropy(logits), Categorical(logits=logits).entropy())
    assert float(prediction_entropy(torch.zeros(7))) == pytest.approx(math.log(7))
    sure = torch.tensor([[1000.0, 0.0]], requires_grad=True)
    entropy = prediction_entropy(sure)
    assert entropy.item() == 0
    entropy.sum().backward()
    assert bool(sure.grad.isfinite().all())
    assert float(prediction_entropy(torch.tensor([0.0, -math.inf]))) == 0


def test_gradients_are_right():
    first, second = draw(3, 4).requires_grad_(), draw(3, 4, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(consistency_loss, (first, second))
    assert torch.autograd.gradcheck(prediction_entropy, first)
    assert torch.autograd.gradcheck(lambda x: pseudo_label_loss(x, 0.3, second), first)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"logits of shape \(N, K\), got \(3,\)"):
        pseudo_labels(torch.zeros(3), 0.5)
    with pytest.raises(ValueError, match="a threshold between 0 and 1, got 95"):
        pseudo_label_loss(torch.zeros(3, 2), 95)
    for loss in (consistency_loss, lambda a, b: pseudo_label_loss(a, 0.5, b)):
        with pytest.raises(ValueError, match=r"of one shape, got \(3, 2\) and \(4, 2\)"):
            loss(torch.zeros(3, 2), torch.zeros(4, 2))
