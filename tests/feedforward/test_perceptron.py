import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from deepbook.feedforward import Perceptron, XorNetwork, mistake_bound, neuron, truth_table

LEARNABLE = {  # name: a separator, weights and then bias
    "and": [1.0, 1.0, -1.5],
    "or": [1.0, 1.0, -0.5],
    "nand": [-1.0, -1.0, 1.5],
}


def test_a_neuron_fires_only_above_zero():
    x = torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
    fired = neuron(x, torch.tensor([1.0, 0.0]), -1.0)
    assert fired.tolist() == [0, 0, 1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_neurons_can_feed_neurons(dtype):
    inputs, targets = (t.to(dtype) for t in truth_table("xor"))

    def fire(x, *separator):
        *weight, bias = separator
        return neuron(x, torch.tensor(weight, dtype=dtype), bias)

    both = torch.stack([fire(inputs, *LEARNABLE["nand"]), fire(inputs, *LEARNABLE["or"])], -1)
    output = fire(both, *LEARNABLE["and"])
    assert output.dtype == dtype
    assert torch.equal(output, targets)


def test_a_neuron_keeps_leading_dimensions():
    assert neuron(torch.zeros(4, 3, 2), torch.ones(2), 0.0).shape == (4, 3)


@pytest.mark.parametrize("shape", [(), (4, 3)])
def test_a_neuron_names_the_number_of_inputs_it_expected(shape):
    with pytest.raises(ValueError, match="expected 2 inputs in the last dimension"):
        neuron(torch.zeros(shape), torch.ones(2), 0.0)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("and", lambda a, b: a and b),
        ("or", lambda a, b: a or b),
        ("nand", lambda a, b: not (a and b)),
        ("xor", lambda a, b: a != b),
    ],
)
def test_truth_tables_are_true(name, function):
    inputs, targets = truth_table(name)
    assert [tuple(row) for row in inputs.tolist()] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert targets.tolist() == [function(bool(a), bool(b)) for a, b in inputs.tolist()]


def test_truth_tables_are_fresh_each_time():
    truth_table("and")[0].zero_()
    assert truth_table("and")[0].sum() == 4


def test_an_unknown_truth_table_lists_the_known_ones():
    with pytest.raises(ValueError, match="expected one of and, or, nand, xor, got 'nor'"):
        truth_table("nor")


@pytest.mark.parametrize("name", LEARNABLE)
def test_the_rule_learns_what_a_line_separates_within_the_bound(name):
    inputs, targets = truth_table(name)
    perceptron = Perceptron(2)
    record = perceptron.learn(inputs, targets)
    assert record.converged
    assert torch.equal(perceptron(inputs), targets)
    assert 0 < record.updates <= mistake_bound(inputs, targets, torch.tensor(LEARNABLE[name]))


def test_the_record_counts_each_mistake_once():
    record = Perceptron(2).learn(*truth_table("and"))
    assert record.passes == len(record.errors)
    assert record.updates == sum(record.errors)
    assert record.errors[-1] == 0
    assert all(count > 0 for count in record.errors[:-1])


def test_the_first_pass_goes_as_by_hand():
    # OR from zero: 00 is right; 01 is wrong, giving w = (0, 1), b = 1; the rest is right
    perceptron = Perceptron(2)
    record = perceptron.learn(*truth_table("or"), max_epochs=1)
    assert (record.updates, record.converged) == (1, False)
    assert perceptron.weight.tolist() == [0, 1]
    assert perceptron.bias.item() == 1


def test_a_mistake_on_class_0_subtracts_the_input():
    perceptron = Perceptron(1)
    x, y = torch.tensor([[2.0], [3.0]]), torch.tensor([1, 0])
    perceptron.learn(x, y, max_epochs=1)
    assert perceptron.weight.tolist() == [-1]
    assert perceptron.bias.item() == 0


