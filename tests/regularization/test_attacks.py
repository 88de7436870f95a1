import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from deepbook.feedforward import MLP
from deepbook.regularization import Attack, fgsm, pgd


def seeded(n):
    return torch.Generator().manual_seed(n)


def network(seed=0):
    return MLP([6, 16, 3], generator=seeded(seed)).double()


X = torch.rand(12, 6, generator=seeded(1), dtype=torch.float64)
Y = torch.arange(12) % 3


class Logistic(nn.Module):
    """One logit ``w x``, as a number for each example."""

    def __init__(self, *weights):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weights, dtype=torch.float64))

    def forward(self, x):
        return x @ self.weight


def test_fgsm_of_a_logistic_model_is_known_by_hand():
    # loss -log sigmoid(w x) for y = 1: its gradient has the sign of -w
    model, x = Logistic(2.0, -1.0, 0.0), torch.tensor([[0.5, -0.5, 1.0]], dtype=torch.float64)
    attack = fgsm(0.2, box=None)
    for target, sign in ((1.0, -1), (0.0, 1)):
        y = torch.tensor([target], dtype=torch.float64)
        changed = attack(model, x, y, loss=binary_cross_entropy_with_logits)
        delta = torch.tensor([[0.2, -0.2, 0.0]], dtype=torch.float64) * sign
        torch.testing.assert_close(changed - x, delta)
        assert float((model(changed) - model(x)).detach()) == pytest.approx(sign * 0.6)


def test_fgsm_differentiates_the_loss_at_the_true_class_also_where_the_model_errs():
    model = network()
    point = X.clone().requires_grad_()
    cross_entropy(model(point), Y, reduction="sum").backward()
    expected = (X + 0.05 * point.grad.sign()).clamp(0, 1)
    assert bool((model(X).argmax(1) != Y).any())
    torch.testing.assert_close(fgsm(0.05)(model, X, Y), expected, rtol=0, atol=0)


def test_fgsm_in_l2_goes_the_length_of_the_radius_up_the_gradient():
    model = network()
    point = X.clone().requires_grad_()
    cross_entropy(model(point), Y, reduction="sum").backward()
    expected = X + 0.3 * point.grad / point.grad.norm(dim=1, keepdim=True)
    torch.testing.assert_close(fgsm(0.3, "l2", box=None)(model, X, Y), expected)


@settings(max_examples=40)
@given(
    st.sampled_from(["linf", "l2"]),
    st.floats(0, 0.7),
    st.integers(1, 5),
    st.floats(0, 2),
    st.booleans(),
    st.integers(0, 1000),
)
def test_no_attack_leaves_the_ball_or_the_box(norm, radius, steps, step_size, start, seed):
    attack = pgd(radius, steps, norm, step_size=step_size, random_start=start)
    changed = attack(network(seed), X, Y, generator=seeded(seed))
    assert float(changed.min()) >= 0
    assert float(changed.max()) <= 1
    order = math.inf if norm == "linf" else 2
    assert float((changed - X).norm(order, dim=1).max()) <= radius + 1e-12


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_of_a_linear_model_pgd_finds_the_worst_case(norm):
    model = Logistic(1.0, -3.0, 0.5)
    x = 0.1 * torch.randn(4, 3, generator=seeded(0), dtype=torch.float64)
    y = torch.ones(4, dtype=torch.float64)
    attack = pgd(0.3, 20, norm, step_size=3.0, box=None)
    changed = attack(model, x, y, loss=binary_cross_entropy_with_logits, generator=seeded(1))
    dual = model.weight.detach().norm(1 if norm == "linf" else 2)
    torch.testing.assert_close(model(x) - model(changed), (0.3 * dual).expand(4))


def test_in_a_box_of_its_own_it_stays():
    attack = pgd(5.0, 3, box=(-1.0, 2.0))
    changed = attack(network(), 2 * X - 0.5, Y)
    assert (float(changed.min()), float(changed.max())) == (-1.0, 2.0)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_random_starts_are_uniform_in_the_ball(norm):
    attack = Attack(0.5, norm, step_size=0.0, random_start=True, box=None)
    x = torch.zeros(20_000, 2, dtype=torch.float64)
    model = MLP([2, 4, 3], generator=seeded(0)).double()
    starts = attack(model, x, torch.zeros(20_000).long(), generator=seeded(1))
    lengths = starts.norm(math.inf if norm == "linf" else 2, dim=1)
    # the share within a part of the radius is that part's area
    for part in (0.3, 0.6, 0.9):
        share = float((lengths < 0.5 * part).double().mean())
        assert share == pytest.approx(part**2, abs=0.015)
    assert float(starts.mean(0).abs().max()) < 0.01
    again = attack(model, x, torch.zeros(20_000).long(), generator=seeded(1))
    assert torch.equal(starts, again)


