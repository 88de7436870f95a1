import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepbook.feedforward import autodiff as ad
from deepbook.feedforward.autodiff import Node, Operation, grad, jvp

exactly = settings(max_examples=150, deadline=None, derandomize=True)

# Each takes our operands and returns a value of moderate size: (name, arity, ours, torch's).
OPERATIONS = [
    ("add", 2, lambda a, b: a + b, lambda a, b: a + b),
    ("sub", 2, lambda a, b: a - b, lambda a, b: a - b),
    ("mul", 2, lambda a, b: ad.tanh(a) * b, lambda a, b: a.tanh() * b),
    ("div", 2, lambda a, b: a / (b * b + 1), lambda a, b: a / (b * b + 1)),
    ("neg", 1, lambda a: 0.5 - (-a), lambda a: 0.5 - (-a)),
    ("exp", 1, lambda a: ad.exp(ad.tanh(a)), lambda a: a.tanh().exp()),
    ("log", 1, lambda a: ad.log(1.5 + a**2), lambda a: (1.5 + a**2).log()),
    ("sigmoid", 1, ad.sigmoid, torch.sigmoid),
    ("relu", 1, ad.relu, torch.relu),
    ("power", 1, lambda a: (1 + a * a) ** -0.3, lambda a: (1 + a * a) ** -0.3),
    ("transpose", 1, ad.transpose, lambda a: a.permute(tuple(range(a.ndim))[::-1])),
    ("sum", 1, lambda a: ad.sum(a, 0, keepdims=True), lambda a: a.sum(0, keepdim=True)),
    ("mean", 1, lambda a: ad.mean(a, -1, keepdims=True), lambda a: a.mean(-1, keepdim=True)),
    (
        "logsumexp",
        1,
        lambda a: ad.logsumexp(a, -1, keepdims=True),
        lambda a: a.logsumexp(-1, keepdim=True),
    ),
    ("reshape", 1, lambda a: ad.reshape(a, (1, a.value.size)), lambda a: a.reshape(1, -1)),
    ("matmul", 2, lambda a, b: ad.tanh(a @ b), lambda a, b: (a @ b).tanh()),
]
LEAF_SHAPES = [(2, 3), (3,), (1, 3), (2, 1), (3, 2), (2, 2, 3)]


