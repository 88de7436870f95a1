"""Steepest descent, conjugate gradients, BFGS and L-BFGS: against SciPy, torch and algebra."""

import math
from functools import partial

import pytest
import scipy.optimize
import scipy.sparse.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from deepbook.feedforward import MLP
from deepbook.optimization import (
    BFGS,
    LANDSCAPES,
    LBFGS,
    ConjugateGradient,
    FlatLoss,
    LinearSolution,
    Minimization,
    SteepestDescent,
    backtracking,
    bfgs,
    conjugate_gradient,
    lbfgs,
    minimize,
    nonlinear_conjugate_gradient,
    random_quadratic,
    secant,
    value_and_gradient,
)

METHODS = {
    "bfgs": bfgs,
    "lbfgs": lbfgs,
    "polak-ribiere": nonlinear_conjugate_gradient,
    "fletcher-reeves": partial(nonlinear_conjugate_gradient, beta="fletcher-reeves"),
}


def start_of(name):
    return torch.tensor(LANDSCAPES[name].start, dtype=torch.float64)


def positive_definite(values, seed=0):
    """A symmetric matrix with these eigenvalues, and a right-hand side."""
    generator = torch.Generator().manual_seed(seed)
    size = len(values)
    draw = torch.randn(size, size + 1, generator=generator, dtype=torch.float64)
    axes = torch.linalg.qr(draw[:, :size])[0]
    return axes * torch.tensor(values, dtype=torch.float64) @ axes.T, draw[:, size]


