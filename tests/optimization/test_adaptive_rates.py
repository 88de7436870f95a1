"""AdaGrad, RMSProp, Adam and AdamW by their own formulas, where eps and t are easily misplaced."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepbook.optimization import AdaGrad, Adam, AdamW, RMSProp

ADAPTIVE = {
    "adagrad": lambda p: AdaGrad(p, lr=0.03, eps=0.0),
    "adam": lambda p: Adam(p, lr=0.03, eps=0.0),
    "adamw": lambda p: AdamW(p, lr=0.03, eps=0.0, weight_decay=0.0),
}


def after(make, gradients, start=0.0):
    """Where a weight stands after these gradients."""
    w = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = make([w])
    for g in gradients:
        w.grad = torch.tensor(g, dtype=torch.float64)
        optimizer.step()
    return w.item()


@pytest.mark.parametrize("name", ADAPTIVE)
@given(size=st.floats(1e-6, 1e6), sign=st.sampled_from([-1, 1]))
def test_a_first_step_has_the_length_of_the_rate_whatever_the_gradient(name, size, sign):
    assert after(ADAPTIVE[name], [sign * size]) == pytest.approx(-sign * 0.03)


@pytest.mark.parametrize("name", ADAPTIVE)
@given(scale=st.floats(1e-3, 1e3), seed=st.integers(0, 100))
def test_the_scale_of_the_gradients_does_not_matter(name, scale, seed):
    gradients = torch.randn(6, generator=torch.Generator().manual_seed(seed)).double()
    expected = after(ADAPTIVE[name], gradients.tolist())
    scaled = after(ADAPTIVE[name], (scale * gradients).tolist())
    assert scaled == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_adams_eps_is_added_after_the_bias_correction():
    # t = 1: s' = g and r' = g^2, so the step is lr g / (|g| + eps)
    step = -after(lambda p: Adam(p, lr=0.6, eps=3.0), [1.0])
    assert step == pytest.approx(0.6 / (1 + 3))
    # the other form, whose eps the correction would scale too
    hat = 0.6 * math.sqrt(1 - 0.999) / (1 - 0.9) * 0.1 / (math.sqrt(0.001) + 3)
    assert abs(step - hat) > 0.1


def test_adam_counts_steps_for_each_parameter_and_not_for_each_call():
    weights = [torch.zeros((), requires_grad=True) for _ in range(3)]
    optimizer = Adam([{"params": weights[:2]}, {"params": weights[2:]}], lr=0.2)
    for w in weights[:2]:
        w.grad = torch.tensor(5.0)
    optimizer.step()
    weights[2].grad = torch.tensor(5.0)
    optimizer.step()
    assert [w.item() for w in weights] == pytest.approx([-0.4, -0.4, -0.2])
    assert [optimizer.state[w]["step"] for w in weights] == [2, 2, 1]


def test_adam_without_correction_would_start_too_fast_or_too_slow():
    # two equal gradients: s = .19 g, r = .001999 g^2; corrected, each step is the rate
    assert after(lambda p: Adam(p, lr=0.1), [4.0, 4.0]) == pytest.approx(-0.2)


def test_coupled_decay_is_rescaled_with_the_gradient_and_decoupled_decay_is_not():
    coupled = after(lambda p: Adam(p, lr=0.02, weight_decay=0.3), [0.0], start=2.0)
    decoupled = after(lambda p: AdamW(p, lr=0.02, weight_decay=0.3), [0.0], start=2.0)
    assert coupled == pytest.approx(2 - 0.02, abs=1e-8)
    assert decoupled == pytest.approx(2 * (1 - 0.02 * 0.3))


def test_adamw_decays_the_rows_that_no_example_touched_and_no_parameter_without_gradient():
    table, asleep = torch.nn.Embedding(3, 2), torch.ones(2, requires_grad=True)
    before = table.weight.detach().clone()
    optimizer = AdamW([table.weight, asleep], lr=0.1, weight_decay=0.5)
    table(torch.tensor([1])).sum().backward()
    optimizer.step()
    torch.testing.assert_close(table.weight.detach()[[0, 2]], 0.95 * before[[0, 2]])
    torch.testing.assert_close(table.weight.detach()[1], 0.95 * before[1] - 0.1)
    assert asleep.tolist() == [1, 1]


def test_adagrads_steps_shrink_with_the_root_of_their_number():
    places = [after(lambda p: AdaGrad(p, lr=0.5), [2.0] * t) for t in (8, 9, 24, 25)]
    assert places[0] - places[1] == pytest.approx(0.5 / 3)
    assert places[2] - places[3] == pytest.approx(0.5 / 5)


def test_adagrads_delta_stands_outside_the_root_as_in_algorithm_8_4():
    step = -after(lambda p: AdaGrad(p, lr=1.0, eps=2.0), [3.0])
    assert step == pytest.approx(3 / (3 + 2))
    assert abs(step - 3 / math.sqrt(9 + 2)) > 0.1


def test_rmsprops_eps_outside_the_root_or_inside():
    # r = (1 - 0.75) * 4 = 1
    outside = -after(lambda p: RMSProp(p, lr=1.0, alpha=0.75, eps=3.0), [2.0])
    inside = -after(lambda p: RMSProp(p, lr=1.0, alpha=0.75, eps=3.0, eps_inside=True), [2.0])
    assert outside == pytest.approx(2 / (1 + 3))
    assert inside == pytest.approx(2 / math.sqrt(1 + 3))


def gradient(w):
    return torch.tensor([9.0, 1.0], dtype=torch.float64) * w + w.sin()


def test_rmsprop_is_algorithm_8_5_with_its_delta_under_the_root():
    w = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    optimizer = RMSProp([w], lr=0.01, alpha=0.9, eps=1e-6, eps_inside=True)
    theta, r = w.detach().clone(), torch.zeros(2, dtype=torch.float64)
    for _ in range(1000):
        w.grad = gradient(w.detach())
        optimizer.step()
        g = gradient(theta)
        r = 0.9 * r + 0.1 * g**2
        theta = theta - 0.01 / torch.sqrt(1e-6 + r) * g
        torch.testing.assert_close(w.detach(), theta, rtol=0, atol=1e-10)


@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_rmsprop_with_nesterov_momentum_is_algorithm_8_6_at_its_points_ahead(decay):
    w = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    settings = {"lr": 0.002, "alpha": 0.95, "momentum": 0.8, "eps": 0.0}
    optimizer = RMSProp([w], nesterov=True, weight_decay=decay, **settings)
    theta = w.detach().clone()
    velocity, r = torch.zeros(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    for _ in range(1000):
        ahead = theta + 0.8 * velocity
        torch.testing.assert_close(w.detach(), ahead, rtol=0, atol=1e-10)
        g = gradient(ahead) + decay * ahead
        r = 0.95 * r + 0.05 * g**2
        velocity = 0.8 * velocity - 0.002 / r.sqrt() * g
        theta = theta + velocity
        w.grad = gradient(w.detach())
        optimizer.step()


def test_rmsprop_forgets_and_adagrad_does_not():
    gradients = [100.0] * 5 + [1.0] * 500
    still = lambda make: after(make, gradients[:-1]) - after(make, gradients)
    assert still(lambda p: RMSProp(p, lr=0.1, alpha=0.9)) == pytest.approx(0.1, rel=1e-3)
    assert still(lambda p: AdaGrad(p, lr=0.1)) < 0.001