@st.composite
def random_graphs(draw):
    """Leaf values, and a recipe that builds the same scalar from nodes and from torch tensors."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    leaves = [rng.normal(size=shape) for shape in LEAF_SHAPES]
    steps = draw(
        st.lists(
            st.tuples(st.integers(0, len(OPERATIONS) - 1), st.integers(0, 99), st.integers(0, 99)),
            min_size=3,
            max_size=12,
        )
    )

    def build(made, ours):
        made = list(made)
        for which, first, second in steps:
            name, arity, our_function, torch_function = OPERATIONS[which]
            operands = [made[-1 - k % len(made)] for k in (first, second)[:arity]]
            if name in ("sum", "mean", "logsumexp") and operands[0].shape == ():
                continue  # torch lets a single number have an axis 0, NumPy does not
            try:
                made.append((our_function if ours else torch_function)(*operands))
            except (ValueError, RuntimeError):
                continue  # shapes that do not fit are skipped, by both in the same way
        scalars = [ad.mean(x) if ours else x.mean() for x in made[-4:]]
        return math.prod(scalars[1:], start=scalars[0]), len(made)

    return leaves, build


def both(graph):
    leaves, build = graph
    nodes = [Node(value) for value in leaves]
    tensors = [torch.tensor(value, requires_grad=True) for value in leaves]
    (ours, made), (theirs, made_by_torch) = build(nodes, True), build(tensors, False)
    assert made == made_by_torch
    return nodes, tensors, ours, theirs


def torch_grad(output, inputs, **options):
    return torch.autograd.grad(
        output, inputs, allow_unused=True, materialize_grads=True, create_graph=True, **options
    )


def assert_equal(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == tuple(b.shape)
        np.testing.assert_allclose(a.value, b.detach().numpy(), rtol=1e-10, atol=1e-10)


@exactly
@given(random_graphs())
def test_first_derivatives_of_random_graphs_equal_torch(graph):
    nodes, tensors, ours, theirs = both(graph)
    assert_equal([ours], [theirs])
    assert_equal(grad(ours, nodes), torch_grad(theirs, tensors))


@exactly
@given(random_graphs())
def test_second_derivatives_of_random_graphs_equal_torch(graph):
    nodes, tensors, ours, theirs = both(graph)
    # the gradient of the squared norm of the gradient needs every second derivative
    slopes = grad(ours, nodes, create_graph=True)
    torch_slopes = torch_grad(theirs, tensors)
    norm = sum((ad.sum(g * g) for g in slopes), start=ad.sum(nodes[0]))
    torch_norm = sum(((g * g).sum() for g in torch_slopes), start=tensors[0].sum())
    assert_equal(grad(norm, nodes), torch_grad(torch_norm, tensors))


@exactly
@given(random_graphs(), st.integers(0, 1000))
def test_forward_mode_agrees_with_reverse_mode_on_random_graphs(graph, seed):
    nodes, _, output, _ = both(graph)
    rng = np.random.default_rng(seed)
    directions = [rng.normal(size=node.shape) for node in nodes]
    by_reverse = sum(
        np.sum(g.value * d) for g, d in zip(grad(output, nodes), directions, strict=True)
    )
    by_forward = jvp(output, nodes, directions)
    np.testing.assert_allclose(by_forward.value, by_reverse, rtol=1e-10, atol=1e-10)


def test_the_third_derivative_of_a_polynomial_is_exact():
    x = Node([-1.0, 0.0, 2.0])
    y = ad.sum(x**4 + 2 * x**2)
    for wanted in (lambda v: 4 * v**3 + 4 * v, lambda v: 12 * v**2 + 4, lambda v: 24 * v):
        (slope,) = grad(y, [x], create_graph=True)
        np.testing.assert_allclose(slope.value, wanted(x.value), rtol=0, atol=1e-12)
        y = ad.sum(slope)
    assert grad(x**0, [x], np.ones(3))[0].value.tolist() == [0, 0, 0]
    (fifth,) = grad(ad.sum(grad(y, [x], create_graph=True)[0]), [x])
    np.testing.assert_array_equal(fifth.value, 0.0)


@pytest.mark.parametrize("mode", ["reverse over reverse", "forward over reverse"])
def test_a_hessian_times_a_vector_equals_torch_both_ways(mode):
    rng = np.random.default_rng(0)
    A, start, direction = rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=3)
    x = Node(start)
    y = ad.logsumexp(Node(A) @ ad.tanh(x))
    (slope,) = grad(y, [x], create_graph=True)
    if mode == "reverse over reverse":
        (product,) = grad(slope, [x], seed=direction)
    else:
        product = jvp(slope, [x], [direction])
    matrix = torch.tensor(A)
    _, wanted = torch.autograd.functional.hvp(
        lambda t: torch.logsumexp(matrix @ t.tanh(), 0),
        torch.tensor(start),
        torch.tensor(direction),
    )
    np.testing.assert_allclose(product.value, wanted.numpy(), rtol=0, atol=1e-12)


def test_matmul_equals_torch_for_every_pair_of_dimensions():
    rng = np.random.default_rng(1)
    pairs = [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((5, 2, 3), (3, 4)), ((3,), (5, 3, 4)),
             ((1, 5, 2, 3), (6, 1, 3, 4))]  # fmt: skip
    for left, right in pairs:
        values = rng.normal(size=left), rng.normal(size=right)
        a, b = map(Node, values)
        ta, tb = (torch.tensor(v, requires_grad=True) for v in values)
        seed = rng.normal(size=(ta @ tb).shape)
        assert_equal([a @ b], [ta @ tb])
        assert_equal(
            grad(a @ b, [a, b], seed),
            torch_grad(ta @ tb, [ta, tb], grad_outputs=torch.tensor(seed)),
        )


def test_sums_and_means_equal_torch_for_every_choice_of_axes():
    value = np.random.default_rng(2).normal(size=(2, 3, 4))
    for axis in (None, 0, 1, -1, (0, 1), (0, 2), (-1, 1)):
        for keepdims in (False, True):
            x, t = Node(value), torch.tensor(value, requires_grad=True)
            for ours, theirs in ((ad.sum, torch.sum), (ad.mean, torch.mean)):
                y, z = ours(x, axis, keepdims), theirs(t, axis, keepdims)
                assert_equal([y], [z])
                seed = np.random.default_rng(3).normal(size=y.shape)
                assert_equal(
                    grad(y, [x], seed), torch_grad(z, [t], grad_outputs=torch.tensor(seed))
                )


def test_permuting_three_axes_there_and_back_gives_the_seed():
    x = Node(np.arange(24.0).reshape(2, 3, 4))
    seed = np.random.default_rng(0).normal(size=(4, 2, 3))
    (g,) = grad(ad.transpose(x, (2, 0, 1)), [x], seed)
    np.testing.assert_array_equal(g.value, seed.transpose(1, 2, 0))


def test_logsumexp_and_sigmoid_do_not_overflow():
    x = Node([1000.0, -1000.0, 999.0])
    assert ad.logsumexp(x).value == pytest.approx(1000 + math.log1p(math.exp(-1)), abs=1e-12)
    np.testing.assert_allclose(ad.sigmoid(x).value, [1, 0, 1], atol=1e-300)


def test_a_small_network_trained_for_fifty_steps_equals_torch_at_every_step():
    rng = np.random.default_rng(0)
    inputs, labels = rng.normal(size=(30, 4)), rng.integers(0, 3, size=30)
    one_hot = np.eye(3)[labels]
    start = [rng.normal(size=s) / 2 for s in ((4, 8), (8,), (8, 3), (3,))]
    nodes = [Node(v) for v in start]
    tensors = [torch.tensor(v, requires_grad=True) for v in start]
    optimizer = torch.optim.SGD(tensors, lr=0.3)
    x, t = torch.tensor(inputs), torch.tensor(labels)
    for _ in range(50):
        W, b, V, c = nodes
        scores = ad.relu(inputs @ W + b) @ V + c
        loss = ad.mean(ad.logsumexp(scores) - ad.sum(scores * one_hot, -1))
        nodes = [
            Node(p.value - 0.3 * g.value) for p, g in zip(nodes, grad(loss, nodes), strict=True)
        ]

        W_, b_, V_, c_ = tensors
        torch_loss = torch.nn.functional.cross_entropy(torch.relu(x @ W_ + b_) @ V_ + c_, t)
        optimizer.zero_grad()
        torch_loss.backward()
        optimizer.step()
        assert_equal([loss, *nodes], [torch_loss, *tensors])
    assert loss.value < 0.75  # it began at 1.3: the steps were real ones


def test_a_chain_far_deeper_than_the_stack_is_differentiated_and_freed():
    x = Node(2.0)
    y = x
    for _ in range(20_000):
        y = y * 1.0001
    (slope,) = grad(y, [x])
    assert slope.value == pytest.approx(1.0001**20_000, rel=1e-9)
    assert jvp(y, [x], [1.0]).value == pytest.approx(slope.value.item(), rel=1e-12)
    del y


def test_a_shared_subexpression_is_visited_once_and_not_once_for_each_path():
    x = y = Node(1.0)
    for _ in range(60):
        y = y + y  # 2**60 paths
    assert grad(y, [x])[0].value == 2.0**60


def test_the_gradient_visits_only_what_lies_between_input_and_output():
    class Untouchable(Operation):
        def f(self, *values):
            return values[0] * values[1]

        def bprop(self, inputs, output, i, G):
            assert i == 1, "asked for a derivative that nobody wants"
            return G * inputs[0]

    x, b = Node(3.0), Node(2.0)
    assert grad(Untouchable()(Untouchable()(x, x), b), [b])[0].value == 9.0


def test_the_derivative_by_something_unused_is_zero_with_its_shape():
    x, unused = Node(1.0), Node(np.ones((2, 3)))
    np.testing.assert_array_equal(grad(x * 2, [unused])[0].value, np.zeros((2, 3)))
    assert jvp(x * 2, [unused], [np.ones((2, 3))]).value == 0.0


def test_derivatives_by_an_inner_node_and_its_own_input_agree_with_torch():
    x, t = Node(0.7), torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    inner, torch_inner = ad.exp(x), t.exp()
    y, z = inner * inner + x, torch_inner * torch_inner + t
    assert_equal(grad(y, [inner, x, y]), torch_grad(z, [torch_inner, t, z]))
    total = jvp(y, [inner, x], [1.0, 1.0]).value
    assert total == pytest.approx(sum(g.value.item() for g in grad(y, [inner, x])))


def test_a_detached_node_lets_no_derivative_pass():
    x = Node(3.0)
    assert grad(x * x.detach(), [x])[0].value == 3.0


def test_gradients_are_leaves_unless_their_graph_is_asked_for():
    x = Node(3.0)
    assert grad(x**2, [x])[0].inputs == ()
    assert grad(x**2, [x], create_graph=True)[0].inputs != ()


def test_values_cannot_change_under_the_graph():
    mine = np.ones(3)
    x = Node(mine)
    mine[0] = 7.0
    assert x.value[0] == 1.0
    for node in (x, x * 2.0, ad.reshape(x, (3, 1)), ad.broadcast_to(x, (2, 3))):
        with pytest.raises(ValueError, match="read-only"):
            node.value[0] = 7.0


def test_arrays_on_the_left_of_an_operator_leave_it_to_the_node():
    x = Node([1.0, 2.0])
    for y in (np.ones(2) + x, np.ones(2) * x, np.ones(2) - x, np.ones(2) / x, np.ones(2) @ x):
        assert isinstance(y, Node)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda a, b: a + b, r"add: shapes \(2, 3\) and \(4,\) do not broadcast"),
        (lambda a, b: a @ b, r"matmul: shapes \(2, 3\) and \(4,\) do not fit: inner sizes"),
        (lambda a, b: a @ 2.0, r"matmul: shapes \(2, 3\) and \(\) do not fit"),
        (lambda a, b: ad.reshape(a, (4, 2)), r"reshape: shape \(2, 3\) does not fit into \(4, 2\)"),
        (lambda a, b: ad.broadcast_to(a, (3,)), r"broadcast_to: shape \(2, 3\) cannot grow"),
        (lambda a, b: ad.sum_to(b, (2, 4)), r"sum_to: shape \(4,\) cannot be summed to \(2, 4\)"),
        (lambda a, b: ad.sum(a, 2), r"sum: shape \(2, 3\) has no axis 2"),
        (lambda a, b: ad.transpose(a, (0, 0)), r"axes \(0, 0\) are no permutation for .*\(2, 3\)"),
        (lambda a, b: grad(a, [a]), r"output of shape \(2, 3\) needs a seed of that shape"),
        (lambda a, b: grad(a, [a], b), r"seed has shape \(4,\), but the output has .*\(2, 3\)"),
        (lambda a, b: jvp(a, [a], [b]), r"tangent has shape \(4,\), but the input .*\(2, 3\)"),
        (lambda a, b: jvp(a, [a, b], [a]), r"expected 2 tangents.*got 1"),
    ],
)
def test_shapes_that_do_not_fit_are_both_named(make, message):
    with pytest.raises(ValueError, match=message):
        make(Node(np.ones((2, 3))), Node(np.ones(4)))


@pytest.mark.parametrize("value", [1j, "one", [None], np.array([1 + 0j])])
def test_a_node_refuses_what_is_no_real_number_and_names_its_dtype(value):
    with pytest.raises(TypeError, match="real numbers as float64; got dtype"):
        Node(value)


def test_integers_and_float32_become_float64():
    assert Node([1, 2]).value.dtype == Node(np.float32(1)).value.dtype == np.float64
    assert (Node(1) + np.arange(3)).value.dtype == np.float64


def test_the_wrong_kind_of_argument_is_named():
    x = Node(1.0)
    with pytest.raises(TypeError, match=r"list of Nodes.*grad\(y, \[x\]\)"):
        grad(x, x)
    with pytest.raises(TypeError, match="expected a Node as output, got float"):
        grad(1.0, [x])
    with pytest.raises(TypeError, match="expected a number as exponent, got Node"):
        x**x