@pytest.mark.parametrize("name", METHODS)
def test_rosenbrocks_valley_is_followed_to_its_end(name):
    way = METHODS[name](LANDSCAPES["rosenbrock"], start_of("rosenbrock"), tolerance=1e-8)
    assert isinstance(way, Minimization)
    assert way.converged
    assert way.value < 1e-8
    assert way.point.tolist() == pytest.approx([1, 1], abs=1e-6)
    assert way.steps < 100


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("size", [4, 10])
def test_a_long_rosenbrock_valley_too(name, size):
    def rosenbrock(x):
        return ((1 - x[:-1]) ** 2 + 100 * (x[1:] - x[:-1] ** 2) ** 2).sum()

    start = torch.zeros(size, dtype=torch.float64)
    way = METHODS[name](rosenbrock, start, tolerance=1e-8)
    scipys = scipy.optimize.minimize(
        scipy.optimize.rosen, start.numpy(), jac=scipy.optimize.rosen_der, method="BFGS", tol=1e-9
    )
    assert way.value < 1e-8
    torch.testing.assert_close(way.point, torch.from_numpy(scipys.x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("landscape", ["beale", "himmelblau", "saddle", "ravine", "cliff"])
def test_a_known_minimum_is_reached(name, landscape):
    known = LANDSCAPES[landscape]
    way = METHODS[name](known, start_of(landscape), tolerance=1e-9)
    assert way.converged
    assert way.value == pytest.approx(known.value, abs=1e-12)
    minima = torch.tensor(known.minima, dtype=torch.float64)
    assert (minima - way.point).norm(dim=1).min() < 1e-6


@pytest.mark.parametrize("name", METHODS)
def test_a_network_ends_where_scipy_and_torch_end(name):
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(40, 3, generator=generator, dtype=torch.float64)
    y = torch.randint(2, (40,), generator=generator)
    model = MLP([3, 2], generator=generator).double()

    def decayed(outputs, targets):
        return cross_entropy(outputs, targets)

    flat = FlatLoss(model, decayed, x, y)
    f = lambda v: flat(v) + 0.01 * v.square().sum()  # convex: one minimum for all
    way = METHODS[name](f, flat.vector, tolerance=1e-9)

    def numpys(v):
        value, gradient = value_and_gradient(f, torch.from_numpy(v))
        return value, gradient.numpy()

    scipys = scipy.optimize.minimize(
        numpys, flat.vector.numpy(), jac=True, method="L-BFGS-B", tol=1e-14
    )
    own = flat.vector.clone().requires_grad_()
    torchs = torch.optim.LBFGS([own], line_search_fn="strong_wolfe", max_iter=200)

    def closure():
        torchs.zero_grad()
        (loss := f(own)).backward()
        return loss

    torchs.step(closure)
    assert way.value <= scipys.fun + 1e-12
    assert way.value <= f(own).item() + 1e-12
    torch.testing.assert_close(way.point, own.detach(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["bfgs", "lbfgs", "polak-ribiere"])
def test_no_more_evaluations_than_scipy_times_one_and_a_half(name):
    method = "CG" if name == "polak-ribiere" else "BFGS"
    scipys = scipy.optimize.minimize(
        scipy.optimize.rosen, [-1.2, 1.0], jac=scipy.optimize.rosen_der, method=method, tol=1e-6
    )
    way = METHODS[name](LANDSCAPES["rosenbrock"], start_of("rosenbrock"))
    assert way.evaluations <= 1.5 * scipys.njev


@given(size=st.integers(1, 12), seed=st.integers(0, 100))
def test_conjugate_gradients_solve_n_equations_in_n_steps(size, seed):
    values = torch.linspace(1, 5, size).tolist()
    a, b = positive_definite(values, seed)
    found = conjugate_gradient(lambda v: a @ v, b, tolerance=1e-9)
    assert isinstance(found, LinearSolution)
    assert found.converged
    assert len(found.points) <= size + 1
    torch.testing.assert_close(found.point, torch.linalg.solve(a, b), rtol=0, atol=1e-7)


def test_as_many_steps_as_there_are_different_eigenvalues():
    a, b = positive_definite([1, 1, 1, 4, 4, 4, 9, 9])
    found = conjugate_gradient(lambda v: a @ v, b)
    assert len(found.points) - 1 == 3
    assert found.converged


def test_the_error_falls_at_least_as_fast_as_the_root_of_the_condition_number_tells():
    a, b = positive_definite(torch.logspace(-2, 0, 60, base=10).tolist())
    exact = torch.linalg.solve(a, b)
    found = conjugate_gradient(lambda v: a @ v, b)
    energy = lambda x: float((x - exact) @ a @ (x - exact)) ** 0.5
    rho = (math.sqrt(100) - 1) / (math.sqrt(100) + 1)
    for k, x in enumerate(found.points):
        assert energy(x) <= 2 * rho**k * energy(found.points[0]) + 1e-10


def test_scipys_iterates_are_ours():
    a, b = positive_definite([1, 2, 3, 5, 8, 13])
    theirs = []
    scipy.sparse.linalg.cg(
        a.numpy(), b.numpy(), rtol=1e-12, callback=lambda x: theirs.append(x + 0)
    )
    ours = conjugate_gradient(lambda v: a @ v, b, tolerance=1e-12)
    for x, y in zip(ours.points[1:], theirs, strict=True):
        torch.testing.assert_close(x, torch.from_numpy(y), rtol=0, atol=1e-10)


def test_a_solution_goes_on_from_a_start_and_stops_at_once_at_the_end():
    a, b = positive_definite([1, 2, 3])
    first = conjugate_gradient(lambda v: a @ v, b, max_steps=1)
    assert not first.converged
    exact = torch.linalg.solve(a, b)
    found = conjugate_gradient(lambda v: a @ v, b, exact)
    assert (found.converged, len(found.points)) == (True, 1)
    zero = conjugate_gradient(lambda v: a @ v, torch.zeros(3).double())
    assert (zero.converged, zero.point.tolist()) == (True, [0, 0, 0])


def test_a_matrix_that_is_not_positive_definite_is_refused():
    a = torch.diag(torch.tensor([1.0, -1.0]))
    with pytest.raises(ValueError, match="positive definite matrix, got curvature -"):
        conjugate_gradient(lambda v: a @ v, torch.tensor([1.0, 2.0]))
    with pytest.raises(ValueError, match=r"a vector b, got shape \(2, 2\)"):
        conjugate_gradient(lambda v: v, torch.ones(2, 2))


@pytest.mark.parametrize("beta", ConjugateGradient.BETAS)
@pytest.mark.parametrize("curvatures", [(1.0, 2.0), (3.0, 0.1), (1.0, 5.0, 25.0)])
def test_nonlinear_conjugate_gradients_with_exact_steps_are_the_linear_ones(beta, curvatures):
    h = torch.diag(torch.tensor(curvatures, dtype=torch.float64))
    start = torch.arange(1.0, len(curvatures) + 1).double()
    f = lambda x: x @ h @ x / 2
    way = nonlinear_conjugate_gradient(f, start, beta=beta, line_search=secant, tolerance=1e-9)
    assert way.converged
    assert way.steps <= len(curvatures)
    linear = conjugate_gradient(lambda v: h @ v, torch.zeros_like(start), start, tolerance=0)
    for x, y in zip(way.points, linear.points[: way.steps + 1], strict=True):
        torch.testing.assert_close(x, y, rtol=0, atol=1e-8)


def test_directions_are_conjugate_on_a_quadratic():
    f = random_quadratic(8, 50, torch.Generator().manual_seed(0))
    way = nonlinear_conjugate_gradient(f, torch.zeros(8).double(), line_search=secant)
    steps = (way.points[1:] - way.points[:-1])[:6]
    steps = steps / steps.norm(dim=1, keepdim=True)
    products = steps @ f.hessian @ steps.T
    assert (products - products.diag().diag()).abs().max() < 1e-7


def test_a_negative_beta_of_polak_and_ribiere_begins_anew():
    rule = ConjugateGradient("polak-ribiere", restart_every=10)
    rule.direction(torch.tensor([1.0, 0.0]))
    # (g - g_) . g = -0.25: without the cut the last direction would come in backwards
    assert rule.direction(torch.tensor([0.5, 0.0])).tolist() == [-0.5, 0]
    again = ConjugateGradient("polak-ribiere", restart_every=10)
    again.direction(torch.tensor([1.0, 0.0]))
    # (g - g_) . g = 2 over 1
    assert again.direction(torch.tensor([2.0, 0.0])).tolist() == [-4, 0]
    assert again.direction(torch.tensor([0.0, 1.0])).tolist() == [-1, -1]


def test_betas_are_those_of_their_formulas_and_every_n_steps_it_begins_anew():
    first, second = torch.tensor([2.0, 0.0]), torch.tensor([1.0, 1.0])
    rule = ConjugateGradient("fletcher-reeves", restart_every=2)
    rule.direction(first)
    # g.g = 2 over 4: half of (-2, 0) comes in
    assert rule.direction(second).tolist() == [-2, -1]
    assert rule.direction(torch.tensor([0.0, 3.0])).tolist() == [0, -3]
    other = ConjugateGradient("polak-ribiere", restart_every=2)
    other.direction(first)
    # (g - g_).g = (-1, 1).(1, 1) = 0
    assert other.direction(second).tolist() == [-1, -1]
    own = ConjugateGradient("fletcher-reeves")
    for gradient in ([2.0, 0.0], [0.0, 1.0]):
        own.direction(torch.tensor(gradient))
    assert own.direction(torch.tensor([1.0, 1.0])).tolist() == [-1, -1]


class Backwards(SteepestDescent):
    """A rule that goes uphill until it is told to forget."""

    def __init__(self):
        self.forgotten = 0

    def direction(self, gradient):
        return -gradient if self.forgotten else gradient

    def forget(self):
        self.forgotten += 1


def test_a_direction_that_does_not_descend_is_replaced_and_counted():
    rule = Backwards()
    way = minimize(LANDSCAPES["ravine"], start_of("ravine"), rule, max_steps=3)
    assert (way.restarts, rule.forgotten) == (1, 1)
    assert way.values[1] < way.values[0]


def test_every_direction_of_every_rule_descends():
    for rule in (BFGS(), LBFGS(3), ConjugateGradient(), ConjugateGradient("fletcher-reeves")):
        way = minimize(LANDSCAPES["beale"], start_of("beale"), rule, max_steps=40)
        assert bool((way.values[1:] < way.values[:-1]).all())


def test_bfgs_maps_the_last_change_of_the_gradient_to_the_last_step():
    generator = torch.Generator().manual_seed(0)
    rule = BFGS()
    for _ in range(5):
        step = torch.randn(4, generator=generator, dtype=torch.float64)
        change = step + 0.3 * torch.randn(4, generator=generator, dtype=torch.float64)
        rule.learn(step, change)
        assert rule.inverse_hessian is not None
        torch.testing.assert_close(rule.inverse_hessian @ change, step)
        torch.testing.assert_close(rule.inverse_hessian, rule.inverse_hessian.T)
        assert torch.linalg.eigvalsh(rule.inverse_hessian)[0] > 0


def test_bfgs_knows_the_hessian_of_a_quadratic_after_n_exact_steps():
    f = random_quadratic(5, 20, torch.Generator().manual_seed(0))
    rule = BFGS()
    minimize(f, torch.zeros(5).double(), rule, line_search=secant, unit_steps=True, max_steps=5)
    assert rule.inverse_hessian is not None
    expected = torch.linalg.inv(f.hessian)
    torch.testing.assert_close(rule.inverse_hessian, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("memory", [1, 3, 20])
def test_the_two_loops_are_the_product_with_the_matrix_that_they_stand_for(memory):
    generator = torch.Generator().manual_seed(1)
    rule, pairs = LBFGS(memory), []
    identity = torch.eye(6).double()
    for _ in range(8):
        step = torch.randn(6, generator=generator, dtype=torch.float64)
        change = step + 0.3 * torch.randn(6, generator=generator, dtype=torch.float64)
        rule.learn(step, change)
        pairs.append((step, change))
        matrix = (step @ change) / (change @ change) * identity
        for s, y in pairs[-memory:]:
            left = identity - torch.outer(s, y) / (s @ y)
            matrix = left @ matrix @ left.T + torch.outer(s, s) / (s @ y)
        g = torch.randn(6, generator=generator, dtype=torch.float64)
        torch.testing.assert_close(rule.direction(g), -matrix @ g)


def test_a_pair_without_positive_curvature_teaches_nothing():
    for rule in (BFGS(), LBFGS()):
        rule.learn(torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 0.0]))
        rule.learn(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]))
        assert rule.direction(torch.tensor([3.0, 4.0])).tolist() == [-3, -4]