def test_more_steps_make_the_loss_greater():
    model = network(3)
    losses = [
        cross_entropy(model(attack(model, X, Y)), Y).item()
        for attack in (fgsm(0.0), fgsm(0.2), pgd(0.2, 40, random_start=False))
    ]
    assert losses[0] < losses[1] <= losses[2]
    assert losses[0] == cross_entropy(model(X), Y).item()


def test_of_several_starts_each_example_keeps_its_own_worst_end():
    model, attack = network(1), pgd(0.3, 2, restarts=6)
    each = cross_entropy(model(attack(model, X, Y, generator=seeded(0))), Y, reduction="none")
    generator = seeded(0)
    singles = [pgd(0.3, 2)(model, X, Y, generator=generator) for _ in range(6)]
    losses = torch.stack([cross_entropy(model(x), Y, reduction="none") for x in singles])
    wrong = torch.stack([model(x).argmax(1) != Y for x in singles])
    some = wrong.any(0)
    assert torch.equal(some, model(attack(model, X, Y, generator=seeded(0))).argmax(1) != Y)
    best = losses.where(wrong | ~some, torch.tensor(-1.0).double()).max(0).values
    torch.testing.assert_close(each, best)
    assert bool((losses.argmax(0) != losses.argmax(0)[0]).any())


def test_a_misclassified_end_is_worse_than_one_with_a_greater_loss():
    class Table(nn.Module):
        """Right at 0.25 with probability 0.35, wrong elsewhere with probability 0.45."""

        def forward(self, x):
            right = torch.tensor([0.35, 0.33, 0.32]).double().log()
            wrong = torch.tensor([0.45, 0.55, 1e-9]).double().log()
            return torch.where(x[:, :1] < 0.5, right, wrong) + 0 * x.sum()

    x = torch.full((1, 1), 0.5, dtype=torch.float64)
    attack = Attack(0.4, step_size=0.0, random_start=True, restarts=20)
    changed = attack(Table(), x, torch.tensor([0]), generator=seeded(0))
    assert float(changed) >= 0.5


def test_the_model_keeps_its_mode_its_gradients_and_its_running_means():
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
    model = model.double()
    model[2].eval()
    modes = [module.training for module in model.modules()]
    running = model[1].running_mean.clone()
    changed = pgd(0.1, 3, restarts=2)(model, X, Y)
    assert [module.training for module in model.modules()] == modes
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(model[1].running_mean, running)
    assert not changed.requires_grad
    # attacked in evaluation mode: nothing is drawn
    assert torch.equal(fgsm(0.1)(model, X, Y), fgsm(0.1)(model, X, Y))
    with torch.no_grad():
        assert torch.equal(fgsm(0.1)(model, X, Y), fgsm(0.1)(model.eval(), X, Y))


def test_where_there_is_no_gradient_nothing_moves():
    class Blind(nn.Module):
        def forward(self, x):
            return 0 * x[:, :3]

    for norm in ("linf", "l2"):
        assert torch.equal(fgsm(0.2, norm)(Blind(), X, Y), X)


def test_pictures_and_regressions_can_be_attacked():
    pictures = X[:6].view(3, 1, 2, 6)[..., :4]
    model = nn.Sequential(nn.Flatten(), nn.Linear(8, 2)).double()
    changed = pgd(0.2, 3, "l2")(model, pictures, torch.tensor([0, 1, 0]))
    assert changed.shape == pictures.shape
    regression = nn.Sequential(nn.Linear(6, 1), nn.Flatten(0)).double()
    y = torch.zeros(12, dtype=torch.float64)
    attack = pgd(0.2, 5, restarts=2)
    changed = attack(regression, X, y, loss=mse_loss)
    with torch.no_grad():
        assert mse_loss(regression(changed), y) > mse_loss(regression(X), y)


def test_what_cannot_be_is_refused():
    for options, message in (
        ({"radius": -1.0}, "a radius of at least 0, got -1"),
        ({"radius": 1.0, "norm": "l1"}, "a norm among linf, l2, got 'l1'"),
        ({"radius": 1.0, "steps": 0}, "at least 1 step, got 0"),
        ({"radius": 1.0, "restarts": 0}, "at least 1 start, got 0"),
        ({"radius": 1.0, "step_size": -1.0}, "a step size of at least 0, got -1"),
        ({"radius": 1.0, "restarts": 2}, "random starts for 2 restarts, got none"),
        ({"radius": 1.0, "box": (1.0, 0.0)}, "a box from a smaller to a larger value"),
    ):
        with pytest.raises(ValueError, match=message):
            Attack(**options)
    with pytest.raises(ValueError, match=r"in the box from 0 to 1, got values from -\d"):
        fgsm(0.1)(network(), X - 2, Y)
    with pytest.raises(ValueError, match="in the box"):
        fgsm(0.1)(network(), X * math.nan, Y)
    with pytest.raises(ValueError, match=r"as many targets as inputs.*got 11 and 12"):
        fgsm(0.1)(network(), X, Y[1:])
    with pytest.raises(ValueError, match="at least 1 step, got 0"):
        pgd(0.1, 0)
