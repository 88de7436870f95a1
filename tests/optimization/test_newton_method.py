import itertools
import math

import pytest
import scipy.optimize
import torch
from torch import nn
from torch.distributions import Categorical, kl_divergence
from torch.nn.functional import cross_entropy, mse_loss

from deepbook.feedforward import MLP
from deepbook.optimization import (
    LANDSCAPES,
    FlatLoss,
    empirical_fisher,
    fisher_matrix,
    gauss_newton_matrix,
    hessian,
    newton,
    newton_step,
    random_quadratic,
    saddle_free_step,
    value_and_gradient,
)


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def classifier(sizes=(3, 4, 3), examples=25):
    generator = torch.Generator().manual_seed(4)
    model = MLP(list(sizes), "tanh", generator=generator).double()
    x = torch.randn(examples, sizes[0], generator=generator, dtype=torch.float64)
    y = torch.randint(sizes[-1], (examples,), generator=generator)
    return FlatLoss(model, cross_entropy, x, y)


def regression(sizes=(2, 3, 2), examples=15):
    generator = torch.Generator().manual_seed(6)
    model = MLP(list(sizes), "tanh", generator=generator).double()
    x = torch.randn(examples, sizes[0], generator=generator, dtype=torch.float64)
    y = torch.randn(examples, sizes[-1], generator=generator, dtype=torch.float64)
    half = lambda outputs, targets: (outputs - targets).square().sum(1).mean() / 2
    return FlatLoss(model, half, x, y)


def test_one_step_ends_at_the_minimum_of_a_quadratic():
    f = random_quadratic(7, 1000, torch.Generator().manual_seed(0))
    way = newton(f, torch.zeros(7).double())
    assert way.steps == 1
    torch.testing.assert_close(way.point, f.minimum, rtol=0, atol=1e-9)


def test_near_a_minimum_the_number_of_right_digits_doubles():
    way = newton(lambda x: (x.exp() - x).sum(), tensor(0.5), line_search=False)
    errors = way.points.abs().flatten().tolist()
    assert way.converged
    for before, after in itertools.pairwise(errors[:4]):
        assert after == pytest.approx(before**2 / 2, rel=0.2)


@pytest.mark.parametrize("name", ["rosenbrock", "beale", "himmelblau", "saddle", "ravine"])
def test_with_line_search_and_without_signs_every_start_ends_in_a_minimum(name):
    known = LANDSCAPES[name]
    way = newton(known, tensor(*known.start), saddle_free=True, damping=1e-3)
    assert way.converged
    assert way.value == pytest.approx(known.value, abs=1e-10)
    assert bool((way.values[1:] < way.values[:-1]).all())


def test_rosenbrocks_minimum_is_reached_in_a_few_steps_as_by_scipy():
    way = newton(LANDSCAPES["rosenbrock"], tensor(-1.2, 1.0))
    assert way.value < 1e-15
    assert way.steps < 25
    scipys = scipy.optimize.minimize(
        scipy.optimize.rosen,
        [-1.2, 1.0],
        jac=scipy.optimize.rosen_der,
        hess=scipy.optimize.rosen_hess,
        method="Newton-CG",
        tol=1e-10,
    )
    assert way.point.tolist() == pytest.approx(scipys.x.tolist(), abs=1e-6)


def test_a_saddle_attracts_newton_and_repels_what_drops_the_signs():
    saddle, start = LANDSCAPES["saddle"], tensor(0.5, 0.2)
    plain = newton(saddle, start, line_search=False)
    assert plain.converged
    assert plain.point.tolist() == pytest.approx([0, 0], abs=1e-9)
    assert torch.linalg.eigvalsh(hessian(saddle, plain.point)).tolist() == pytest.approx([-1, 1])
    for way in (
        newton(saddle, start, saddle_free=True),
        newton(saddle, start),  # the line search refuses to climb
        newton(saddle, start, damping=1.5),
    ):
        assert way.converged
        assert way.value == pytest.approx(-0.25)
    assert newton(saddle, start).restarts > 0


