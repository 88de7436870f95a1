import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from deepbook.feedforward import MLP
from deepbook.optimization import (
    Eigenpairs,
    FlatLoss,
    directional_curvature,
    extreme_eigenvalues,
    hessian,
    hessian_vector_product,
    lanczos,
)


def network_loss(activation="tanh"):
    generator = torch.Generator().manual_seed(3)
    model = MLP([6, 7, 5, 3], activation, generator=generator).double()
    x = torch.randn(30, 6, generator=generator, dtype=torch.float64)
    y = torch.randint(3, (30,), generator=generator)
    return FlatLoss(model, cross_entropy, x, y)


def symmetric(size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(size, size, generator=generator, dtype=torch.float64)
    return a + a.T


def normal(size, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(size, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("activation", ["tanh", "relu", "selu"])
def test_the_hessian_of_a_network_is_torchs(activation):
    loss = network_loss(activation)
    ours = hessian(loss, loss.vector)
    torch.testing.assert_close(ours, torch.func.hessian(loss)(loss.vector), rtol=0, atol=1e-12)
    assert torch.equal(ours, ours.T)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_a_product_is_the_hessians_and_the_difference_of_gradients(mode):
    loss = network_loss()
    v = normal(len(loss.vector))
    product = hessian_vector_product(loss, loss.vector, v, mode=mode)
    expected = hessian(loss, loss.vector) @ v
    torch.testing.assert_close(product, expected, rtol=0, atol=1e-12)
    gradient = torch.func.grad(loss)
    difference = (gradient(loss.vector + 1e-5 * v) - gradient(loss.vector - 1e-5 * v)) / 2e-5
    torch.testing.assert_close(product, difference, rtol=0, atol=1e-7)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_any_shape_will_do_and_a_linear_function_has_no_curvature(mode):
    x = torch.arange(6.0).view(2, 3)
    product = hessian_vector_product(lambda x: (x**3).sum(), x, torch.ones(2, 3), mode=mode)
    torch.testing.assert_close(product, 6 * x)
    flat = hessian_vector_product(lambda x: 3 * x.sum(), x, torch.ones(2, 3), mode=mode)
    assert flat.tolist() == [[0, 0, 0], [0, 0, 0]]
    assert hessian(lambda x: 3 * x.sum(), torch.ones(2)).tolist() == [[0, 0], [0, 0]]
    assert hessian(lambda x: x[0] ** 2, torch.ones(2)).tolist() == [[2, 0], [0, 0]]
    partly = hessian_vector_product(lambda x: x[0, 0] ** 2, x, torch.ones(2, 3), mode=mode)
    assert partly.tolist() == [[2, 0, 0], [0, 0, 0]]


def test_products_and_hessian_leave_no_graph_behind():
    x = torch.ones(2, requires_grad=True)
    assert not hessian_vector_product(lambda x: (x**2).sum(), x, torch.ones(2)).requires_grad
    assert not hessian(lambda x: (x**2).sum(), x).requires_grad
    with torch.no_grad():
        assert hessian_vector_product(lambda x: (x**2).sum(), x, torch.ones(2)).tolist() == [2, 2]


def test_curvature_along_an_eigenvector_is_its_eigenvalue():
    a = symmetric(6)
    values, vectors = torch.linalg.eigh(a)
    f = lambda x: x @ a @ x / 2
    for i in range(6):
        found = directional_curvature(f, torch.zeros(6).double(), 3 * vectors[:, i])
        assert found == pytest.approx(values[i].item())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f, x: hessian_vector_product(f, x, torch.ones(3)), r"v of shape \(2,\), got \(3,"),
        (lambda f, x: hessian_vector_product(f, x, x, mode="sideways"), "reverse, forward, got 's"),
        (lambda f, x: hessian_vector_product(lambda x: x, x, x), r"one number, got shape \(2,\)"),
        (lambda f, x: hessian_vector_product(lambda x: x, x, x, mode="forward"), "one number"),
        (lambda f, x: hessian(f, torch.ones(2, 2)), r"a vector, got shape \(2, 2\)"),
        (lambda f, x: hessian(lambda x: x, x), "one number"),
        (lambda f, x: directional_curvature(f, x, torch.zeros(2)), "direction other than 0"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(lambda x: (x**2).sum(), torch.ones(2))


@pytest.mark.parametrize("count", [1, 3])
def test_the_ends_of_a_networks_spectrum_are_those_of_its_whole_hessian(count):
    loss = network_loss()
    size = len(loss.vector)
    exact = torch.linalg.eigvalsh(hessian(loss, loss.vector))
    found = extreme_eigenvalues(
        lambda v: hessian_vector_product(loss, loss.vector, v), normal(size), count=count
    )
    assert isinstance(found, Eigenpairs)
    assert found.converged
    torch.testing.assert_close(found.largest, exact.flip(0)[:count], rtol=1e-6, atol=0)
    torch.testing.assert_close(found.smallest, exact[:count], rtol=1e-6, atol=1e-12)


def test_found_vectors_are_eigenvectors_of_length_one_within_the_error_told():
    a = symmetric(60)
    found = extreme_eigenvalues(lambda v: a @ v, normal(60), count=2, tolerance=1e-6)
    for values, vectors in (
        (found.largest, found.largest_vectors),
        (found.smallest, found.smallest_vectors),
    ):
        gaps = (a @ vectors - vectors * values).norm(dim=0)
        assert gaps.max() <= found.error + 1e-12
        torch.testing.assert_close(vectors.T @ vectors, torch.eye(2).double())


def test_a_space_too_small_says_that_it_has_not_converged():
    a = symmetric(200)
    found = extreme_eigenvalues(lambda v: a @ v, normal(200), max_steps=5, tolerance=1e-10)
    assert (found.converged, found.steps) == (False, 5)
    # Ritz values lie inside the spectrum
    exact = torch.linalg.eigvalsh(a)
    assert exact[0] < found.smallest[0] < found.largest[0] < exact[-1]
    nearest = (exact - found.largest[0]).abs().min()
    assert nearest <= found.error
    vectors = torch.cat([found.largest_vectors, found.smallest_vectors], 1)
    gaps = (a @ vectors - vectors * torch.cat([found.largest, found.smallest])).norm(dim=0)
    assert found.error == pytest.approx(gaps.max().item())


@given(size=st.integers(1, 25), steps=st.integers(1, 25), seed=st.integers(0, 50))
def test_the_basis_is_orthonormal_and_the_matrix_in_it_is_tridiagonal(size, steps, seed):
    steps = min(steps, size)
    a = symmetric(size, seed)
    basis, t = lanczos(lambda v: a @ v, normal(size, seed), steps)
    torch.testing.assert_close(basis.T @ basis, torch.eye(steps).double(), rtol=0, atol=1e-10)
    torch.testing.assert_close(basis.T @ a @ basis, t[:steps], rtol=0, atol=1e-9)
    rest = a @ basis - basis @ t[:steps]
    assert rest[:, :-1].norm() < 1e-9 * a.norm()
    assert rest[:, -1].norm().item() == pytest.approx(t[steps, steps - 1].item(), abs=1e-8)


def test_orthogonality_survives_where_plain_lanczos_loses_it():
    # one eigenvalue far out converges at once, and would come back as a copy
    values = torch.cat([torch.linspace(0, 1, 299), torch.tensor([1000.0])]).double()
    basis, t = lanczos(lambda v: values * v, normal(300), 80)
    torch.testing.assert_close(basis.T @ basis, torch.eye(80).double(), rtol=0, atol=1e-10)
    assert (torch.linalg.eigvalsh(t[:80]) > 2).sum() == 1


def test_a_space_that_is_exhausted_goes_on_and_finds_what_the_start_did_not_see():
    values = torch.tensor([5.0, 5.0, 1.0, -2.0, -2.0, -2.0]).double()
    start = torch.tensor([1.0, 0.0, 0.0, 0.0, 0.0, 0.0]).double()
    generator = torch.Generator().manual_seed(0)
    basis, t = lanczos(lambda v: values * v, start, 6, generator=generator)
    torch.testing.assert_close(torch.linalg.eigvalsh(t[:6]), values.sort().values)
    again, _ = lanczos(lambda v: values * v, start, 6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(basis, again)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: lanczos(f, torch.zeros(3), 2), "vector other than 0"),
        (lambda f: lanczos(f, torch.ones(2, 2), 2), r"vector other than 0, got shape \(2, 2\)"),
        (lambda f: lanczos(f, torch.ones(3), 4), "1 to 3 steps, got 4"),
        (lambda f: lanczos(lambda v: v / 0, torch.ones(3), 2), "finite products.* step 1"),
        (lambda f: extreme_eigenvalues(f, torch.ones(3), count=4), "1 to 3 eigenvalues, got 4"),
    ],
)
def test_spaces_that_cannot_be_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(lambda v: v)
