import itertools

import pytest
import torch
from torch.nn.functional import cross_entropy, mse_loss

from deepbook.feedforward import MLP
from deepbook.optimization import (
    FlatLoss,
    accumulate_gradients,
    gradient_variance,
    minibatch_gradients,
    minibatch_variance,
    per_example_gradients,
)


def network_loss(examples=7):
    generator = torch.Generator().manual_seed(5)
    model = MLP([3, 4, 2], "tanh", generator=generator).double()
    x = torch.randn(examples, 3, generator=generator, dtype=torch.float64)
    return FlatLoss(model, cross_entropy, x, torch.arange(examples) % 2)


def test_each_row_is_the_gradient_of_its_example_alone():
    loss = network_loss()
    rows = per_example_gradients(loss)
    for i in range(7):
        alone = FlatLoss(loss.model, cross_entropy, loss.inputs[i : i + 1], loss.targets[i : i + 1])
        torch.testing.assert_close(rows[i], torch.func.grad(alone)(loss.vector))
    torch.testing.assert_close(rows.mean(0), torch.func.grad(loss)(loss.vector))
    elsewhere = per_example_gradients(loss, 2 * loss.vector)
    torch.testing.assert_close(elsewhere.mean(0), torch.func.grad(loss)(2 * loss.vector))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("replacement", [False, True])
def test_the_variance_is_that_of_every_minibatch_there_is(size, replacement):
    gradients = per_example_gradients(network_loss(5))
    every = (
        itertools.product(range(5), repeat=size)
        if replacement
        else itertools.combinations(range(5), size)
    )
    means = torch.stack([gradients[list(rows)].mean(0) for rows in every])
    exact = (means - gradients.mean(0)).square().sum(1).mean().item()
    variance = gradient_variance(gradients)
    told = minibatch_variance(variance, 5, size, replacement=replacement)
    assert told == pytest.approx(exact, abs=1e-15)


@pytest.mark.parametrize("replacement", [False, True])
def test_drawn_minibatches_scatter_as_told(replacement):
    gradients = torch.randn(40, 6, generator=torch.Generator().manual_seed(1)).double()
    generator = torch.Generator().manual_seed(2)
    means = minibatch_gradients(gradients, 16, 4000, replacement=replacement, generator=generator)
    assert means.shape == (4000, 6)
    found = (means - gradients.mean(0)).square().sum(1).mean().item()
    expected = minibatch_variance(gradient_variance(gradients), 40, 16, replacement=replacement)
    # 24,000 squares, relative deviation 1 %; the two ways differ by 38 %
    assert found == pytest.approx(expected, rel=0.05)
    # not biased: six standard errors
    error = (means.mean(0) - gradients.mean(0)).norm()
    assert error < 6 * (expected / 4000) ** 0.5


def test_all_examples_without_replacement_leave_no_noise():
    gradients = torch.randn(9, 2, generator=torch.Generator().manual_seed(1)).double()
    means = minibatch_gradients(gradients, 9, 3, replacement=False)
    torch.testing.assert_close(means, gradients.mean(0).expand(3, 2))
    assert minibatch_variance(5.0, 9, 9, replacement=False) == 0
    assert minibatch_variance(0.0, 1, 1, replacement=False) == 0


def test_parts_of_unequal_size_weigh_each_term_alike():
    w = torch.tensor(1.0, requires_grad=True)
    # two parts: terms that sum to 6 over 1 of them, and to 2 over 3 of them
    mean = accumulate_gradients(
        [w], lambda part: (w * sum(part), len(part)), [[6.0], [1, 0.5, 0.5]]
    )
    assert mean == pytest.approx(8 / 4)
    assert w.grad.item() == pytest.approx(8 / 4)  # a mean of means would be 3.33


@pytest.mark.parametrize("size", [1, 3, 4, 7, 10])
def test_gradients_of_parts_are_those_of_the_whole_also_with_a_short_last_part(size):
    loss = network_loss(7)
    model, x, y = loss.model, loss.inputs, loss.targets
    cross_entropy(model(x), y).backward()
    expected = [p.grad.clone() for p in model.parameters()]

    def sum_and_count(rows):
        return cross_entropy(model(x[rows]), y[rows], reduction="sum"), len(rows)

    parts = torch.arange(7).split(size)
    mean = accumulate_gradients(list(model.parameters()), sum_and_count, parts)
    assert mean == pytest.approx(cross_entropy(model(x), y).item())
    for p, g in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(p.grad, g)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: gradient_variance(g[0]), r"shape \(examples, size\), got \(2,\)"),
        (lambda g: gradient_variance(g[:0]), r"got \(0, 2\)"),
        (
            lambda g: minibatch_variance(1.0, 4, 5, replacement=False),
            "to 4 examples, got 5 without",
        ),
        (lambda g: minibatch_variance(1.0, 4, 0, replacement=True), "got 0 with replacement"),
        (lambda g: minibatch_gradients(g, 5, 1, replacement=False), "1 to 4 examples, got 5"),
        (lambda g: accumulate_gradients([], lambda part: part, []), "one term or more, got 0"),
    ],
)
def test_minibatches_that_cannot_be_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(torch.ones(4, 2))


def test_a_minibatch_may_be_larger_than_the_data_when_drawn_with_replacement():
    means = minibatch_gradients(torch.ones(3, 2), 10, 2, replacement=True)
    assert means.tolist() == [[1, 1], [1, 1]]
    assert minibatch_gradients(torch.ones(3, 2), 1, 0, replacement=True).shape == (0, 2)


def test_a_regression_has_gradients_too():
    model = MLP([2, 1], generator=torch.Generator().manual_seed(0)).double()
    x, y = torch.randn(5, 2).double(), torch.randn(5, 1).double()
    rows = per_example_gradients(FlatLoss(model, mse_loss, x, y))
    error = (model(x) - y).detach()
    torch.testing.assert_close(rows[:, :2], 2 * error * x)