def test_steps_are_those_of_their_formulas():
    g, h = tensor(6.0, -8.0), torch.diag(tensor(2.0, -4.0))
    assert newton_step(g, h).tolist() == [-3, -2]
    assert newton_step(g, h, damping=6.0).tolist() == pytest.approx([-6 / 8, 4])
    assert saddle_free_step(g, h).tolist() == pytest.approx([-3, 2])
    assert saddle_free_step(g, h, damping=2.0).tolist() == pytest.approx([-6 / 4, 8 / 6])


def test_a_singular_matrix_asks_for_damping():
    g, h = tensor(1.0, 1.0), torch.diag(tensor(1.0, 0.0))
    for step in (newton_step, saddle_free_step):
        with pytest.raises(ValueError, match="singular with damping 0: give it more"):
            step(g, h)
        assert step(g, h, 1.0).tolist() == pytest.approx([-0.5, -1])
        with pytest.raises(ValueError, match="damping of at least 0, got -1"):
            step(g, h, -1)
    with pytest.raises(ValueError, match="vector of floating-point"):
        newton(lambda x: x.sum(), torch.ones(2, 2))


def test_a_step_into_nowhere_ends_it_and_a_line_search_keeps_out():
    # -log x + x from 2.5: the full step leaves the domain
    f = lambda x: (x - x.log()).sum()
    lost = newton(f, tensor(2.5), line_search=False)
    assert not lost.converged
    assert math.isnan(lost.value)
    assert newton(f, tensor(2.5)).point.item() == pytest.approx(1)


def test_gauss_newtons_matrix_is_the_hessian_where_outputs_are_linear():
    for loss in (classifier((3, 3)), regression((2, 2))):
        torch.testing.assert_close(
            gauss_newton_matrix(loss, loss.vector), hessian(loss, loss.vector), rtol=0, atol=1e-12
        )


def test_gauss_newtons_matrix_is_what_the_definition_says():
    loss = classifier()
    n, k = 25, 3
    jacobian = torch.autograd.functional.jacobian(loss.outputs, loss.vector)
    middle = torch.autograd.functional.hessian(
        lambda o: cross_entropy(o.view(n, k), loss.targets), loss.outputs(loss.vector).reshape(-1)
    )
    flat = jacobian.reshape(n * k, -1)
    found = gauss_newton_matrix(loss, loss.vector)
    torch.testing.assert_close(found, flat.T @ middle @ flat, rtol=0, atol=1e-12)
    assert torch.linalg.eigvalsh(found)[0] > -1e-12
    assert torch.linalg.eigvalsh(hessian(loss, loss.vector))[0] < -1e-3


def test_fishers_matrix_of_a_softmax_is_gauss_newtons_of_its_cross_entropy():
    loss = classifier()
    gauss = gauss_newton_matrix(loss, loss.vector)
    torch.testing.assert_close(fisher_matrix(loss, loss.vector), gauss, rtol=0, atol=1e-12)
    loss = regression()
    gauss = gauss_newton_matrix(loss, loss.vector)
    fisher = fisher_matrix(loss, loss.vector, "gaussian")
    torch.testing.assert_close(fisher, gauss, rtol=0, atol=1e-12)


def test_fishers_matrix_is_the_mean_over_all_targets_that_the_model_may_draw():
    loss = classifier((3, 4, 3), examples=6)
    p = loss.outputs(loss.vector).softmax(1)
    expected = torch.zeros(len(loss.vector), len(loss.vector)).double()
    for c in range(3):
        for i in range(6):
            one = FlatLoss(loss.model, cross_entropy, loss.inputs[i : i + 1], torch.tensor([c]))
            g = value_and_gradient(one, loss.vector)[1]
            expected += p[i, c] * torch.outer(g, g) / 6
    torch.testing.assert_close(fisher_matrix(loss, loss.vector), expected)


