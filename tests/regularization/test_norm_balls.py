import numpy as np
import pytest
import scipy.optimize
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from deepbook.feedforward import MLP
from deepbook.regularization import (
    BallMinimum,
    after_each_step,
    ball_minimum,
    l2_minimum,
    max_norm_,
    project_to_ball,
    soft_threshold,
    weights_of,
)
from deepbook.training import fit, fit_many

ORDERS = {"l1": 1, "l2": 2, "linf": torch.inf}


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(st.sampled_from(sorted(ORDERS)), st.floats(0.05, 4), st.integers(0, 1000))
def test_a_projection_is_in_the_ball_and_nearer_than_any_other_point_of_it(norm, radius, seed):
    x = 2 * draw(5, seed=seed)
    near = project_to_ball(x, radius, norm)
    length = lambda v: torch.linalg.vector_norm(v, ORDERS[norm], dim=-1)
    assert length(near) <= radius * (1 + 1e-12)
    others = draw(200, 5, seed=seed + 1)
    others = others / length(others)[:, None] * radius * torch.rand(200, 1, dtype=torch.float64)
    # the angle between what was cut off and any way into the ball is not acute
    assert float(((others - near) @ (x - near)).max()) <= 1e-10
    torch.testing.assert_close(project_to_ball(near, radius, norm), near)


@pytest.mark.parametrize("norm", sorted(ORDERS))
def test_what_lies_inside_stays_to_the_last_bit_and_rows_go_by_themselves(norm):
    x = torch.stack([torch.full((4,), 0.01), torch.tensor([9.0, -1.0, 0.0, 2.0])])
    both = project_to_ball(x, 1.0, norm)
    assert torch.equal(both[0], x[0])
    torch.testing.assert_close(both[1], project_to_ball(x[1], 1.0, norm))
    assert torch.equal(project_to_ball(torch.zeros(3), 0.0, norm), torch.zeros(3))
    assert not project_to_ball(x, 0.0, norm).any()


def test_the_l1_projection_is_a_soft_threshold():
    x = torch.tensor([3.0, -1.0, 0.25])
    assert project_to_ball(x, 2.0, "l1").tolist() == [2.0, 0.0, 0.0]
    torch.testing.assert_close(project_to_ball(x, 3.0, "l1"), soft_threshold(x, 0.5))


def test_max_norm_bounds_the_incoming_weights_of_each_unit_and_no_bias():
    model = nn.Linear(3, 2)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[3.0, 0.0, 4.0], [0.3, 0.0, 0.4]]))
        model.bias.fill_(100)
    max_norm_(weights_of(model), 2.0)
    torch.testing.assert_close(model.weight[0].detach(), torch.tensor([1.2, 0.0, 1.6]))
    assert torch.equal(model.weight[1], torch.tensor([0.3, 0.0, 0.4]))
    assert model.bias.tolist() == [100, 100]


def test_max_norm_bounds_the_filters_of_a_convolution_as_torchs_renorm_does():
    weight = draw(5, 3, 2, 2)
    expected = weight.renorm(2, 0, 1.5)
    max_norm_([weight], 1.5, dim=(1, 2, 3))
    torch.testing.assert_close(weight, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("many", [False, True])
def test_after_each_step_a_network_is_within_its_bound(many):
    x, y = draw(40, 3).float(), torch.arange(40) % 2
    nets = [MLP([3, 8, 2], generator=torch.Generator().manual_seed(s)) for s in range(2)]

    def sgd(parameters):
        optimizer = torch.optim.SGD(parameters, lr=0.5)
        weights = weights_of(parameters, stacked=many)
        return after_each_step(optimizer, lambda: max_norm_(weights, 0.4))

    options = {"loss": nn.functional.cross_entropy, "epochs": 3, "batch_size": 10}
    if many:
        fit_many(nets, x, y, optimizer=sgd, **options)
    else:
        fit(nets[0], x, y, optimizer=sgd(list(nets[0].parameters())), **options)
    for net in nets if many else nets[:1]:
        lengths = torch.cat([w.detach().norm(dim=1) for w in weights_of(net)])
        assert float(lengths.max()) <= 0.4 * (1 + 1e-5)
        assert int((lengths > 0.399).sum()) > 2


def hessian_and_optimum(seed, size=4):
    root = draw(size, size, seed=seed)
    return root @ root.T / size, 3 * draw(size, seed=seed + 1)


@settings(max_examples=30)
@given(st.integers(0, 1000), st.floats(0.1, 2))
def test_the_multiplier_is_the_strength_of_the_penalty_with_the_same_minimum(seed, share):
    hessian, optimum = hessian_and_optimum(seed)
    radius = share * float(optimum.norm())
    weight, multiplier = ball_minimum(hessian, optimum, radius)
    torch.testing.assert_close(weight, l2_minimum(hessian, optimum, multiplier))
    stationary = hessian @ (weight - optimum) + multiplier * weight
    assert float(stationary.abs().max()) < 1e-7 * float(hessian.norm() * optimum.norm())
    if share < 1:
        assert multiplier > 0
        assert float(weight.norm()) == pytest.approx(radius, rel=1e-8)
    else:
        assert multiplier == 0


def test_the_minimum_in_a_ball_is_scipys():
    hessian, optimum = hessian_and_optimum(7)
    h, w0 = hessian.numpy(), optimum.numpy()
    found = scipy.optimize.minimize(
        lambda w: (w - w0) @ h @ (w - w0) / 2,
        np.zeros(4),
        jac=lambda w: h @ (w - w0),
        constraints={"type": "ineq", "fun": lambda w: 1 - w @ w, "jac": lambda w: -2 * w},
        method="SLSQP",
        tol=1e-14,
    )
    np.testing.assert_allclose(ball_minimum(hessian, optimum, 1.0).weight, found.x, atol=1e-5)


def test_projected_gradient_descent_ends_in_it():
    hessian, optimum = hessian_and_optimum(2)
    w = torch.zeros(4, dtype=torch.float64)
    for _ in range(3000):
        w = project_to_ball(w - 0.2 * hessian @ (w - optimum), 1.0)
    torch.testing.assert_close(w, ball_minimum(hessian, optimum, 1.0).weight)


def test_where_the_loss_is_flat_the_shortest_minimum_is_taken():
    hessian = torch.tensor([[2.0, 0.0], [0.0, 0.0]], dtype=torch.float64)
    found = ball_minimum(hessian, torch.tensor([0.5, 9.0], dtype=torch.float64), 1.0)
    torch.testing.assert_close(
        found, BallMinimum(torch.tensor([0.5, 0.0], dtype=torch.float64), 0.0)
    )


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="a norm among l1, l2, linf, got 'l3'"):
        project_to_ball(torch.ones(2), 1.0, "l3")
    with pytest.raises(ValueError, match="a radius of at least 0, got -1"):
        project_to_ball(torch.ones(2), -1.0)
    with pytest.raises(ValueError, match="a radius above 0, got 0"):
        max_norm_([torch.ones(2, 2)], 0.0)
    with pytest.raises(ValueError, match="a radius above 0, got 0"):
        ball_minimum(torch.eye(2), torch.ones(2), 0.0)