def test_steepest_descent_on_a_ravine_falls_by_the_factor_of_its_condition_number():
    f = LANDSCAPES["ravine"]
    # the worst start: every exact step is at a right angle to the last
    way = minimize(
        f, torch.tensor([100.0, 1.0]).double(), line_search=secant, max_steps=20, tolerance=0
    )
    ratios = way.values[1:] / way.values[:-1]
    assert ratios.tolist() == pytest.approx([(99 / 101) ** 2] * 20, rel=1e-6)


def test_the_record_has_a_row_for_the_start_and_one_for_each_step():
    way = minimize(LANDSCAPES["ravine"], start_of("ravine"), max_steps=7)
    assert (way.steps, way.converged) == (7, False)
    assert way.points.shape == (8, 2)
    assert len(way.values) == len(way.gradient_norms) == 8
    assert torch.equal(way.points[0], start_of("ravine"))
    for point, value, norm in zip(way.points, way.values, way.gradient_norms, strict=True):
        expected, gradient = value_and_gradient(LANDSCAPES["ravine"], point)
        assert (value.item(), norm.item()) == pytest.approx((expected, gradient.norm().item()))
    stopped = minimize(LANDSCAPES["ravine"], torch.zeros(2).double())
    assert (stopped.steps, stopped.converged, stopped.evaluations) == (0, True, 1)


