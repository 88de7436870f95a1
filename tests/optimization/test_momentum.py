import pytest
import torch

from deepbook.optimization import Momentum, Nesterov


def displacements(make, gradients):
    """How far a weight that starts at zero has come after each of these gradients."""
    w = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer, places = make([w]), []
    for g in gradients:
        w.grad = torch.tensor(g, dtype=torch.float64)
        optimizer.step()
        places.append(w.item())
    return places, optimizer.state[w]["momentum_buffer"].item()


def test_heavy_ball_and_nesterov_tell_their_first_steps_apart():
    heavy, _ = displacements(lambda p: Momentum(p, lr=1.0, momentum=0.8), [2.0, 2.0])
    ahead, _ = displacements(lambda p: Nesterov(p, lr=1.0, momentum=0.8), [2.0, 2.0])
    # b = 2, then 1.6 + 2 = 3.6
    assert heavy == pytest.approx([-2, -5.6])
    # g + 0.8 b = 3.6, then 2 + 2.88 = 4.88
    assert ahead == pytest.approx([-3.6, -8.48])


def test_the_first_gradient_fills_the_buffer_and_only_later_ones_are_dampened():
    make = lambda p: Momentum(p, lr=1.0, momentum=0.6, dampening=0.75)
    _, first = displacements(make, [4.0])
    _, second = displacements(make, [4.0, 2.0])
    assert first == 4
    assert second == pytest.approx(0.6 * 4 + 0.25 * 2)


@pytest.mark.parametrize("make", [Momentum, Nesterov])
def test_the_buffer_is_not_the_gradient_that_was_passed_in(make):
    gradients = [3.0, -1.0, 2.0]
    expected, _ = displacements(lambda p: make(p, lr=1.0), gradients)
    w = torch.zeros((), dtype=torch.float64, requires_grad=True)
    w.grad = torch.zeros_like(w)  # one tensor for all steps, as zero_grad(set_to_none=False) keeps
    optimizer = make([w], lr=1.0)
    for g in gradients:
        w.grad.fill_(g)
        optimizer.step()
    assert w.item() == pytest.approx(expected[-1])


def test_decay_is_added_before_the_buffer_is_filled():
    w = torch.tensor(2.0, requires_grad=True)
    optimizer = Momentum([w], lr=0.1, momentum=0.5, weight_decay=0.5)
    for _ in range(2):
        w.grad = torch.tensor(0.0)
        optimizer.step()
    # b = 1, w = 1.9; b = 0.5 + 0.95 = 1.45, w = 1.755
    assert w.item() == pytest.approx(1.755)


def gradient(w):
    return torch.tensor([9.0, 1.0], dtype=torch.float64) * w + w.sin()


def test_momentum_is_algorithm_8_2_at_a_constant_rate():
    w = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    optimizer = Momentum([w], lr=0.02, momentum=0.85)
    theta, velocity = w.detach().clone(), torch.zeros(2, dtype=torch.float64)
    for _ in range(200):
        w.grad = gradient(w.detach())
        optimizer.step()
        velocity = 0.85 * velocity - 0.02 * gradient(theta)
        theta = theta + velocity
        torch.testing.assert_close(w.detach(), theta, rtol=0, atol=1e-12)


def test_nesterovs_weights_are_the_points_ahead_of_algorithm_8_3():
    w = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    optimizer = Nesterov([w], lr=0.02, momentum=0.85)
    theta, velocity = w.detach().clone(), torch.zeros(2, dtype=torch.float64)
    for _ in range(200):
        ahead = theta + 0.85 * velocity
        torch.testing.assert_close(w.detach(), ahead, rtol=0, atol=1e-12)
        velocity = 0.85 * velocity - 0.02 * gradient(ahead)
        theta = theta + velocity
        w.grad = gradient(w.detach())
        optimizer.step()
        buffer = optimizer.state[w]["momentum_buffer"]
        behind = w.detach() + 0.02 * 0.85 * buffer
        torch.testing.assert_close(behind, theta, rtol=0, atol=1e-12)


def test_a_new_rate_is_taken_at_once_by_what_is_already_rolling():
    w = torch.zeros((), requires_grad=True)
    optimizer = Momentum([w], lr=1.0, momentum=0.5)
    w.grad = torch.tensor(1.0)
    optimizer.step()
    optimizer.param_groups[0]["lr"] = 0.1
    w.grad = torch.tensor(0.0)
    optimizer.step()
    # the book's velocity would roll on by 0.5
    assert w.item() == pytest.approx(-1.05)