def test_half_of_fishers_form_is_the_divergence_in_nats():
    loss = classifier()
    step = 1e-3 * torch.randn(len(loss.vector), generator=torch.Generator().manual_seed(0)).double()
    here = Categorical(logits=loss.outputs(loss.vector))
    there = Categorical(logits=loss.outputs(loss.vector + step))
    divergence = kl_divergence(here, there).mean().item()
    told = float(step @ fisher_matrix(loss, loss.vector) @ step) / 2
    assert told == pytest.approx(divergence, rel=1e-2)


def test_the_empirical_matrix_takes_the_targets_of_the_data():
    loss = classifier(examples=5)
    expected = torch.zeros(len(loss.vector), len(loss.vector)).double()
    for i in range(5):
        one = FlatLoss(loss.model, cross_entropy, loss.inputs[i : i + 1], loss.targets[i : i + 1])
        g = value_and_gradient(one, loss.vector)[1]
        expected += torch.outer(g, g) / 5
    found = empirical_fisher(loss, loss.vector)
    torch.testing.assert_close(found, expected)
    assert (found - fisher_matrix(loss, loss.vector)).abs().max() > 1e-3


def test_a_natural_step_does_not_depend_on_how_the_weights_are_written():
    loss = classifier((3, 3))
    size = len(loss.vector)
    mix = torch.randn(size, size, generator=torch.Generator().manual_seed(0)).double()
    damping = 1e-10  # the softmax does not see a shift of all logits
    natural = newton_step(
        value_and_gradient(loss, loss.vector)[1], fisher_matrix(loss, loss.vector), damping
    )
    # weights u with mix @ u = vector: gradient mix' g, information mix' F mix
    g = mix.T @ value_and_gradient(loss, loss.vector)[1]
    f = mix.T @ fisher_matrix(loss, loss.vector) @ mix
    other = mix @ newton_step(g, f, damping)
    change = lambda step: loss.outputs(loss.vector + step).log_softmax(1)
    torch.testing.assert_close(change(natural), change(other), rtol=0, atol=1e-4)


def test_gauss_newton_fits_as_scipys_least_squares_does():
    loss = regression((2, 2, 1), examples=30)
    generator = torch.Generator().manual_seed(1)
    noise = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)
    # a network like it drew the targets, with a little noise
    loss.targets = loss.outputs(loss.vector).detach() + 0.05 * noise(30, 1)
    start = loss.vector + 0.3 * noise(len(loss.vector))
    way = newton(
        loss,
        start,
        curvature=lambda v: gauss_newton_matrix(loss, v),
        damping=1e-6,
        tolerance=1e-9,
    )
    residuals = lambda v: (
        (loss.outputs(torch.from_numpy(v)) - loss.targets).reshape(-1).detach().numpy()
    )
    scipys = scipy.optimize.least_squares(residuals, start.numpy(), xtol=1e-15, gtol=1e-12)
    assert way.converged
    assert way.steps < 30
    assert way.value <= scipys.cost / 30 + 1e-12
    assert way.value == pytest.approx(scipys.cost / 30, rel=1e-6)


def test_natural_gradient_descent_needs_fewer_steps_than_gradient_descent():
    loss = classifier((3, 3))
    natural = newton(
        loss, loss.vector, curvature=lambda v: fisher_matrix(loss, v), damping=1e-8, max_steps=20
    )
    assert natural.gradient_norms[-1] < 1e-6
    vector = loss.vector
    for _ in range(20):
        vector = vector - 1.0 * value_and_gradient(loss, vector)[1]
    assert value_and_gradient(loss, vector)[1].norm() > 1e-4


def test_outputs_of_another_shape_and_unknown_distributions_are_refused():
    loss = regression()
    with pytest.raises(ValueError, match="among categorical, gaussian, got 'poisson'"):
        fisher_matrix(loss, loss.vector, "poisson")
    model = nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))
    flat = FlatLoss(model, mse_loss, torch.ones(4, 2), torch.zeros(4))
    with pytest.raises(ValueError, match=r"outputs of shape \(examples, K\), got \(4,\)"):
        fisher_matrix(flat, flat.vector)