def test_at_a_kink_where_no_rate_will_do_it_stops_and_says_so():
    f = lambda x: torch.maximum(math.pi - x, 2 * x - 2 * math.pi).sum()
    way = bfgs(f, torch.tensor([0.1]).double())
    assert not way.converged
    assert way.steps < 20
    assert way.restarts <= way.steps + 1


def test_backtracking_will_do_for_bfgs_too():
    way = bfgs(LANDSCAPES["rosenbrock"], start_of("rosenbrock"), line_search=backtracking)
    assert way.converged


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: bfgs(f, torch.ones(2, 2)), r"vector of floating-point.*shape \(2, 2\)"),
        (lambda f: lbfgs(f, torch.ones(2).long()), "vector of floating-point.*int64"),
        (lambda f: bfgs(lambda x: x.log().sum(), -torch.ones(2)), "finite value.*got nan"),
        (lambda f: minimize(lambda x: x, torch.ones(2)), r"one number, got shape \(2,\)"),
        (lambda f: lbfgs(f, torch.ones(2), memory=0), "memory of 1 pair or more, got 0"),
        (lambda f: ConjugateGradient("newton"), "among fletcher-reeves, polak-ribiere, got 'n"),
        (lambda f: ConjugateGradient(restart_every=0), "restart after 1 step or more, got 0"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(lambda x: (x**2).sum())