def test_learning_starts_again_from_zero():
    inputs, targets = truth_table("nand")
    perceptron = Perceptron(2)
    first = perceptron.learn(inputs, targets)
    assert perceptron.learn(inputs, targets) == first


def test_xor_is_never_learned():
    record = Perceptron(2).learn(*truth_table("xor"), max_epochs=200)
    assert not record.converged
    assert record.passes == 200
    assert min(record.errors) >= 1


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 4), st.integers(1, 12))
def test_the_rule_never_exceeds_the_bound_on_separable_examples(seed, size, count):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, size, generator=generator, dtype=torch.float64)
    separator = torch.randn(size + 1, generator=generator, dtype=torch.float64)
    score = x @ separator[:-1] + separator[-1]
    assume(score.abs().min() > 0.1 * separator.norm())
    y = (score > 0).long()
    perceptron = Perceptron(size).double()
    record = perceptron.learn(x, y, max_epochs=100_000)
    assert record.converged
    assert torch.equal(perceptron(x), y.double())
    assert record.updates <= mistake_bound(x, y, separator)


def test_the_bound_is_the_closed_form():
    # AND: the longest extended input (1, 1, 1) has R^2 = 3; w = (1, 1, -1.5), |w|^2 = 4.25,
    # leaves a margin of 1/2 / |w|: 3 * 4.25 * 4
    bound = mistake_bound(*truth_table("and"), torch.tensor(LEARNABLE["and"]))
    assert bound == pytest.approx(51)


def test_the_bound_does_not_depend_on_the_length_of_the_separator():
    separator = torch.tensor(LEARNABLE["or"])
    bounds = [mistake_bound(*truth_table("or"), scale * separator) for scale in (1, 7)]
    assert bounds[0] == pytest.approx(bounds[1])


@pytest.mark.parametrize("separator", [[1.0, 1.0, -3.0], [1.0, 1.0, -2.0], [0.0, 0.0, 0.0]])
def test_the_bound_wants_a_separator_that_separates_strictly(separator):
    with pytest.raises(ValueError, match="strictly on its side"):
        mistake_bound(*truth_table("and"), torch.tensor(separator))


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (torch.zeros(4, 3), torch.zeros(4), r"x of shape \(N, 2\), got \(4, 3\)"),
        (torch.zeros(2), torch.zeros(2), r"x of shape \(N, 2\), got \(2,\)"),
        (torch.zeros(0, 2), torch.zeros(0), r"x of shape \(N, 2\), got \(0, 2\)"),
        (torch.zeros(4, 2), torch.zeros(3), r"y of shape \(4,\), got \(3,\)"),
        (torch.zeros(4, 2), torch.tensor([-1, 1, 1, 1]), r"targets 0 and 1, got \[-1, 1\]"),
    ],
)
def test_examples_that_do_not_fit_are_refused(x, y, message):
    with pytest.raises(ValueError, match=message):
        Perceptron(2).learn(x, y)
    with pytest.raises(ValueError, match=message):
        mistake_bound(x, y, torch.ones(3))


def test_a_perceptron_needs_an_input_and_a_pass():
    with pytest.raises(ValueError, match="n_inputs=0"):
        Perceptron(0)
    with pytest.raises(ValueError, match="max_epochs of at least 1, got 0"):
        Perceptron(2).learn(*truth_table("or"), max_epochs=0)


def test_goodfellows_network_computes_xor():
    inputs, targets = truth_table("xor")
    assert torch.equal(XorNetwork()(inputs), targets)


def test_goodfellows_hidden_units_fold_two_corners_into_one():
    hidden = XorNetwork().hidden(truth_table("xor")[0])
    assert hidden.tolist() == [[0, 0], [1, 0], [1, 0], [2, 1]]  # eq. 6.10, figure 6.1


def test_goodfellows_network_can_be_trained():
    network = XorNetwork()
    inputs, targets = truth_table("xor")
    ((network(inputs) - targets - 1) ** 2).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert network.b.grad.item() == -8
